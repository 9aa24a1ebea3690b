//! What a gateway sent back, read as strictly as the strictest client would.

mod stream;

use serde_json::Value;

pub(crate) use self::stream::read_stream;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A whole answer.
    Answer {
        /// What the agent said.
        text: String,
        /// The id that the conversation goes on by.
        thread_id: String,
    },
    /// An error in OpenAI's shape: a status, or 200 where it came within a stream.
    Failed { status: u16, code: String },
    /// Neither.
    Malformed(String),
    /// The client did not wait for it.
    Left,
    /// Nothing within the time that a client waits.
    NoAnswer,
}

/// Errors that this load may meet: status and code as in `docs/errors.md`. Any other would be a fault of the gateway,
/// because no client here does anything wrong.
pub(crate) const EXPECTED_ERRORS: [(u16, &str); 12] = [
    (404, "conversation_not_found"),
    (409, "conversation_busy"),
    (429, "rate_limit_exceeded"),
    (502, "agent_failed"),
    (502, "upstream_broken_off"),
    (502, "upstream_failed"),
    (502, "upstream_unreachable"),
    (502, "upstream_unreadable"),
    (503, "gateway_overloaded"),
    (503, "store_unavailable"),
    (503, "upstream_unavailable"),
    (504, "upstream_timeout"),
];

/// Whether an error is one of [`EXPECTED_ERRORS`]; within a stream the code alone tells.
pub(crate) fn is_expected(status: u16, code: &str) -> bool {
    EXPECTED_ERRORS
        .iter()
        .any(|(known, name)| *name == code && (*known == status || status == 200))
}

/// Reads a response that is not a stream.
pub(crate) fn read_whole(status: u16, body: &[u8]) -> Reply {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Reply::Malformed(format!("status {status} with a body that is not JSON"));
    };
    if status != 200 {
        return error(status, &body)
            .unwrap_or_else(|| Reply::Malformed(format!("status {status} with {body}")));
    }
    let read = || {
        let text = |pointer: &str| body.pointer(pointer)?.as_str();
        let whole = text("/object")? == "chat.completion"
            && text("/choices/0/finish_reason")? == "stop"
            && text("/choices/0/message/role")? == "assistant";
        whole.then_some(Reply::Answer {
            text: text("/choices/0/message/content")?.to_owned(),
            thread_id: text("/thread_id")?.to_owned(),
        })
    };
    read().unwrap_or_else(|| Reply::Malformed(format!("no completion: {body}")))
}

/// An error with all four of its fields.
fn error(status: u16, body: &Value) -> Option<Reply> {
    let error = body.get("error")?;
    error.get("message")?.as_str()?;
    error.get("type")?.as_str()?;
    error.get("param")?;
    let code = error.get("code")?.as_str()?.to_owned();
    Some(Reply::Failed { status, code })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every error of the soak stands in a row of the document, with its status.
    #[test]
    fn every_expected_error_is_documented() {
        let document = include_str!("../../docs/errors.md");
        for (status, code) in EXPECTED_ERRORS {
            let documented = document.lines().any(|line| {
                let cells: Vec<_> = line.split('|').map(str::trim).collect();
                line.contains(&format!("`{code}`")) && cells.contains(&status.to_string().as_str())
            });
            assert!(documented, "{status} {code}");
        }
        assert!(!is_expected(500, "internal_error") && !is_expected(200, "internal_error"));
        assert!(!is_expected(500, "upstream_failed"));
    }

    #[test]
    fn a_whole_answer_is_read() {
        let body = r#"{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"thread_id":"t"}"#;
        let answer = Reply::Answer {
            text: "hi".to_owned(),
            thread_id: "t".to_owned(),
        };
        assert_eq!(read_whole(200, body.as_bytes()), answer);
        for broken in [
            &body[..body.len() - 1],
            &body.replace("stop", "length"),
            &body.replace("thread_id", "id"),
            &body.replace("content", "contents"),
        ] {
            let reply = read_whole(200, broken.as_bytes());
            assert!(matches!(reply, Reply::Malformed(_)), "{broken}");
        }
    }

    #[test]
    fn an_error_has_all_four_fields() {
        let whole = r#"{"error":{"message":"m","type":"t","param":null,"code":"upstream_failed"}}"#;
        let failed = Reply::Failed {
            status: 502,
            code: "upstream_failed".to_owned(),
        };
        assert_eq!(read_whole(502, whole.as_bytes()), failed);
        let without = whole.replace("\"param\":null,", "");
        assert!(matches!(
            read_whole(502, without.as_bytes()),
            Reply::Malformed(_)
        ));
    }
}
