//! Two processes of the gateway on one table: they take turns in one conversation, and one goes on when the other
//! is killed. Neither disturbs a run that is not its own.

use std::future::Future;

use foundry_emulator::{Behaviour, Emulator, Fault, Options, Stage};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Azurite, Client, Program, SOON, Witness, always, text_of};

/// One agent of each kind.
const AGENTS: [&str; 2] = ["assistant", "asst_assistant"];
/// The operations that let an agent answer.
const TURNS: [&str; 3] = ["create_response", "create_thread_and_run", "create_run"];
/// How long a run says nothing, so that another request finds it active.
const WHILE_ANOTHER_ASKS_MS: u64 = 3_000;

/// A table, a service whose agents testify what they were given, and two gateways between them.
struct Site {
    azurite: Azurite,
    witness: Witness,
    emulator: Emulator,
    instances: Vec<(Program, Client)>,
}

impl Site {
    async fn with_two_instances() -> Self {
        let witness = Witness::start().await;
        let options = Options {
            model_server: Some(witness.as_model_server()),
            ..Options::default()
        };
        let mut site = Self {
            azurite: Azurite::with_shared_key().await,
            emulator: Emulator::start(options).await.unwrap(),
            witness,
            instances: Vec::new(),
        };
        site.start_instance().await;
        site.start_instance().await;
        site
    }

    async fn start_instance(&mut self) {
        let connection_string = self.azurite.connection_string();
        let settings = [
            ("THREADS_CONNECTION_STRING", connection_string.as_str()),
            // Generous, because Azurite on a busy machine is not what these tests measure.
            ("GATEWAY_STORE_TIMEOUT_SECONDS", "8"),
        ];
        let endpoint = self.emulator.project_endpoint();
        self.instances
            .push(Program::serve(&endpoint, &settings).await);
    }

    fn client(&self, instance: usize) -> &Client {
        &self.instances[instance].1
    }

    /// One turn after `history`, by an instance: the history with it. The agent must have been given all of it.
    async fn turn(
        &self,
        instance: usize,
        agent: &str,
        history: &[Value],
        text: &str,
    ) -> Vec<Value> {
        let mut messages = [history, &[user(text)]].concat();
        let body = json!({"model": agent, "messages": messages});
        let answer = in_time(async { answer_of(self.client(instance).chat(body).await).await });
        let message = answer.await["choices"][0]["message"].clone();
        let circumstances = format!("{agent}, instance {instance}, {text:?}");
        let content = message["content"].as_str().unwrap();
        self.witness.assert_saw(&messages, content, &circumstances);
        messages.push(message);
        messages
    }

    /// Kills an instance as the host does, without notice, and waits until it is gone.
    async fn kill(&mut self, instance: usize) {
        let (program, _) = self.instances.remove(instance);
        program.signal("KILL").await;
        assert_eq!(program.ended().await.code, None);
    }

    /// Operation and sent texts of the turns since the last call.
    fn upstream_turns(&self) -> Vec<(String, Vec<String>)> {
        let requests = self.emulator.journal().requests();
        self.emulator.journal().clear();
        requests
            .into_iter()
            .filter(|request| TURNS.contains(&request.operation.as_str()))
            .map(|request| (request.operation, texts_of(&request.body)))
            .collect()
    }
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// The texts of a request that lets an agent answer.
fn texts_of(body: &Value) -> Vec<String> {
    let places = ["/input", "/additional_messages", "/thread/messages"];
    let messages = places
        .iter()
        .find_map(|place| body.pointer(place)?.as_array());
    let texts = messages
        .into_iter()
        .flatten()
        .map(|message| message["content"][0]["text"].as_str().unwrap());
    texts.map(str::to_owned).collect()
}

async fn answer_of(response: reqwest::Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Nothing hangs: whatever the instances do to each other, an answer comes in time.
async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(SOON * 2, answer).await;
    answer.unwrap_or_else(|_| panic!("no answer in time"))
}

#[tokio::test]
async fn instances_take_turns_in_one_conversation() {
    let site = Site::with_two_instances().await;
    for agent in AGENTS {
        let mut history = site.turn(0, agent, &[], "turn 0").await;
        site.upstream_turns();
        for number in 1..5 {
            let text = format!("turn {number}");
            history = site.turn(number % 2, agent, &history, &text).await;
            let [(operation, sent)] = &site.upstream_turns()[..] else {
                panic!("one call a turn");
            };
            assert_ne!(operation, "create_thread_and_run");
            assert_eq!(sent, &[text], "only what is new");
        }
    }
}

#[tokio::test]
async fn branches_that_begin_at_once_on_both_instances_stay_apart() {
    const BRANCHES: usize = 6;
    let site = Site::with_two_instances().await;
    for agent in AGENTS {
        let trunk = site.turn(0, agent, &[], "the trunk").await;
        site.upstream_turns();
        let branches = join_all((0..BRANCHES).map(|branch| {
            let (site, trunk) = (&site, &trunk);
            async move {
                let text = format!("branch {branch}");
                site.turn(branch % 2, agent, trunk, &text).await
            }
        }));
        let branches = branches.await;
        let upstream = site.upstream_turns();
        let continued = upstream.iter().filter(|(_, sent)| sent.len() == 1).count();
        // Everybody may continue a response; of those who continue a thread, one gets it and the others replay.
        let expected = if agent == "assistant" { BRANCHES } else { 1 };
        assert_eq!((upstream.len(), continued), (BRANCHES, expected));
        // Each goes on, on the instance that did not begin it.
        let further = branches.iter().enumerate().map(|(branch, history)| {
            let site = &site;
            async move {
                let text = format!("further {branch}");
                site.turn((branch + 1) % 2, agent, history, &text).await
            }
        });
        join_all(further).await;
        let upstream = site.upstream_turns();
        assert!(
            upstream.iter().all(|(_, sent)| sent.len() == 1),
            "{upstream:?}"
        );
    }
}

#[tokio::test]
async fn when_an_instance_is_killed_in_mid_stream_the_other_goes_on() {
    for agent in AGENTS {
        let mut site = Site::with_two_instances().await;
        let first = site.turn(0, agent, &[], "turn 0").await;
        let history = site.turn(1, agent, &first, "turn 1").await;

        site.emulator
            .behaviour()
            .set(always("any", Stage::Middle, Fault::Stall));
        let messages = [&history[..], &[user("turn 2")]].concat();
        let body = json!({"model": agent, "stream": true, "messages": messages});
        let mut stream = in_time(site.client(0).chat(body)).await;
        let mut received = String::new();
        while text_of(&received).is_empty() {
            let chunk = in_time(stream.chunk()).await.unwrap().unwrap();
            received.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        site.kill(0).await;
        let cut = in_time(async {
            while stream.chunk().await?.is_some() {}
            reqwest::Result::Ok(())
        });
        assert!(cut.await.is_err(), "what was cut must not look complete");
        site.emulator.behaviour().set(Behaviour::default());

        // The instance that is left repeats the turn, branches off before it, and goes on.
        let repeated = site.turn(0, agent, &history, "turn 2").await;
        site.turn(0, agent, &first, "another turn 1").await;
        site.upstream_turns();
        let history = site.turn(0, agent, &repeated, "turn 3").await;
        // So does one that takes the killed one's place.
        site.start_instance().await;
        site.turn(1, agent, &history, "turn 4").await;
        let sent: Vec<_> = site
            .upstream_turns()
            .into_iter()
            .map(|(_, sent)| sent)
            .collect();
        assert_eq!(sent, [["turn 3"], ["turn 4"]], "{agent}");
    }
}

#[tokio::test]
async fn every_instance_knows_the_id_that_one_of_them_told() {
    let site = Site::with_two_instances().await;
    for agent in AGENTS {
        let question = json!({"model": agent, "messages": [user("turn 0")]});
        let first = answer_of(site.client(0).chat(question).await).await;
        let mut history = vec![user("turn 0"), first["choices"][0]["message"].clone()];
        for number in 1..4 {
            let text = format!("turn {number}");
            let body =
                json!({"model": agent, "thread_id": first["thread_id"], "messages": [user(&text)]});
            let answer =
                in_time(async { answer_of(site.client(number % 2).chat(body).await).await });
            let answer = answer.await;
            assert_eq!(answer["thread_id"], first["thread_id"]);
            history.push(user(&text));
            let message = answer["choices"][0]["message"].clone();
            let content = message["content"].as_str().unwrap();
            site.witness
                .assert_saw(&history, content, &format!("{agent}, {text:?}"));
            history.push(message);
        }
    }
}

#[tokio::test]
async fn a_turn_that_comes_upon_anothers_run_leaves_it_alone() {
    let site = Site::with_two_instances().await;
    let question = json!({"model": "asst_assistant", "messages": [user("turn 0")]});
    let first = answer_of(site.client(0).chat(question).await).await;
    let messages = [
        user("turn 0"),
        first["choices"][0]["message"].clone(),
        user("turn 1"),
    ];
    site.emulator.journal().clear();
    site.emulator.behaviour().set(Behaviour {
        first_delta_ms: WHILE_ANOTHER_ASKS_MS,
        ..Behaviour::default()
    });
    let body = json!({"model": "asst_assistant", "stream": true, "messages": messages});
    let stream = in_time(site.client(0).chat(body)).await;
    site.emulator.behaviour().set(Behaviour::default());

    // The id names the thread on which the first instance has its run.
    let body = json!({"model": "asst_assistant", "thread_id": first["thread_id"], "messages": [user("aside")]});
    in_time(site.client(1).chat(body)).await;
    assert!(
        site.emulator.journal().requests()[0].ending.is_none(),
        "the first run was active all the time"
    );

    let stream = in_time(stream.text()).await.unwrap();
    site.witness
        .assert_saw(&messages, &text_of(&stream), "the turn that came first");
    for operation in ["cancel_run", "delete_thread"] {
        assert_eq!(site.emulator.journal().count(operation), 0, "{operation}");
    }
}

#[tokio::test]
async fn a_run_that_somebody_else_has_on_the_thread_is_left_alone() {
    let site = Site::with_two_instances().await;
    let history = site.turn(0, "asst_assistant", &[], "turn 0").await;
    let service = |method: Method, path: &str| {
        let url = format!("{}{path}?api-version=v1", site.emulator.project_endpoint());
        let request = site.client(0).http.request(method, url);
        request.bearer_auth("somebody-else")
    };
    let threads = service(Method::GET, "/threads").send().await.unwrap();
    let threads: Value = serde_json::from_str(&threads.text().await.unwrap()).unwrap();
    let thread = threads["data"][0]["id"].as_str().unwrap();
    let stalled = always("create_run", Stage::Middle, Fault::Stall);
    site.emulator.behaviour().set(stalled);
    let run = json!({"assistant_id": "asst_assistant", "stream": true});
    let run = service(Method::POST, &format!("/threads/{thread}/runs")).body(run.to_string());
    let run = in_time(run.header("content-type", "application/json").send());
    let run = run.await.unwrap();
    assert_eq!(run.status(), 200);
    site.emulator.behaviour().set(Behaviour::default());

    site.upstream_turns();
    site.turn(1, "asst_assistant", &history, "turn 1").await;
    // What an instance cleans up after itself, it does before it ends.
    for (program, _) in site.instances {
        assert_eq!(program.terminate().await.code, Some(0));
    }
    let requests = site.emulator.journal().requests();
    let operations: Vec<_> = requests
        .iter()
        .map(|request| request.operation.as_str())
        .collect();
    // Refused, because the run is active, and replayed on another thread; nothing is cancelled or deleted.
    assert_eq!(operations, ["create_run", "create_thread_and_run"]);
    drop(run);
}
