//! What the service reads of a request: as little as it needs.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

/// The fields that decide, of either dialect.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked<'a> {
    #[serde(borrow)]
    pub(super) agent_reference: Option<AgentReference<'a>>,
    #[serde(borrow)]
    pub(super) assistant_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) previous_response_id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) stream: bool,
}

/// The agent of a Responses request.
#[derive(Debug, Deserialize)]
pub(super) struct AgentReference<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
}

impl Asked<'_> {
    pub(super) fn agent(&self) -> &str {
        let name = self.agent_reference.as_ref().map(|agent| &*agent.name);
        name.or(self.assistant_id.as_deref()).unwrap_or_default()
    }
}

/// How a mark begins; seven digits follow.
pub(super) const MARK_BEGIN: &[u8] = b"#q";
const MARK_LENGTH: usize = 9;

/// The last mark in a body, which is that of the newest question. Without one the mark is `#q0000000`.
pub(super) fn mark(body: &Bytes) -> Bytes {
    let found = memchr::memmem::rfind(body, MARK_BEGIN)
        .filter(|begin| begin + MARK_LENGTH <= body.len())
        .map(|begin| body.slice(begin..begin + MARK_LENGTH));
    found.unwrap_or(Bytes::from_static(b"#q0000000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_question_is_the_one_that_is_answered() {
        let body =
            Bytes::from_static(b"[\"first #q0000001\", \"#q0000001 tok1\", \"then #q0000002\"]");
        assert_eq!(mark(&body), "#q0000002");
        assert_eq!(mark(&Bytes::from_static(b"no mark")), "#q0000000");
        assert_eq!(mark(&Bytes::from_static(b"cut #q00")), "#q0000000");
    }

    #[test]
    fn the_agent_is_read_from_either_dialect() {
        let new: Asked<'_> = serde_json::from_str(
            r#"{"agent_reference":{"type":"agent_reference","name":"paced"},"stream":true}"#,
        )
        .unwrap();
        assert_eq!((new.agent(), new.stream), ("paced", true));
        let classic: Asked<'_> = serde_json::from_str(r#"{"assistant_id":"asst_held"}"#).unwrap();
        assert_eq!((classic.agent(), classic.stream), ("asst_held", false));
    }
}
