//! Conversations continue: what reaches the service, turn by turn, as its journal shows it.

use foundry_emulator::{Emulator, RecordedRequest};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Gateway, SOON, emulator_and_gateway, error_of, events_of};

const TWO_CALLERS: &str = "web=web-key-0123456789ab,app=app-key-0123456789ab";

/// A client that resends its whole history, as clients do.
struct Chat<'a> {
    gateway: &'a Gateway,
    agent: &'a str,
    messages: Vec<Value>,
}

impl<'a> Chat<'a> {
    fn new(gateway: &'a Gateway, agent: &'a str) -> Self {
        Self {
            gateway,
            agent,
            messages: Vec::new(),
        }
    }

    fn asking(&self, text: &str) -> Value {
        let mut messages = self.messages.clone();
        messages.push(json!({"role": "user", "content": text}));
        json!({"model": self.agent, "messages": messages})
    }

    async fn say(&mut self, text: &str) -> String {
        let answer = answer_of(self.gateway.chat(self.asking(text)).await).await;
        self.messages.push(json!({"role": "user", "content": text}));
        self.messages.push(answer["choices"][0]["message"].clone());
        answer["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

async fn answer_of(response: reqwest::Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn last(emulator: &Emulator, operation: &str) -> RecordedRequest {
    let requests = emulator.journal().requests();
    requests
        .into_iter()
        .rfind(|request| request.operation == operation)
        .unwrap()
}

fn texts_sent(request: &RecordedRequest) -> Vec<String> {
    let items = request.body["input"]
        .as_array()
        .or_else(|| request.body["additional_messages"].as_array());
    let texts = items.into_iter().flatten().map(|item| {
        item["content"][0]["text"]
            .as_str()
            .unwrap_or("?")
            .to_owned()
    });
    texts.collect()
}

#[tokio::test]
async fn a_new_agent_is_sent_only_what_is_new() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("My name is Ada.").await;
    assert_eq!(
        last(&emulator, "create_response")
            .body
            .get("previous_response_id"),
        None
    );
    for text in ["I like tea.", "And rain.", "And maps."] {
        chat.say(text).await;
        let sent = last(&emulator, "create_response");
        assert_eq!(texts_sent(&sent), [text]);
        assert!(
            sent.body["previous_response_id"]
                .as_str()
                .unwrap()
                .starts_with("resp_")
        );
    }
    assert!(chat.say("What is my name?").await.contains("Ada"));
    assert_eq!(
        emulator.journal().count("create_response"),
        5,
        "one call a turn"
    );
}

#[tokio::test]
async fn a_classic_agent_stays_on_one_thread() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "asst_assistant");
    chat.say("My name is Ada.").await;
    chat.say("I like tea.").await;
    assert_eq!(texts_sent(&last(&emulator, "create_run")), ["I like tea."]);
    assert!(chat.say("What is my name?").await.contains("Ada"));
    let operations: Vec<_> = emulator
        .journal()
        .requests()
        .into_iter()
        .map(|request| request.operation)
        .collect();
    assert_eq!(
        operations,
        ["create_thread_and_run", "create_run", "create_run"]
    );
}

#[tokio::test]
async fn a_stream_continues_like_an_answer_and_tells_its_id_once() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let response = gateway.ask_streamed("assistant", "My name is Ada.").await;
    let id = response.headers()["x-thread-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let stream = response.text().await.unwrap();
    let events = events_of(&stream);
    assert!(
        events[0].contains(&format!("\"thread_id\":\"{id}\"")),
        "{}",
        events[0]
    );
    assert_eq!(stream.matches("thread_id").count(), 1);
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": " My name  is Ada. "}]},
        {"role": "assistant", "content": format!("\n{} ", crate::support::text_of(&stream)), "refusal": null},
        {"role": "user", "content": "What is my name?"},
    ]);
    let body = json!({"model": "assistant", "stream": true, "messages": messages});
    let stream = gateway.chat(body).await.text().await.unwrap();
    assert!(crate::support::text_of(&stream).contains("Ada"));
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["What is my name?"]
    );
}

#[tokio::test]
async fn regenerated_and_edited_turns_branch_off_where_they_belong() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("My name is Ada.").await;
    let first = last(&emulator, "create_response");
    chat.say("I like tea.").await;
    let head = last(&emulator, "create_response").body["previous_response_id"].clone();
    // Regenerate the second answer, then edit the second question, then go on from both at once.
    let mut again = Chat::new(&gateway, "assistant");
    again.messages = chat.messages[..2].to_vec();
    let mut edited = Chat::new(&gateway, "assistant");
    edited.messages = chat.messages[..2].to_vec();
    again.say("I like tea.").await;
    assert_eq!(
        last(&emulator, "create_response").body["previous_response_id"],
        head
    );
    edited.say("I like coffee.").await;
    assert_eq!(
        last(&emulator, "create_response").body["previous_response_id"],
        head
    );
    assert_ne!(first.body, last(&emulator, "create_response").body);
    let parallel = ["one", "two", "three"].map(|text| gateway.chat(edited.asking(text)));
    for answer in join_all(parallel).await {
        answer_of(answer).await;
    }
    let heads: Vec<_> = emulator
        .journal()
        .requests()
        .iter()
        .rev()
        .take(3)
        .map(|request| request.body["previous_response_id"].clone())
        .collect();
    assert!(
        heads.windows(2).all(|pair| pair[0] == pair[1]) && heads[0] != head,
        "{heads:?}"
    );
}

#[tokio::test]
async fn of_two_that_continue_one_thread_one_replays() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "asst_assistant");
    chat.say("My name is Ada.").await;
    emulator.journal().clear();
    let both = join_all(
        ["What is my name? A", "What is my name? B"].map(|text| gateway.chat(chat.asking(text))),
    )
    .await;
    for response in both {
        let answer = answer_of(response).await;
        assert!(
            answer["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .contains("Ada"),
            "{answer}"
        );
    }
    let journal = emulator.journal();
    assert_eq!(
        (
            journal.count("create_run"),
            journal.count("create_thread_and_run")
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_thread_that_went_on_by_its_id_is_not_found_by_an_earlier_history() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "asst_assistant");
    let first = answer_of(gateway.chat(chat.asking("My name is Ada.")).await).await;
    chat.messages
        .push(json!({"role": "user", "content": "My name is Ada."}));
    chat.messages.push(first["choices"][0]["message"].clone());
    let mut by_id = json!({"model": "asst_assistant", "thread_id": first["thread_id"]});
    for text in ["My name is Grace.", "And rain."] {
        by_id["messages"] = json!([{"role": "user", "content": text}]);
        answer_of(gateway.chat(by_id.clone()).await).await;
    }
    assert_eq!(
        (
            emulator.journal().count("create_run"),
            emulator.journal().count("create_thread_and_run")
        ),
        (2, 1),
        "by its id it stays on its thread"
    );
    let answer = chat.say("What is my name?").await;
    assert!(answer.contains("Ada"), "{answer}");
}

#[tokio::test]
async fn system_text_travels_once_and_again_when_it_changes() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.messages
        .push(json!({"role": "system", "content": "Be brief."}));
    chat.say("one").await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["Be brief.", "one"]
    );
    chat.say("two").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["two"]);
    chat.messages[0] = json!({"role": "system", "content": "Be polite."});
    chat.say("three").await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["Be polite.", "three"]
    );
    chat.say("four").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["four"]);
}

#[tokio::test]
async fn system_text_that_the_client_took_back_is_not_left_behind() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.messages
        .push(json!({"role": "system", "content": "Be brief."}));
    chat.say("one").await;
    chat.messages.remove(0);
    chat.say("two").await;
    let sent = last(&emulator, "create_response");
    assert_eq!(sent.body.get("previous_response_id"), None);
    assert_eq!(texts_sent(&sent)[0], "one");
    chat.say("three").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["three"]);
}

#[tokio::test]
async fn who_names_a_conversation_need_not_repeat_its_system_text() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let system = json!({"role": "system", "content": "Be brief."});
    let user = |text: &str| json!({"role": "user", "content": text});
    let first = json!({"model": "assistant", "messages": [system, user("one")]});
    let id = answer_of(gateway.chat(first).await).await["thread_id"].clone();
    for messages in [json!([user("two")]), json!([system, user("three")])] {
        let body = json!({"model": "assistant", "thread_id": id, "messages": messages});
        answer_of(gateway.chat(body).await).await;
    }
    let sent = last(&emulator, "create_response");
    assert_eq!(texts_sent(&sent), ["three"], "the system text is known");
}

#[tokio::test]
async fn an_id_continues_without_the_history_in_every_spelling() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in ["assistant", "asst_assistant"] {
        let first = answer_of(gateway.ask(agent, "My name is Ada.").await).await;
        let id = first["thread_id"].as_str().unwrap();
        for (field, value) in [
            ("thread_id", json!(id)),
            ("conversation", json!({"id": id})),
            ("previous_response_id", json!(id)),
        ] {
            let mut body = json!({"model": agent, "messages": [{"role": "user", "content": "What is my name?"}]});
            body[field] = value;
            let answer = answer_of(gateway.chat(body).await).await;
            assert!(
                answer["choices"][0]["message"]["content"]
                    .as_str()
                    .unwrap()
                    .contains("Ada"),
                "{agent} {field}"
            );
            assert_eq!(answer["thread_id"], id);
        }
    }
    assert_eq!(emulator.journal().count("create_thread"), 0);
}

#[tokio::test]
async fn nobody_reaches_another_callers_conversation() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_API_KEYS", TWO_CALLERS)],
    )
    .await;
    let send = |key: &'static str, body: Value| {
        let request = gateway
            .http
            .post(gateway.url("/v1/chat/completions"))
            .bearer_auth(key);
        request.body(body.to_string()).send()
    };
    let question = json!({"role": "user", "content": "My name is Ada."});
    let body = json!({"model": "assistant", "messages": [question]});
    let first = answer_of(send("web-key-0123456789ab", body).await.unwrap()).await;
    for id in [first["thread_id"].as_str().unwrap(), "thread_made_up"] {
        let body = json!({"model": "assistant", "thread_id": id, "messages": [{"role": "user", "content": "What is my name?"}]});
        let (status, error) = error_of(send("app-key-0123456789ab", body).await.unwrap()).await;
        assert_eq!(
            (status, &error["code"]),
            (404, &"conversation_not_found".into())
        );
        assert!(!error.to_string().contains(id), "{error}");
    }
    // The same history from the other caller is a conversation of its own.
    let history = json!([question, first["choices"][0]["message"], {"role": "user", "content": "What is my name?"}]);
    answer_of(
        send(
            "app-key-0123456789ab",
            json!({"model": "assistant", "messages": history}),
        )
        .await
        .unwrap(),
    )
    .await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")).len(),
        3,
        "replayed whole"
    );
}

#[tokio::test]
async fn names_keep_chats_with_the_same_beginning_apart() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let send = |name: &'static str, messages: Value| {
        let body = json!({"model": "assistant", "messages": messages}).to_string();
        let request = gateway
            .http
            .post(gateway.url("/v1/chat/completions"))
            .bearer_auth(crate::support::KEY);
        request
            .header("x-openwebui-chat-id", name)
            .body(body)
            .send()
    };
    let question = json!({"role": "user", "content": "hi"});
    let first = answer_of(send("chat-1", json!([question])).await.unwrap()).await;
    let history =
        json!([question, first["choices"][0]["message"], {"role": "user", "content": "more"}]);
    answer_of(send("chat-2", history.clone()).await.unwrap()).await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")).len(), 3);
    answer_of(send("chat-1", history).await.unwrap()).await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["more"]);
    let by_id = json!({"model": "assistant", "thread_id": first["thread_id"], "messages": [{"role": "user", "content": "and"}]});
    answer_of(gateway.chat(by_id).await).await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["and"],
        "an id means the same under every name"
    );
}

#[tokio::test]
async fn what_the_service_has_forgotten_is_replayed() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in ["assistant", "asst_assistant"] {
        let mut chat = Chat::new(&gateway, agent);
        chat.say("My name is Ada.").await;
        delete_everything(&emulator, &gateway).await;
        assert!(
            chat.say("What is my name?").await.contains("Ada"),
            "{agent}"
        );
        chat.say("Thanks.").await;
        let sent = last(
            &emulator,
            if agent == "assistant" {
                "create_response"
            } else {
                "create_run"
            },
        );
        assert_eq!(
            texts_sent(&sent),
            ["Thanks."],
            "{agent}: the new head is continued"
        );
    }
}

/// Deletes all responses and threads that the journal tells of.
async fn delete_everything(emulator: &Emulator, gateway: &Gateway) {
    let list = |path: &str| {
        gateway
            .http
            .get(format!("{}{path}", emulator.project_endpoint()))
            .bearer_auth("t")
            .send()
    };
    let threads = list("/threads?api-version=v1")
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let threads: Value = serde_json::from_str(&threads).unwrap();
    for thread in threads["data"].as_array().into_iter().flatten() {
        let path = format!(
            "{}/threads/{}?api-version=v1",
            emulator.project_endpoint(),
            thread["id"].as_str().unwrap()
        );
        gateway
            .http
            .delete(path)
            .bearer_auth("t")
            .send()
            .await
            .unwrap();
    }
    for row in gateway
        .app
        .store
        .expired(u64::MAX, None, 1000)
        .await
        .unwrap()
        .rows
    {
        if let Some(foundry_gateway::continuity::store::Upstream::Response { id }) =
            row.row.map(|row| row.upstream)
        {
            let path = format!("{}/openai/v1/responses/{id}", emulator.project_endpoint());
            gateway
                .http
                .delete(path)
                .bearer_auth("t")
                .send()
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn off_keeps_nothing() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let off = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_CONTINUITY", "off")],
    )
    .await;
    let by_header = gateway
        .http
        .post(gateway.url("/v1/chat/completions"))
        .bearer_auth(crate::support::KEY);
    let body =
        json!({"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let by_header = by_header
        .header("x-gateway-continuity", "off")
        .body(body)
        .send()
        .await
        .unwrap();
    for response in [off.ask("assistant", "hi").await, by_header] {
        assert!(response.headers().get("x-thread-id").is_none());
        assert!(answer_of(response).await.get("thread_id").is_none());
        assert_eq!(last(&emulator, "create_response").body["store"], false);
    }
    let body = json!({"model": "assistant", "thread_id": "t", "messages": [{"role": "user", "content": "hi"}]});
    let (status, error) = error_of(off.chat(body).await).await;
    assert_eq!((status, &error["param"]), (400, &"thread_id".into()));
}

#[tokio::test]
async fn explicit_leaves_the_history_alone() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_CONTINUITY", "explicit")],
    )
    .await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("one").await;
    chat.say("two").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")).len(), 3);
}

#[tokio::test]
async fn failed_and_abandoned_turns_leave_no_head_and_no_thread() {
    let (emulator, gateway) = emulator_and_gateway().await;
    gateway.ask("asst_fail_cut", "hi").await;
    let deleted = |requests: &[RecordedRequest]| {
        requests
            .iter()
            .any(|request| request.operation == "delete_thread" && request.ending.is_some())
    };
    assert!(emulator.journal().wait_for(deleted, SOON).await);
    gateway.ask("fail-error-event-middle", "hi").await;
    assert_eq!(
        gateway
            .app
            .store
            .expired(u64::MAX, None, 10)
            .await
            .unwrap()
            .rows
            .len(),
        0
    );
}

#[tokio::test]
async fn the_cleanup_removes_what_has_expired_here_and_upstream() {
    let (emulator, gateway) = emulator_and_gateway().await;
    gateway.ask("assistant", "hi").await;
    gateway.ask("asst_assistant", "hi").await;
    let far_future = FarFuture;
    let report = foundry_gateway::continuity::cleanup::run(
        &*gateway.app.store,
        &far_future,
        &gateway.app.foundry,
        "req_1",
    );
    let report = report.await.unwrap();
    assert_eq!(
        (report.rows, report.upstream, report.failed, report.more),
        (4, 3, 0, false),
        "a response by two rows, a thread by one, to which another points"
    );
    assert!(0 < emulator.journal().count("delete_thread"));
    assert_eq!(
        gateway
            .app
            .store
            .expired(u64::MAX, None, 10)
            .await
            .unwrap()
            .rows
            .len(),
        0
    );
}

#[derive(Debug)]
struct FarFuture;

impl foundry_gateway::continuity::store::Clock for FarFuture {
    fn unix_seconds(&self) -> u64 {
        u64::MAX
    }
}

#[tokio::test]
async fn the_cleanup_answers_the_host_and_nobody_from_outside() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let call = |headers: &'static [(&'static str, &'static str)]| {
        let mut request = gateway
            .http
            .post(gateway.url("/thread-cleanup"))
            .body("{\"Data\":{},\"Metadata\":{}}");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send()
    };
    let from_host = call(&[("x-azure-functions-invocationid", "i")])
        .await
        .unwrap();
    assert_eq!(from_host.status(), 200);
    let envelope: Value = serde_json::from_str(&from_host.text().await.unwrap()).unwrap();
    assert!(
        envelope["Logs"][0]
            .as_str()
            .unwrap()
            .starts_with("0 expired rows removed"),
        "{envelope}"
    );
    for headers in [
        &[
            ("x-azure-functions-invocationid", "i"),
            ("x-ms-invocation-id", "i"),
        ][..],
        &[
            ("x-azure-functions-invocationid", "i"),
            ("x-forwarded-host", "h"),
        ],
        &[],
    ] {
        assert_eq!(call(headers).await.unwrap().status(), 404);
    }
}

#[tokio::test]
async fn a_store_that_is_down_or_slow_costs_a_replay_and_no_answer() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [
        (
            "THREADS_CONNECTION_STRING",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a",
        ),
        ("GATEWAY_STORE_TIMEOUT_SECONDS", "0.1"),
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("My name is Ada.").await;
    assert!(chat.say("What is my name?").await.contains("Ada"));
    let body = json!({"model": "assistant", "thread_id": "thread_1", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(gateway.chat(body).await.status(), 200);
}
