//! No caller reaches another's conversation: every id of caller A, tried by caller B over every way in, is answered
//! like one that never existed, with the same bytes after the same number of store operations, or is a conversation
//! of B's own that touches nothing of A's upstream.

use std::sync::Arc;

use foundry_emulator::{Behaviour, Emulator, RecordedRequest};
use foundry_gateway::continuity::store::{
    ConversationStore, Upstream, clock::SystemClock, memory::MemoryStore,
};
use serde_json::{Value, json};

use crate::support::{FaultyStore, Gateway, emulator, text_of};

const CALLERS: &str = "web=web-key-0123456789ab,app=app-key-0123456789ab";
const A: &str = "web-key-0123456789ab";
const B: &str = "app-key-0123456789ab";
/// What A calls its conversation.
const NAME: &str = "family-matters";
const NAMING_HEADERS: [&str; 5] = [
    "x-openwebui-chat-id",
    "x-conversation-id",
    "x-session-id",
    "session-id",
    "thread-id",
];

/// A gateway with two callers, of which A has a conversation.
struct Scene {
    emulator: Emulator,
    gateway: Gateway,
    store: Arc<FaultyStore>,
    agent: &'static str,
    /// What A said and was answered.
    history: Vec<Value>,
    /// What A was told to continue by.
    thread_id: String,
    /// Everything that names A's conversation anywhere.
    ids: Vec<String>,
}

/// What a request led to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: u16,
    /// All headers but those that differ between any two answers.
    headers: Vec<(String, String)>,
    body: String,
    store_operations: usize,
    /// The requests that reached the service.
    upstream: Vec<String>,
}

impl Scene {
    async fn with(agent: &'static str) -> Self {
        let emulator = emulator(Behaviour::default()).await;
        let rows = Arc::new(MemoryStore::new(100_000, Arc::new(SystemClock)));
        let store = FaultyStore::around(Arc::clone(&rows) as _);
        let settings = [("GATEWAY_API_KEYS", CALLERS)];
        let endpoint = emulator.project_endpoint();
        let gateway = Gateway::with_store(&endpoint, &settings, Arc::clone(&store) as _).await;
        let mut scene = Self {
            emulator,
            gateway,
            store,
            agent,
            history: Vec::new(),
            thread_id: String::new(),
            ids: vec![NAME.to_owned()],
        };
        // Once by its name and once without, so that both kinds of rows are there.
        for name in [Some(("x-openwebui-chat-id", NAME)), None] {
            scene.history = vec![json!({"role": "user", "content": "My name is Ada."})];
            let outcome = scene
                .send(A, &json!({"messages": scene.history}), name)
                .await;
            assert_eq!(outcome.status, 200, "{}", outcome.body);
            let answer: Value = serde_json::from_str(&outcome.body).unwrap();
            scene.history.push(answer["choices"][0]["message"].clone());
            answer["thread_id"]
                .as_str()
                .unwrap()
                .clone_into(&mut scene.thread_id);
            for id in ["thread_id", "id"] {
                scene.ids.push(answer[id].as_str().unwrap().to_owned());
            }
        }
        let page = rows.expired(u64::MAX, None, 1_000).await.unwrap();
        for stored in page.rows {
            let row = stored.row.unwrap();
            if let Upstream::Response { id } | Upstream::Thread { id } = row.upstream {
                scene.ids.push(id);
            }
            scene
                .ids
                .extend([row.scope, stored.key.partition, stored.key.row]);
        }
        scene.ids.sort_unstable();
        scene.ids.dedup();
        scene
    }

    async fn send(&self, key: &str, fields: &Value, header: Option<(&str, &str)>) -> Outcome {
        let mut body = fields.clone();
        body["model"] = json!(self.agent);
        let before = self.store.operations();
        self.emulator.journal().clear();
        let request = self
            .gateway
            .http
            .post(self.gateway.url("/v1/chat/completions"));
        let mut request = request.bearer_auth(key).body(body.to_string());
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        let headers = response.headers().iter();
        let headers = headers
            .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        let requests = self.emulator.journal().requests();
        Outcome {
            status,
            headers,
            body,
            store_operations: self.store.operations() - before,
            upstream: requests.into_iter().map(reaching).collect(),
        }
    }

    /// Nothing that A was told or that names A's conversation upstream is in what the service was sent.
    fn assert_apart(&self, outcome: &Outcome, way: &str) {
        assert_eq!(outcome.status, 200, "{way}: {}", outcome.body);
        assert_eq!(outcome.upstream.len(), 1, "{way}");
        for id in self.ids.iter().filter(|id| *id != NAME) {
            let reached = outcome.upstream.iter().any(|request| request.contains(id));
            assert!(!reached, "{way} reaches {id}: {:?}", outcome.upstream);
        }
    }
}

/// An id of the same form that nobody ever had.
fn never_existed(id: &str) -> String {
    let keep = id.find('_').map_or(0, |underscore| underscore + 1);
    let (prefix, rest) = id.split_at(keep);
    format!("{prefix}{}", "0".repeat(rest.len()))
}

#[tokio::test]
async fn an_id_of_another_caller_is_answered_like_one_that_never_existed() {
    let mut tried = 0;
    for agent in ["assistant", "asst_assistant"] {
        let scene = Scene::with(agent).await;
        let question = json!({"role": "user", "content": "What is my name?"});
        let mut resent = scene.history.clone();
        resent.push(question.clone());
        let ways = [
            ("thread_id", false),
            ("conversation", false),
            ("conversation", true),
            ("previous_response_id", false),
        ];
        for id in &scene.ids {
            for (field, as_object) in ways {
                let form = |id: &str| {
                    if as_object {
                        json!({"id": id})
                    } else {
                        json!(id)
                    }
                };
                for stream in [false, true] {
                    for messages in [&vec![question.clone()], &resent] {
                        let with = |id: &str| json!({"stream": stream, "messages": messages, field: form(id)});
                        // With A's name on top, which must not help either.
                        for header in [None, Some(("x-openwebui-chat-id", NAME))] {
                            let theirs = scene.send(B, &with(id), header).await;
                            let nobodys = scene.send(B, &with(&never_existed(id)), header).await;
                            assert_eq!(theirs, nobodys, "{agent} {field} {id}");
                            // The id is looked up, and the history where one is shown.
                            let look_ups = if messages.len() == 1 { 1 } else { 2 };
                            assert_eq!((theirs.status, theirs.store_operations), (404, look_ups));
                            assert!(theirs.upstream.is_empty());
                            assert!(!theirs.body.contains(id.as_str()));
                            tried += 1;
                        }
                    }
                }
            }
        }
        // It is there, for A.
        let asked = json!({"messages": [question], "thread_id": scene.thread_id});
        let own = scene.send(A, &asked, None).await;
        assert!(own.body.contains("Ada"), "{}", own.body);
    }
    assert!(500 < tried, "{tried}");
}

#[tokio::test]
async fn a_name_or_a_history_of_another_caller_is_a_conversation_of_ones_own() {
    for agent in ["assistant", "asst_assistant"] {
        let scene = Scene::with(agent).await;
        let mut trial = 0;
        let metadata = |name: &str| json!({"conversation_id": name});
        for stream in [false, true] {
            for id in &scene.ids {
                let headers = NAMING_HEADERS.map(Some).into_iter().chain([None]);
                for header in headers {
                    let way = format!("{agent} {header:?} {id} {stream}");
                    let with = |name: &str, messages: &[Value]| {
                        let mut fields = json!({"stream": stream, "messages": messages});
                        if header.is_none() {
                            fields["metadata"] = metadata(name);
                        }
                        fields
                    };
                    // A question of its own for each trial, so that B's earlier ones are no part of it.
                    trial += 1;
                    let asked = [question(trial)];
                    let resent = [&scene.history[..], &asked].concat();
                    let bare = scene.send(B, &with(id, &asked), named(header, id)).await;
                    scene.assert_apart(&bare, &way);
                    assert!(!answer_in(&bare.body, stream).contains("Ada"), "{way}");
                    let other = never_existed(id);
                    let fresh = scene
                        .send(B, &with(&other, &asked), named(header, &other))
                        .await;
                    assert_eq!(bare.store_operations, fresh.store_operations, "{way}");
                    // Who knows the text may say it, and is sent it whole.
                    let known = scene.send(B, &with(id, &resent), named(header, id)).await;
                    scene.assert_apart(&known, &way);
                    assert!(known.upstream[0].contains("My name is Ada."), "{way}");
                    let fresh = scene
                        .send(B, &with(&other, &resent), named(header, &other))
                        .await;
                    assert_eq!(known.store_operations, fresh.store_operations, "{way}");
                }
            }
            trial += 1;
            let resent = [&scene.history[..], &[question(trial)]].concat();
            let recognised = scene
                .send(B, &json!({"stream": stream, "messages": resent}), None)
                .await;
            scene.assert_apart(&recognised, agent);
            assert!(recognised.upstream[0].contains("My name is Ada."));
        }
        // A's conversation is still A's, and whole.
        let resent = [&scene.history[..], &[question(0)]].concat();
        let own = scene.send(A, &json!({"messages": resent}), None).await;
        assert!(!own.upstream[0].contains("My name is Ada."), "{agent}");
        assert!(own.body.contains("Ada"), "{}", own.body);
    }
}

fn question(trial: u32) -> Value {
    json!({"role": "user", "content": format!("What is my name? ({trial})")})
}

/// What of a request can reach a conversation: not the client's metadata, which the service only keeps.
fn reaching(mut request: RecordedRequest) -> String {
    if let Some(fields) = request.body.as_object_mut() {
        fields.remove("metadata");
    }
    format!("{} {}", request.path, request.body)
}

fn named<'a>(header: Option<&'a str>, name: &'a str) -> Option<(&'a str, &'a str)> {
    header.map(|header| (header, name))
}

fn answer_in(body: &str, stream: bool) -> String {
    if stream {
        return text_of(body);
    }
    let answer: Value = serde_json::from_str(body).unwrap();
    answer["choices"][0]["message"]["content"]
        .as_str()
        .unwrap()
        .to_owned()
}
