//! Calls and their results in a history: every result belongs to a call of the assistant message before it. Pure.
//!
//! What OpenAI refuses is refused, in its words. One thing is not: a client that goes on without results, because its
//! user lost patience, need not make some up. Its calls count as given up, and the agent is told so.

use crate::{
    agent::{Message, turn::ToolCall},
    error::ApiError,
};

/// What the agent is told of a call that the client gave up.
pub const GIVEN_UP: &str = "No result: the client went on without it.";

/// Matches results with calls, and adds [`GIVEN_UP`] for calls without one that are followed by something else.
///
/// `detached` allows results without calls before the first assistant message: the request shows only what is new.
///
/// An error with the code `invalid_tool_results` where a result is missing at the end, stands twice, or answers no call.
pub fn settle(messages: Vec<Message>, detached: bool) -> Result<Vec<Message>, ApiError> {
    let mut settled = Vec::with_capacity(messages.len());
    let mut calls = OpenCalls::default();
    for (index, message) in messages.into_iter().enumerate() {
        match &message {
            Message::Instruction { .. } => {}
            Message::User { .. } => settled.extend(calls.give_up()),
            Message::Assistant { tool_calls, .. } => {
                settled.extend(calls.give_up());
                calls = OpenCalls::of(index, tool_calls);
            }
            Message::ToolResult { call_id, .. } => calls.answer(index, call_id, detached)?,
        }
        settled.push(message);
    }
    calls.require_results()?;
    Ok(settled)
}

/// The calls of the newest assistant message.
#[derive(Debug, Default)]
struct OpenCalls {
    /// Where that message is; `None` before the first.
    asked_at: Option<usize>,
    unanswered: Vec<String>,
    answered: Vec<String>,
}

impl OpenCalls {
    fn of(index: usize, calls: &[ToolCall]) -> Self {
        Self {
            asked_at: Some(index),
            unanswered: calls.iter().map(|call| call.call_id.clone()).collect(),
            answered: Vec::new(),
        }
    }

    fn answer(&mut self, index: usize, call_id: &str, detached: bool) -> Result<(), ApiError> {
        let waits = self.unanswered.iter().position(|id| id == call_id);
        if let Some(waits) = waits {
            self.answered.push(self.unanswered.remove(waits));
            return Ok(());
        }
        if self.answered.iter().any(|id| id == call_id) {
            let message =
                format!("messages[{index}] answers the tool call {call_id} a second time");
            return Err(refusal(index, message));
        }
        if self.asked_at.is_none() && detached {
            self.answered.push(call_id.to_owned());
            return Ok(());
        }
        Err(unknown_call(index, call_id))
    }

    fn give_up(&mut self) -> impl Iterator<Item = Message> {
        let given_up = std::mem::take(&mut self.unanswered);
        given_up.into_iter().map(|call_id| Message::ToolResult {
            call_id,
            output: GIVEN_UP.to_owned(),
        })
    }

    fn require_results(&self) -> Result<(), ApiError> {
        match self.asked_at {
            Some(index) if !self.unanswered.is_empty() => {
                Err(missing_results(Some(index), &self.unanswered))
            }
            _ => Ok(()),
        }
    }
}

/// A result that answers no call; `index` is that of its message.
pub fn unknown_call(index: usize, call_id: &str) -> ApiError {
    let message = format!(
        "messages with role 'tool' must be a response to a preceding message with 'tool_calls': \
         no such message asks for {call_id}"
    );
    refusal(index, message)
}

/// Calls without results; `index` is that of the message that asks for them, where it is shown.
pub fn missing_results(index: Option<usize>, call_ids: &[String]) -> ApiError {
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        call_ids.join(", ")
    );
    match index {
        Some(index) => refusal(index, message),
        None => ApiError::bad_request("invalid_tool_results", "messages", message),
    }
}

fn refusal(index: usize, message: String) -> ApiError {
    ApiError::bad_request(
        "invalid_tool_results",
        format!("messages[{index}]"),
        message,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::UserPart;

    fn user() -> Message {
        Message::User {
            parts: vec![UserPart::Text("hi".to_owned())],
        }
    }

    fn calling(ids: &[&str]) -> Message {
        let call = |id: &&str| ToolCall {
            call_id: (*id).to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
        };
        Message::Assistant {
            text: None,
            tool_calls: ids.iter().map(call).collect(),
        }
    }

    fn result(id: &str) -> Message {
        Message::ToolResult {
            call_id: id.to_owned(),
            output: "done".to_owned(),
        }
    }

    fn system() -> Message {
        Message::Instruction {
            text: "be brief".to_owned(),
        }
    }

    fn refused(messages: Vec<Message>) -> (String, String) {
        let error = settle(messages, false).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("invalid_tool_results"));
        (error.param.unwrap(), error.message)
    }

    #[test]
    fn results_in_any_order_are_taken_as_they_are() {
        let histories = [
            vec![
                user(),
                calling(&["a", "b"]),
                result("b"),
                system(),
                result("a"),
            ],
            vec![
                user(),
                calling(&["a"]),
                result("a"),
                calling(&["a"]),
                result("a"),
                user(),
            ],
            vec![user(), calling(&[]), user()],
        ];
        for history in histories {
            assert_eq!(settle(history.clone(), false).unwrap(), history);
        }
    }

    #[test]
    fn missing_results_at_the_end_are_refused_by_name() {
        let (param, message) = refused(vec![user(), calling(&["a", "b", "c"]), result("b")]);
        assert_eq!(param, "messages[1]");
        assert!(message.ends_with("messages: a, c"), "{message}");
        assert_eq!(
            refused(vec![user(), calling(&["a"]), system()]).0,
            "messages[1]"
        );
    }

    #[test]
    fn results_that_answer_nothing_or_twice_are_refused() {
        let wrong = refused(vec![user(), calling(&["a"]), result("x")]);
        assert_eq!(wrong.0, "messages[2]");
        assert!(wrong.1.contains('x'), "{}", wrong.1);
        let twice = refused(vec![user(), calling(&["a"]), result("a"), result("a")]);
        assert_eq!(twice.0, "messages[3]");
        assert!(twice.1.contains("a second time"), "{}", twice.1);
        let late = refused(vec![user(), calling(&["a"]), user(), result("a")]);
        assert_eq!(late.0, "messages[3]");
        assert_eq!(refused(vec![result("a")]).0, "messages[0]");
    }

    #[test]
    fn calls_that_the_client_went_on_without_are_given_up() {
        let history = vec![
            user(),
            calling(&["a", "b"]),
            result("b"),
            user(),
            calling(&[]),
            user(),
        ];
        let settled = settle(history.clone(), false).unwrap();
        let mut expected = history;
        expected.insert(
            3,
            Message::ToolResult {
                call_id: "a".to_owned(),
                output: GIVEN_UP.to_owned(),
            },
        );
        assert_eq!(settled, expected);
    }

    #[test]
    fn results_alone_are_for_those_who_name_a_conversation() {
        assert!(settle(vec![result("a"), result("b")], true).is_ok());
        let twice = settle(vec![result("a"), result("a")], true).unwrap_err();
        assert!(twice.message.contains("a second time"));
        assert!(settle(vec![calling(&["a"]), result("a"), result("b")], true).is_err());
    }
}
