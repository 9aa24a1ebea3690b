//! What the fuzz targets reach of the two dialects.

use http::{HeaderMap, StatusCode};

use super::{definitions, failures};
use crate::agent::{Definition, Failure};

pub(crate) use super::{responses::fuzzing as responses, threads::fuzzing as threads};

/// A definition in JSON, as the service tells it.
pub(crate) fn definition(json: &str) -> Option<Definition> {
    definitions::of_json(json).ok()
}

/// What an HTTP answer that is no success means.
pub(crate) fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    failures::from_response(status, headers, body)
}

/// The data of an `error` event, if it reads as one.
pub(crate) fn event_failure(data: &str) -> Option<Failure> {
    let error: failures::RunError = serde_json::from_str(data).ok()?;
    Some(error.failure())
}
