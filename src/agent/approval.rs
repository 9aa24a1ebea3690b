//! Approvals of MCP calls, in the form of tool calls: that is the only way in which a chat completion can ask.
//!
//! A request for an approval is a call of the reserved function [`APPROVAL_TOOL`], whose id says that it is one; the
//! client answers it like any call. So a request and its answer are a part of the history, and can be replayed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Message, turn::ToolCall};

/// The reserved name of the function with which a client is asked for an approval.
pub const APPROVAL_TOOL: &str = "mcp_approval_request";

/// What the ids of such calls begin with; the service's id of the request follows.
const ID_PREFIX: &str = "approval_";

/// An agent's request for the approval of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// The service's id of the request.
    pub id: String,
    /// The MCP server.
    pub server_label: String,
    /// Name of the server's tool.
    pub tool: String,
    /// Arguments for the tool, a JSON text.
    pub arguments: String,
}

/// A request that is answered without the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was asked for.
    pub request: ApprovalRequest,
    /// The answer.
    pub approve: bool,
}

/// The arguments of the reserved function.
#[derive(Serialize, Deserialize)]
struct Asked {
    server_label: String,
    name: String,
    arguments: String,
}

impl ApprovalRequest {
    /// `server/tool`, as a policy lists it.
    pub fn label(&self) -> String {
        format!("{}/{}", self.server_label, self.tool)
    }

    /// The request as a call of [`APPROVAL_TOOL`] with `server_label`, `name` and `arguments`.
    pub fn to_call(&self) -> ToolCall {
        let asked = Asked {
            server_label: self.server_label.clone(),
            name: self.tool.clone(),
            arguments: self.arguments.clone(),
        };
        ToolCall {
            call_id: format!("{ID_PREFIX}{}", self.id),
            name: APPROVAL_TOOL.to_owned(),
            // A struct of texts always serialises.
            arguments: serde_json::to_string(&asked).unwrap_or_default(),
        }
    }

    /// The request that a call of the history stands for; `None` for a call of a function.
    pub fn of_call(call: &ToolCall) -> Option<Self> {
        let id = request_id(&call.call_id).filter(|_| call.name == APPROVAL_TOOL)?;
        let asked: Asked = serde_json::from_str(&call.arguments).ok()?;
        Some(Self {
            id: id.to_owned(),
            server_label: asked.server_label,
            tool: asked.name,
            arguments: asked.arguments,
        })
    }
}

/// The service's id of the request that a call with this id stands for; `None` for a call of a function.
pub fn request_id(call_id: &str) -> Option<&str> {
    call_id.strip_prefix(ID_PREFIX)
}

/// Whether the output for a call of [`APPROVAL_TOOL`] says yes. Only a plain yes is one: `true`, `yes`, `approve`,
/// `approved`, or a JSON object with `approve` or `approved` as `true`.
pub fn is_yes(output: &str) -> bool {
    let says_yes = |word: &str| {
        let words = ["true", "yes", "approve", "approved"];
        words
            .iter()
            .any(|yes| word.trim().eq_ignore_ascii_case(yes))
    };
    match serde_json::from_str(output) {
        Ok(Value::Bool(yes)) => yes,
        Ok(Value::String(word)) => says_yes(&word),
        Ok(Value::Object(answer)) => ["approve", "approved"]
            .iter()
            .any(|key| answer.get(*key) == Some(&Value::Bool(true))),
        _ => says_yes(output),
    }
}

/// The requests of an answer, as the assistant's message, and their answers, as results.
pub fn as_messages(decisions: &[Decision]) -> (Message, Vec<Message>) {
    let calls: Vec<_> = decisions
        .iter()
        .map(|decision| decision.request.to_call())
        .collect();
    let results = calls.iter().zip(decisions).map(|(call, decision)| {
        let output = if decision.approve {
            "approve"
        } else {
            "refuse"
        };
        Message::ToolResult {
            call_id: call.call_id.clone(),
            output: output.to_owned(),
        }
    });
    let results = results.collect();
    let asked = Message::Assistant {
        text: None,
        tool_calls: calls,
    };
    (asked, results)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ApprovalRequest {
        ApprovalRequest {
            id: "mcpr_1".to_owned(),
            server_label: "shop".to_owned(),
            tool: "search".to_owned(),
            arguments: r#"{"query":"lamps"}"#.to_owned(),
        }
    }

    #[test]
    fn a_request_survives_the_way_through_the_history() {
        let call = request().to_call();
        assert_eq!(call.name, "mcp_approval_request");
        assert_eq!(ApprovalRequest::of_call(&call), Some(request()));
        assert_eq!(request_id(&call.call_id), Some("mcpr_1"));
    }

    #[test]
    fn functions_are_no_requests() {
        let call = request().to_call();
        let other_name = ToolCall {
            name: "f".to_owned(),
            ..call.clone()
        };
        let other_id = ToolCall {
            call_id: "call_1".to_owned(),
            ..call.clone()
        };
        let unreadable = ToolCall {
            arguments: "{}".to_owned(),
            ..call
        };
        for call in [other_name, other_id, unreadable] {
            assert_eq!(ApprovalRequest::of_call(&call), None, "{call:?}");
        }
    }

    #[test]
    fn only_a_plain_yes_is_one() {
        let yes = [
            "true",
            " true ",
            " Yes\n",
            "approve",
            "APPROVED",
            "\"yes\"",
            r#"{"approve": true}"#,
            r#"{"approved":true}"#,
        ];
        for output in yes {
            assert!(is_yes(output), "{output}");
        }
        let no = [
            "",
            "false",
            "no",
            "yes?",
            "not approved",
            "1",
            "null",
            r#"{"approve":"true"}"#,
            r#"{"approve":false}"#,
            r#"{"deny":true}"#,
            "[true]",
            "Error: unknown tool",
        ];
        for output in no {
            assert!(!is_yes(output), "{output}");
        }
    }

    #[test]
    fn decisions_are_answers_like_those_of_a_client() {
        let decided = |approve| Decision {
            request: request(),
            approve,
        };
        let (asked, results) = as_messages(&[decided(true), decided(false)]);
        assert!(matches!(asked, Message::Assistant { tool_calls, .. } if tool_calls.len() == 2));
        let said: Vec<_> = results
            .iter()
            .map(|result| match result {
                Message::ToolResult { call_id, output } => {
                    (request_id(call_id).unwrap(), is_yes(output))
                }
                _ => panic!("no result"),
            })
            .collect();
        assert_eq!(said, [("mcpr_1", true), ("mcpr_1", false)]);
    }

    #[test]
    fn a_request_is_named_as_policies_list_it() {
        assert_eq!(request().label(), "shop/search");
    }
}
