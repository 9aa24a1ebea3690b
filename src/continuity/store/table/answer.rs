//! What Table Storage answered, as far as the store cares.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use crate::continuity::store::{Continuation, StoreError, Version};

/// An answer that the store expects of some request.
#[derive(Debug)]
pub(super) enum Answer {
    /// Done, or here it is.
    Success(Success),
    /// 404: no such row.
    Absent,
    /// 404: no such table.
    NoTable,
    /// 409: there is such a row or table already.
    AlreadyThere,
    /// 412: the row is in another state.
    Changed,
}

/// The parts of a successful answer.
#[derive(Debug)]
pub(super) struct Success {
    etag: Option<String>,
    /// Where a listing goes on.
    pub(super) continuation: Option<Continuation>,
    pub(super) body: Bytes,
}

impl Success {
    /// The version of the one row that was asked for.
    pub(super) fn version(&self) -> Result<Version, StoreError> {
        self.etag
            .clone()
            .map(Version)
            .ok_or_else(|| StoreError::unreadable("a row without ETag"))
    }
}

impl Answer {
    /// The error for an answer that does not fit the request.
    pub(super) fn unexpected(self) -> StoreError {
        StoreError::unreadable(match self {
            Self::NoTable => return StoreError::unavailable("the table has gone again"),
            Self::Success(_) => "success where none was possible",
            Self::Absent => "404 where nothing was asked for",
            Self::AlreadyThere => "409 where nothing was created",
            Self::Changed => "412 where nothing was conditional",
        })
    }
}

/// What an error body says; empty parts where it is none of the known kinds.
#[derive(Debug, Default, PartialEq, Eq)]
struct ErrorBody {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct JsonErrorBody {
    #[serde(rename = "odata.error")]
    error: JsonError,
}

#[derive(Deserialize)]
struct JsonError {
    code: String,
    message: JsonMessage,
}

#[derive(Deserialize)]
struct JsonMessage {
    value: String,
}

/// Part of each of a service's texts that is repeated in a detail.
const MAX_MESSAGE_CHARS: usize = 200;

/// Sorts an answer; `remedy` is what to do about one that denies access.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    remedy: &'static str,
) -> Result<Answer, StoreError> {
    let text = |name: &str| {
        let value = headers.get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    if status.is_success() {
        return Ok(Answer::Success(Success {
            etag: text(header::ETAG.as_str()),
            continuation: text("x-ms-continuation-nextpartitionkey").map(|partition| {
                Continuation {
                    partition,
                    row: text("x-ms-continuation-nextrowkey"),
                }
            }),
            body,
        }));
    }
    let mut error = ErrorBody::read(&body);
    if let Some(code) = text("x-ms-error-code") {
        error.code = code;
    }
    match (status.as_u16(), error.code.as_str()) {
        (404, "TableNotFound") => return Ok(Answer::NoTable),
        (404, "ResourceNotFound" | "EntityNotFound") => return Ok(Answer::Absent),
        (409, "EntityAlreadyExists" | "TableAlreadyExists") => return Ok(Answer::AlreadyThere),
        (412, _) => return Ok(Answer::Changed),
        _ => {}
    }
    let detail = error.detail(status, text("x-ms-request-id"));
    Err(match (status.as_u16(), error.code.as_str()) {
        (401 | 403, _) => StoreError::Denied { remedy, detail },
        (408 | 429 | 500.., _) | (409, "TableBeingDeleted") => StoreError::Unavailable { detail },
        _ => StoreError::Misconfigured { detail },
    })
}

impl ErrorBody {
    /// Reads JSON, and the XML in which failed sign-ins and a few more are told.
    fn read(body: &[u8]) -> Self {
        if let Ok(JsonErrorBody { error }) = serde_json::from_slice(body) {
            return Self {
                code: error.code,
                message: error.message.value,
            };
        }
        let text = String::from_utf8_lossy(body);
        Self {
            code: element(&text, "code").unwrap_or_default(),
            message: element(&text, "message").unwrap_or_default(),
        }
    }

    /// One line for the log. The first line of the message only: the others repeat the request id and the time, and
    /// with a wrong signature what was signed.
    fn detail(&self, status: StatusCode, request_id: Option<String>) -> String {
        let mut detail = format!("HTTP {}", status.as_u16());
        let first_line = |text: &str| -> String {
            let line = text.split(['\n', '\r']).next().unwrap_or_default();
            line.chars().take(MAX_MESSAGE_CHARS).collect()
        };
        let request_id = request_id.map(|id| format!("x-ms-request-id {id}"));
        let parts = [
            first_line(&self.code),
            first_line(&self.message),
            first_line(&request_id.unwrap_or_default()),
        ];
        for part in parts.iter().filter(|part| !part.is_empty()) {
            detail.push_str(", ");
            detail.push_str(part);
        }
        detail
    }
}

/// The text of an XML element such as `<Code>`, `<m:code>` or `<message xml:lang="en-US">`.
fn element(xml: &str, name: &str) -> Option<String> {
    for (start, _) in xml.match_indices('<') {
        let (tag, rest) = xml.get(start + 1..)?.split_once('>')?;
        let tag_name = tag.split_whitespace().next().unwrap_or_default();
        let local_name = tag_name.rsplit(':').next().unwrap_or_default();
        if local_name.eq_ignore_ascii_case(name) {
            let text = rest.split('<').next().unwrap_or_default();
            return Some(text.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn answer(
        status: u16,
        code: Option<&'static str>,
        body: &'static str,
    ) -> Result<Answer, StoreError> {
        let headers = code
            .map(|code| ("x-ms-error-code", code))
            .into_iter()
            .map(|(name, code)| (name.parse().unwrap(), HeaderValue::from_static(code)))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        read(
            status,
            &headers,
            Bytes::from_static(body.as_bytes()),
            "do this",
        )
    }

    /// As Azurite sends it.
    const JSON: &str = r#"{"odata.error":{"code":"TableNotFound","message":{"lang":"en-US","value":"The table specified does not exist.\nRequestId:f4733ff5"}}}"#;
    /// As Azurite sends it.
    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Error>\n  <Code>AuthorizationFailure</Code>\n  <Message>Server failed to authenticate the request.\nRequestId:73b635f9</Message>\n</Error>";

    #[test]
    fn error_bodies_are_json_or_xml() {
        let expected = |code: &str, message: &str| ErrorBody {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        assert_eq!(
            ErrorBody::read(JSON.as_bytes()),
            expected(
                "TableNotFound",
                "The table specified does not exist.\nRequestId:f4733ff5"
            )
        );
        assert_eq!(
            ErrorBody::read(XML.as_bytes()),
            expected(
                "AuthorizationFailure",
                "Server failed to authenticate the request.\nRequestId:73b635f9"
            )
        );
        let prefixed = b"<m:error xmlns:m=\"http://x\"><m:code>ServerBusy</m:code><m:message xml:lang=\"en-US\">Busy.</m:message></m:error>";
        assert_eq!(ErrorBody::read(prefixed), expected("ServerBusy", "Busy."));
        assert_eq!(ErrorBody::read(b"<Error><Code/>"), expected("", ""));
        for nothing in [&b""[..], b"<html", b"{}", b"\xff<"] {
            assert_eq!(ErrorBody::read(nothing), ErrorBody::default());
        }
    }

    #[test]
    fn what_the_service_calls_an_error_is_one_short_line_of_the_log() {
        let long = "x".repeat(70_000);
        let body = format!("<Error><Code>A\nB{long}</Code><Message>C\rD</Message></Error>");
        let error = read(
            StatusCode::BAD_REQUEST,
            &HeaderMap::new(),
            Bytes::from(body),
            "do this",
        );
        let text = error.unwrap_err().to_string();
        assert!(text.ends_with("(HTTP 400, A, C)"), "{text}");
    }

    #[test]
    fn refusals_that_are_answers_are_told_apart() {
        assert!(matches!(answer(404, None, JSON), Ok(Answer::NoTable)));
        assert!(matches!(
            answer(404, Some("ResourceNotFound"), ""),
            Ok(Answer::Absent)
        ));
        assert!(matches!(
            answer(409, Some("EntityAlreadyExists"), ""),
            Ok(Answer::AlreadyThere)
        ));
        assert!(matches!(
            answer(412, Some("UpdateConditionNotSatisfied"), ""),
            Ok(Answer::Changed)
        ));
    }

    #[test]
    fn everything_else_is_an_error_that_says_what_to_do() {
        let denied = answer(403, None, XML).unwrap_err();
        assert_eq!(
            denied.to_string(),
            "the conversation store does not let the gateway in: do this \
             (HTTP 403, AuthorizationFailure, Server failed to authenticate the request.)"
        );
        for (status, code) in [
            (429, None),
            (500, None),
            (503, Some("ServerBusy")),
            (409, Some("TableBeingDeleted")),
        ] {
            let error = answer(status, code, "").unwrap_err();
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        }
        for (status, code) in [
            (400, Some("InvalidInput")),
            (404, None),
            (301, None),
            (409, None),
        ] {
            let error = answer(status, code, "").unwrap_err();
            assert!(matches!(error, StoreError::Misconfigured { .. }), "{error}");
        }
    }
}
