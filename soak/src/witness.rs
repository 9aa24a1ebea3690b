//! The model behind the emulator's agents: it testifies what they were given.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Context;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
};
use foundry_emulator::ModelServer;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::testimony::{Message, Testimony};

/// What is in force follows this in the system texts of the clients. Agents' own instructions, which a classic run
/// puts before it, do not have it.
pub(crate) const RULE: &str = "Rule: ";

/// One in so many testimonies is false, where that is asked for.
const FALSE_TESTIMONY: u64 = 10;

/// The model server; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Witness {
    url: String,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    falsify: bool,
    answers: AtomicU64,
    /// The conversation of the request before, for testimony that is false.
    before: Mutex<Vec<Message>>,
}

impl Witness {
    /// A truthful one, or one that lies now and then, so that it can be seen that lies are found.
    pub(crate) async fn start(falsify: bool) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            falsify,
            ..Shared::default()
        });
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("no port for the model server")?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = async {
            // It ends with the task, not by itself.
            let _ = axum::serve(listener, router).await;
        };
        Ok(Self {
            url,
            _serving: AbortOnDropHandle::new(TaskTracker::new().spawn(serving)),
        })
    }

    /// How the emulator reaches it.
    pub(crate) fn as_model_server(&self) -> ModelServer {
        ModelServer {
            url: self.url.clone(),
            key: None,
            model: "witness".to_owned(),
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> (StatusCode, String) {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "not JSON".to_owned());
    };
    let empty = Vec::new();
    let messages = request.get("messages").and_then(Value::as_array);
    let messages = messages.unwrap_or(&empty);
    let number = shared.answers.fetch_add(1, Ordering::Relaxed);
    let mut said = said(messages);
    if shared.falsify {
        let mut before = shared.before.lock().unwrap_or_else(PoisonError::into_inner);
        let truth = said.clone();
        if number % FALSE_TESTIMONY == FALSE_TESTIMONY - 1 {
            falsify(&mut said, &before, number / FALSE_TESTIMONY);
        }
        *before = truth;
    }
    // Every third answer to the same conversation is the same, as a regenerated answer may or may not be.
    let content = Testimony::of(&said, rule(messages)).text(number % 3);
    let message = json!({"role": "assistant", "content": content});
    let completion = json!({"choices": [{"message": message, "finish_reason": "stop"}]});
    (StatusCode::OK, completion.to_string())
}

/// Loses the first message, doubles it, or takes the conversation of the request before.
fn falsify(said: &mut Vec<Message>, before: &[Message], lie: u64) {
    match lie % 3 {
        0 => {
            if !said.is_empty() {
                said.remove(0);
            }
        }
        1 => {
            if let Some(first) = said.first().cloned() {
                said.insert(0, first);
            }
        }
        _ => *said = before.to_vec(),
    }
}

/// Who said what; system texts are left out: their number is no matter of the conversation.
fn said(messages: &[Value]) -> Vec<Message> {
    let text = |message: &Value, field: &str| {
        let text = message.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    messages
        .iter()
        .filter_map(|message| match text(message, "role").as_str() {
            "user" => Some(Message::user(text(message, "content"))),
            "assistant" => Some(Message::assistant(text(message, "content"))),
            _ => None,
        })
        .collect()
}

/// The system text in force: the newest.
fn rule(messages: &[Value]) -> Option<&str> {
    messages
        .iter()
        .rev()
        .filter(|message| message.get("role").and_then(Value::as_str) == Some("system"))
        .find_map(|message| {
            let text = message.get("content")?.as_str()?;
            text.rsplit_once(RULE)
        })
        .map(|(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_system_text_of_the_client_is_in_force() {
        let system = |text: &str| json!({"role": "system", "content": text});
        let messages = [
            system("Be helpful."),
            system("Rule: brief"),
            system("Be an agent.\nRule: polite"),
            json!({"role": "user", "content": "Rule: none of this"}),
        ];
        assert_eq!(rule(&messages), Some("polite"));
        assert_eq!(rule(&messages[..1]), None);
        assert_eq!(said(&messages), [Message::user("Rule: none of this")]);
    }

    #[test]
    fn each_lie_is_one_that_can_be_found() {
        let truth = vec![
            Message::user("c1: a"),
            Message::assistant("b"),
            Message::user("c1: d"),
        ];
        let before = [Message::user("c2: a")];
        for lie in 0..3 {
            let mut said = truth.clone();
            falsify(&mut said, &before, lie);
            let right = Testimony::of(&truth, None);
            let verdict = right.judge(&Testimony::of(&said, None).text(0));
            assert_ne!(verdict, crate::testimony::Verdict::Right, "{lie}");
        }
    }
}
