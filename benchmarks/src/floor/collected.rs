//! An answer in one piece out of a stream of events, with no look at any of them but the last. Pure.

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

const WHOLE: &[u8] = br#""stream":false"#;
const STREAMED: &[u8] = br#""stream":true"#;

/// The same request for a stream. One that says nothing of streams stays as it is.
pub(super) fn for_a_stream(body: &Bytes) -> Bytes {
    let Some(at) = memmem::find(body, WHOLE) else {
        return body.clone();
    };
    let before = body.get(..at).unwrap_or_default();
    let after = body.get(at + WHOLE.len()..).unwrap_or_default();
    [before, STREAMED, after].concat().into()
}

/// The response that the last event of a stream tells, as the service wrote it.
pub(super) fn response(stream: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct LastEvent<'a> {
        #[serde(borrow)]
        response: &'a RawValue,
    }
    let at = memmem::rfind(stream, b"data: ")?;
    let data = stream.get(at + b"data: ".len()..)?;
    let event: LastEvent<'_> = serde_json::from_slice(data).ok()?;
    Some(event.response.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_for_a_stream() {
        let body = Bytes::from_static(br#"{"input":"x","stream":false,"store":true}"#);
        assert_eq!(
            for_a_stream(&body),
            &br#"{"input":"x","stream":true,"store":true}"#[..]
        );
        let silent = Bytes::from_static(br#"{"input":"x"}"#);
        assert_eq!(for_a_stream(&silent), silent);
    }

    #[test]
    fn the_last_event_tells_the_response() {
        let stream = "event: response.created\ndata: {\"response\":{\"status\":\"in_progress\"}}\n\n\
            event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"},\"sequence_number\":57}\n\n";
        assert_eq!(
            response(stream.as_bytes()),
            Some(r#"{"status":"completed"}"#)
        );
        // Cut off in its last event.
        let cut = stream.get(..stream.len() - 20).unwrap();
        assert_eq!(response(cut.as_bytes()), None);
        assert_eq!(response(b""), None);
    }
}
