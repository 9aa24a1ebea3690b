//! A model that thinks for the emulator's agents and testifies what they were given: every answer names a
//! fingerprint of the whole conversation and the system text in force, so that a turn on a wrong, doubled or
//! shortened history cannot pass for a right one.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use foundry_emulator::ModelServer;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What is in force follows this in the system texts of the tests. Agents' own instructions, which a classic run
/// puts before it, do not have it.
const RULE: &str = "Rule: ";

/// The model server; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Witness {
    url: String,
    memory: Memory,
    serving: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Memory {
    /// What each fingerprint stands for, for the message of a test that fails.
    transcripts: Arc<Mutex<HashMap<String, String>>>,
    answers: Arc<AtomicU64>,
}

impl Witness {
    pub(crate) async fn start() -> Self {
        let memory = Memory::default();
        let router = Router::new().fallback(answer).with_state(memory.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        #[expect(
            clippy::disallowed_methods,
            reason = "the server's own task, aborted on drop"
        )]
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            memory,
            serving,
        }
    }

    /// How the emulator reaches it.
    pub(crate) fn as_model_server(&self) -> ModelServer {
        ModelServer {
            url: self.url.clone(),
            key: None,
            model: "witness".to_owned(),
        }
    }

    /// Panics unless `answer` was given to exactly these messages, under exactly this system text.
    pub(crate) fn assert_saw(&self, messages: &[Value], answer: &str, circumstances: &str) {
        let expected = testimony(messages);
        if answer.starts_with(&expected) {
            return;
        }
        let transcripts = self.memory.transcripts.lock().unwrap();
        let seen = answer.split(' ').nth(1).and_then(|it| transcripts.get(it));
        panic!(
            "{circumstances}: the agent was given another conversation\nexpected: {}\nseen: {seen:#?}\nanswer: {answer}",
            transcript(messages)
        );
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Every third answer to the same conversation is the same, as a regenerated answer may or may not be.
async fn answer(State(memory): State<Memory>, body: Bytes) -> impl IntoResponse {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let messages = request["messages"].as_array().unwrap();
    let take = memory.answers.fetch_add(1, Ordering::Relaxed) % 3;
    memory
        .transcripts
        .lock()
        .unwrap()
        .insert(fingerprint(messages), transcript(messages));
    let content = format!("{} take {take}", testimony(messages));
    let message = json!({"role": "assistant", "content": content});
    json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string()
}

fn testimony(messages: &[Value]) -> String {
    format!("saw {} under {}", fingerprint(messages), rule(messages))
}

fn fingerprint(messages: &[Value]) -> String {
    let mut hasher = DefaultHasher::new();
    transcript(messages).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Who said what, system texts left out: their number is no matter of the conversation.
fn transcript(messages: &[Value]) -> String {
    let said = messages
        .iter()
        .filter(|message| message["role"] != "system")
        .map(|message| format!("{}={}", message["role"], message["content"]));
    said.collect::<Vec<_>>().join("; ")
}

/// The system text in force: the newest.
fn rule(messages: &[Value]) -> &str {
    messages
        .iter()
        .rev()
        .filter(|message| message["role"] == "system")
        .find_map(|message| message["content"].as_str()?.rsplit_once(RULE))
        .map_or("none", |(_, rule)| rule)
}
