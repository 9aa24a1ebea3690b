//! What a request says of its conversation: an id, a name, or nothing but its history.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    config::continuity::{ContinuityConfig, ContinuityMode},
    error::ApiError,
    openai::chat::{request::RawFields, to_turn::CONVERSATION_IDS},
};

/// How a client switches continuity off for one request: `x-gateway-continuity: off`.
const SWITCH: &str = "x-gateway-continuity";

/// What a request says of its conversation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether the turn may be continued, and may continue another.
    pub(super) on: bool,
    /// Whether its history is looked up.
    pub(super) recognise: bool,
    /// The id that an earlier answer told.
    pub(super) id: Option<String>,
    /// The name that a header or `metadata.conversation_id` gives; empty without.
    pub(super) name: String,
}

impl Said {
    /// Whether an earlier turn is looked for.
    pub(super) fn looks_up(&self) -> bool {
        self.recognise || self.id.is_some()
    }
}

/// Reads the fields and headers of a request.
pub(super) fn read(
    fields: &RawFields<'_>,
    headers: &HeaderMap,
    config: &ContinuityConfig,
) -> Result<Said, ApiError> {
    let switched_off = headers
        .get(SWITCH)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"off"));
    let on = config.mode != ContinuityMode::Off && !switched_off;
    let id = read_id(fields)?;
    if let (Some((field, _)), false) = (&id, on) {
        return Err(ApiError::bad_request(
            "unsupported_parameter",
            *field,
            format!(
                "{field} cannot be used, because continuity is off (GATEWAY_CONTINUITY, or the header {SWITCH})"
            ),
        ));
    }
    Ok(Said {
        on,
        recognise: on && config.mode == ContinuityMode::Auto,
        id: id.map(|(_, id)| id),
        name: read_name(fields, headers, config),
    })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum IdForm {
    Text(String),
    Object { id: String },
}

/// All three mean the same: the id that an earlier answer told as `thread_id`.
fn read_id(fields: &RawFields<'_>) -> Result<Option<(&'static str, String)>, ApiError> {
    let mut found: Option<(&'static str, String)> = None;
    for field in CONVERSATION_IDS {
        let Some(value) = fields.get(field) else {
            continue;
        };
        let id = match serde_json::from_str(value.get()) {
            Ok(IdForm::Text(id) | IdForm::Object { id }) if !id.is_empty() => id,
            _ => {
                let message = format!("{field} must be the thread_id of an earlier answer");
                return Err(ApiError::bad_request("invalid_type", field, message));
            }
        };
        match &found {
            Some((other, known)) if *known != id => {
                let message = format!("{field} and {other} name different conversations");
                return Err(ApiError::bad_request("invalid_value", field, message));
            }
            _ => found = Some((field, id)),
        }
    }
    Ok(found)
}

/// The first configured header that is there, else `metadata.conversation_id`.
fn read_name(fields: &RawFields<'_>, headers: &HeaderMap, config: &ContinuityConfig) -> String {
    #[derive(Deserialize)]
    struct Named {
        conversation_id: Option<String>,
    }
    let in_header = config
        .headers
        .iter()
        .find_map(|name| headers.get(name)?.to_str().ok());
    let in_metadata = || {
        let metadata = fields.get("metadata").map(RawValue::get)?;
        serde_json::from_str::<Named>(metadata)
            .ok()?
            .conversation_id
    };
    in_header
        .map(str::to_owned)
        .or_else(in_metadata)
        .unwrap_or_default()
}
