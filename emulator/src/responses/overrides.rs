//! What a request may not say when it names an agent: the agent's definition owns these options.

use serde_json::{Map, Value, json};

use crate::error::ServiceError;

/// Refused with an agent. The model's own requests may have them all.
const OWNED_BY_THE_AGENT: [&str; 8] = [
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "instructions",
    "text",
    "reasoning",
];
const MESSAGE: &str = "Not allowed when agent is specified.";

/// Refuses options that the agent owns. One of them that is not a sampling number is refused by name; several, or a
/// sampling number, come as a list of details. Both forms were seen of the service (agent-framework#5087 and #2573).
pub(crate) fn check(body: &Map<String, Value>) -> Result<(), ServiceError> {
    let refused: Vec<&str> = OWNED_BY_THE_AGENT
        .into_iter()
        .filter(|name| body.get(*name).is_some_and(|value| !value.is_null()))
        .collect();
    match refused.as_slice() {
        [] => Ok(()),
        [name] if !matches!(*name, "temperature" | "top_p") => Err(ServiceError::invalid_payload(
            MESSAGE,
            Some(name),
            Vec::new(),
        )),
        names => Err(ServiceError::invalid_payload(
            "Invalid payload",
            None,
            names
                .iter()
                .map(|name| {
                    json!({"code": "ValidationError", "message": MESSAGE, "param": name, "type": "error"})
                })
                .collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorBody;

    fn refusal(body: &Value) -> Option<(String, Value, usize)> {
        match *check(body.as_object().unwrap()).err()?.body {
            ErrorBody::InvalidPayload {
                message,
                param,
                details,
            } => Some((message, param, details.len())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_option_of_the_agent_is_refused() {
        for name in OWNED_BY_THE_AGENT {
            assert!(refusal(&json!({name: "x"})).is_some(), "{name}");
        }
        assert_eq!(
            refusal(&json!({"tools": []})),
            Some((MESSAGE.to_owned(), json!("tools"), 0))
        );
        assert_eq!(
            refusal(&json!({"temperature": 1, "tools": []})),
            Some(("Invalid payload".to_owned(), Value::Null, 2))
        );
        assert_eq!(
            refusal(&json!({"max_output_tokens": 9, "tools": null})),
            None
        );
    }
}
