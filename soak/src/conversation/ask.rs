//! One request of a conversation, and the judgement of its answer.

use std::{fmt, time::Duration};

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Conversation, Way};
use crate::{
    client::Patience,
    ledger::Outcome,
    reply::{self, Reply},
    testimony::{Message, Testimony, Verdict},
    witness::RULE,
};

/// A right answer.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) text: String,
    pub(super) thread_id: String,
    /// When it was asked for.
    pub(super) began: Instant,
}

/// What a client has of a request.
#[derive(Debug)]
pub(super) enum Asked {
    /// A right answer.
    Answered(Ask),
    /// An error, or nothing: it may be asked again.
    Failed,
    /// The id names nothing any more.
    Forgotten,
    /// The id led to an earlier turn, because the store did not take the newest.
    Earlier,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answer) => {
                let said = Message::assistant(&answer.text).fingerprint();
                write!(f, "answered {said} as {}", answer.thread_id)
            }
            Self::Failed => f.write_str("failed or left"),
            Self::Forgotten => f.write_str("forgotten"),
            Self::Earlier => f.write_str("from an earlier turn"),
        }
    }
}

/// What a gateway says of its store is read from its log, which may come after its answer.
const LOG_IS_LATE: Duration = Duration::from_secs(2);

impl Conversation<'_> {
    /// Sends `messages`, or the last of them alone with the conversation's id, through either gateway.
    pub(super) async fn ask(
        &self,
        messages: &[Message],
        alone: bool,
        rng: &mut Rng,
        patience: Patience,
    ) -> Asked {
        let began = Instant::now();
        let gateway = rng.usize(..self.load.client.gateways().max(1));
        let body = self.body(messages, alone, rng);
        let patience = match patience {
            Patience::ToTheEnd if rng.u8(..30) == 0 => Patience::ReadsSlowly,
            patience => patience,
        };
        let reply = self.load.client.ask(gateway, &body, patience).await;
        let asked = self.judge(messages, alone, reply, &body, began).await;
        let way = self.way_of(&body, alone);
        let (count, question) = (messages.len(), messages.last().map(Message::fingerprint));
        let question = question.unwrap_or_default();
        self.journal.note(
            began,
            self.load.began,
            format_args!("gateway {gateway}, {way}, message {count} {question}: {asked}"),
        );
        asked
    }

    async fn judge(
        &self,
        messages: &[Message],
        alone: bool,
        reply: Reply,
        body: &Value,
        began: Instant,
    ) -> Asked {
        let ledger = &self.load.ledger;
        let told = |what: &str| {
            let before = self.journal.lines();
            format!("{what}; sent to {}: {body}, after{before}", self.agent)
        };
        match reply {
            Reply::Answer { text, thread_id } => {
                let right = Testimony::of(messages, self.rule);
                let verdict = right.judge(&text);
                let sent_id = body.get("thread_id").and_then(Value::as_str);
                let (outcome, what) = match verdict {
                    Verdict::Right if sent_id.is_none_or(|id| id == thread_id) => {
                        ledger.count_right(self.way_of(body, alone));
                        return Asked::Answered(Ask {
                            text,
                            thread_id,
                            began,
                        });
                    }
                    Verdict::Right => (Outcome::Wrong, "another id was told"),
                    Verdict::Lost | Verdict::Wrong(_)
                        if alone
                            && right.is_after_other_turns(&text)
                            && self.store_said_so().await =>
                    {
                        ledger.count(Outcome::Earlier);
                        return Asked::Earlier;
                    }
                    Verdict::Lost => (Outcome::Lost, "a message is missing"),
                    Verdict::Mixed => (Outcome::Mixed, "another conversation's messages"),
                    Verdict::Wrong(what) => (Outcome::Wrong, what),
                };
                ledger.count_fault(outcome, || {
                    told(&format!("{what}: {text:?} instead of {:?}", right.text(0)))
                });
                Asked::Failed
            }
            Reply::Failed { status, code } if !reply::is_expected(status, &code) => {
                ledger.count_fault(Outcome::Unexpected, || told(&format!("{status} {code}")));
                Asked::Failed
            }
            Reply::Failed { status, code } if code == "conversation_not_found" => {
                if self.store_said_so().await {
                    ledger.count_error(status, &code);
                } else {
                    ledger.count_fault(Outcome::Lost, || told("the conversation is not there"));
                }
                Asked::Forgotten
            }
            Reply::Failed { status, code } => {
                // Who shows its history can always be served without the store.
                let needs_id_alone = ["conversation_busy", "store_unavailable"];
                if !alone && needs_id_alone.contains(&code.as_str()) {
                    ledger.count_fault(Outcome::Unexpected, || told(&format!("{status} {code}")));
                } else {
                    ledger.count_error(status, &code);
                }
                Asked::Failed
            }
            Reply::Left => {
                ledger.count(Outcome::Left);
                Asked::Failed
            }
            Reply::Malformed(what) => {
                ledger.count_fault(Outcome::Malformed, || told(&what));
                Asked::Failed
            }
            Reply::NoAnswer => {
                ledger.count_fault(Outcome::Unanswered, || told("no answer in time"));
                Asked::Failed
            }
        }
    }

    /// Whether the newest turn of the conversation's id may be lost, since it was asked for: a gateway said so of this
    /// id in its log, or the store was emptied.
    async fn store_said_so(&self) -> bool {
        let (Some(since), Some(id)) = (self.named.since, &self.named.id) else {
            return false;
        };
        let patience = Instant::now() + LOG_IS_LATE;
        while !self.load.trouble.since(since, id) {
            if patience <= Instant::now() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        true
    }

    fn way_of(&self, body: &Value, alone: bool) -> &'static str {
        match self.way {
            Way::Id if alone => "id alone",
            Way::Id if body.get("thread_id").is_some() => "id and history",
            Way::Name => "name and history",
            Way::History | Way::Id => "history",
        }
    }

    fn body(&self, messages: &[Message], alone: bool, rng: &mut Rng) -> Value {
        let shown = match (alone, messages.split_last()) {
            (true, Some((question, _))) => std::slice::from_ref(question),
            _ => messages,
        };
        let rule = self.rule.map(|rule| {
            let text = format!("{RULE}{rule}");
            json!({"role": "system", "content": text})
        });
        let shown = shown.iter().map(|message| wire(message, rng.u8(..4) == 0));
        let all: Vec<_> = rule.into_iter().chain(shown).collect();
        let mut body = json!({"model": self.agent, "messages": all});
        let mut put = |field: &str, value: Value| {
            if let Some(fields) = body.as_object_mut() {
                fields.insert(field.to_owned(), value);
            }
        };
        if rng.u8(..3) != 0 {
            put("stream", json!(true));
            if rng.bool() {
                put("stream_options", json!({"include_usage": true}));
            }
        }
        if rng.u8(..8) == 0 {
            put("temperature", json!(0.5));
        }
        match (self.way, &self.named.id) {
            // An id without an answer beside it would mean the newest turn, and not a new beginning.
            (Way::Id, Some(id)) if alone || 1 < messages.len() => put("thread_id", json!(id)),
            (Way::Name, _) => {
                let name = format!("chat {}", self.number);
                put("metadata", json!({"conversation_id": name}));
            }
            _ => {}
        }
        body
    }
}

/// A message as clients send it: text, or a list of parts.
fn wire(message: &Message, as_parts: bool) -> Value {
    if message.by_assistant {
        return json!({"role": "assistant", "content": message.text});
    }
    let content = if as_parts {
        json!([{"type": "text", "text": message.text}])
    } else {
        json!(message.text)
    };
    json!({"role": "user", "content": content})
}
