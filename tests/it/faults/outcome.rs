//! What a client gets, in the words of the table.

use foundry_emulator::Emulator;
use serde_json::{Value, json};

use super::table::{Again, Row};
use crate::support::{Client, KEY, error_of, events_of, text_of};

/// A kind of agent, and the request that asks it.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) agent: &'static str,
    /// The emulator's name for the request.
    pub(super) operation: &'static str,
    /// What tells the request's first line from all others.
    pub(super) request: &'static str,
    /// The first event, the first with text, and the one that ends the answer.
    pub(super) events: [&'static str; 3],
}

pub(super) const DIALECTS: [Dialect; 2] = [
    Dialect {
        agent: "echo",
        operation: "create_response",
        request: "POST /api/projects/emulated/openai/v1/responses",
        events: [
            "response.created",
            "response.output_text.delta",
            "response.completed",
        ],
    },
    Dialect {
        agent: "asst_echo",
        operation: "create_thread_and_run",
        request: "POST /api/projects/emulated/threads/runs",
        events: [
            "thread.run.created",
            "thread.message.delta",
            "thread.run.completed",
        ],
    },
];

/// How the client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Answer,
    Stream,
}

/// What a client and the service saw.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    /// Status and code, or status and finish reason.
    pub(super) told: String,
    /// Requests for an answer that the service read.
    pub(super) asked: usize,
    /// Nothing is said about repeating an answer that has begun.
    again: Option<Again>,
}

impl Outcome {
    pub(super) fn expected(row: &Row, mode: Mode) -> Self {
        let told = match mode {
            Mode::Answer => row.answer.clone(),
            Mode::Stream => row.stream.clone(),
        };
        Self {
            again: (!told.starts_with("200 ")).then_some(row.again),
            told,
            asked: row.asked,
        }
    }

    /// Whether the agent's whole answer arrived.
    pub(super) fn is_whole(&self) -> bool {
        self.told == "200 stop"
    }
}

pub(super) const TEXT: &str = "a text that is long enough to break in the middle";

/// Asks for one answer, with nothing before it.
pub(super) async fn ask(
    emulator: &Emulator,
    client: &Client,
    mode: Mode,
    dialect: &Dialect,
) -> Outcome {
    let body = json!({"messages": [{"role": "user", "content": TEXT}]});
    ask_with(emulator, client, mode, dialect, body).await
}

/// Asks with this body, in which agent and mode are set.
pub(super) async fn ask_with(
    emulator: &Emulator,
    client: &Client,
    mode: Mode,
    dialect: &Dialect,
    body: Value,
) -> Outcome {
    ask_as(KEY, emulator, client, mode, dialect, body).await
}

/// The same, with another key, or a token, than the client's own.
pub(super) async fn ask_as(
    key: &str,
    emulator: &Emulator,
    client: &Client,
    mode: Mode,
    dialect: &Dialect,
    mut body: Value,
) -> Outcome {
    let asked_before = emulator.journal().count(dialect.operation);
    body["model"] = dialect.agent.into();
    body["stream"] = (mode == Mode::Stream).into();
    let response = post(client, key, &body).await;
    let again = match response.headers().get("x-should-retry") {
        Some(_) => Again::No,
        None => Again::Yes,
    };
    let (told, again) = match (response.status().as_u16(), mode) {
        (200, Mode::Answer) => {
            let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            let choice = &body["choices"][0];
            assert_eq!(choice["message"]["content"], TEXT);
            (
                format!("200 {}", choice["finish_reason"].as_str().unwrap()),
                None,
            )
        }
        (200, Mode::Stream) => (end_of_stream(&response.text().await.unwrap()), None),
        _ => {
            let (status, error) = error_of(response).await;
            (
                format!("{status} {}", error["code"].as_str().unwrap()),
                Some(again),
            )
        }
    };
    Outcome {
        told,
        asked: emulator.journal().count(dialect.operation) - asked_before,
        again,
    }
}

/// Posts over a connection of its own, so that none of the client's is a task of the gateway afterwards.
pub(super) async fn post(client: &Client, key: &str, body: &Value) -> reqwest::Response {
    let request = client.http.post(client.url("/v1/chat/completions"));
    let request = request.header("connection", "close").bearer_auth(key);
    request.body(body.to_string()).send().await.unwrap()
}

/// Gets over a connection of its own.
pub(super) async fn get(client: &Client, key: &str, path: &str) -> reqwest::Response {
    let request = client.http.get(client.url(path));
    let request = request.header("connection", "close").bearer_auth(key);
    request.send().await.unwrap()
}

/// How a stream ended: with its whole text and `[DONE]`, or with one error and nothing after it.
fn end_of_stream(stream: &str) -> String {
    let events = events_of(stream);
    let is_error = |event: &&String| event.starts_with("{\"error\"");
    let errors = events.iter().filter(is_error).count();
    let Some(error) = events.last().filter(is_error) else {
        assert_eq!(errors, 0, "{stream}");
        assert_eq!(text_of(stream), TEXT);
        assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
        assert!(stream.contains(r#""finish_reason":"stop""#), "{stream}");
        return "200 stop".to_owned();
    };
    assert_eq!(errors, 1, "{stream}");
    assert!(!stream.contains("[DONE]"), "{stream}");
    assert!(!stream.contains(r#""finish_reason":"stop""#), "{stream}");
    let error: Value = serde_json::from_str(error).unwrap();
    format!("200 {}", error["error"]["code"].as_str().unwrap())
}
