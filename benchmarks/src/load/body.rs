//! Request bodies: the questions of a conversation in either dialect. Pure.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Plan,
    answer::{Answer, Dialect},
};

/// A conversation as its client keeps it.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    messages: Vec<Value>,
    last_response: Option<String>,
    turns: u32,
}

impl Conversation {
    /// Asks the next question: the body to send. A client of chat completions sends the whole history, one of
    /// the Responses API the id of the response before.
    pub(super) fn ask(&mut self, plan: &Plan, mark: &str) -> Bytes {
        let question = format!("Say something to the benchmark, please. {mark}");
        self.turns += 1;
        let body = match plan.target.dialect {
            Dialect::Chat => {
                let message = json!({"role": "user", "content": question});
                self.messages.push(message);
                json!({"model": plan.agent, "messages": self.messages, "stream": plan.stream})
            }
            Dialect::Responses => {
                json!({
                    "agent_reference": {"type": "agent_reference", "name": plan.agent},
                    "input": [{
                        "type": "message", "role": "user",
                        "content": [{"type": "input_text", "text": question}],
                    }],
                    "stream": plan.stream,
                    "previous_response_id": self.last_response,
                })
            }
        };
        body.to_string().into()
    }

    /// Keeps the answer, and begins anew after the last turn.
    pub(super) fn answered(&mut self, plan: &Plan, answer: Answer) {
        if plan.turns <= self.turns {
            *self = Self::default();
            return;
        }
        let message = json!({"role": "assistant", "content": answer.text});
        self.messages.push(message);
        self.last_response = answer.response_id;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::load::{Schedule, Target};

    fn plan(dialect: Dialect) -> Plan {
        Plan {
            target: Target {
                address: SocketAddr::from(([127, 0, 0, 1], 1)),
                path: "/".to_owned(),
                key: "k".to_owned(),
                dialect,
            },
            agent: "instant".to_owned(),
            stream: true,
            turns: 2,
            deltas: 2,
            schedule: Schedule::Hold { streams: 1 },
        }
    }

    fn bodies(dialect: Dialect) -> Vec<Value> {
        let plan = plan(dialect);
        let mut conversation = Conversation::default();
        let asked = ["#q0000001", "#q0000002", "#q0000003"].map(|mark| {
            let body = conversation.ask(&plan, mark);
            let answer = Answer {
                text: "hello".to_owned(),
                response_id: Some("resp_1".to_owned()),
            };
            conversation.answered(&plan, answer);
            serde_json::from_slice(&body).unwrap()
        });
        asked.to_vec()
    }

    #[test]
    fn a_chat_resends_its_history_and_begins_anew_after_its_turns() {
        let lengths = bodies(Dialect::Chat)
            .iter()
            .map(|body| body["messages"].as_array().unwrap().len())
            .collect::<Vec<_>>();
        assert_eq!(lengths, [1, 3, 1]);
    }

    #[test]
    fn a_responses_client_names_the_response_before() {
        let previous: Vec<_> = bodies(Dialect::Responses)
            .iter()
            .map(|body| body["previous_response_id"].clone())
            .collect();
        assert_eq!(previous, [Value::Null, json!("resp_1"), Value::Null]);
    }
}
