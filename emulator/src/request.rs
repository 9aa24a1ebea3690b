//! One request, read completely, and the answer to it before it becomes bytes.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::behaviour::{Fault, Stage};
use crate::error::ServiceError;
use crate::stream::Player;

/// A request to an operation.
#[derive(Debug)]
pub(crate) struct ServiceRequest {
    /// The variable segments of the path, in order, percent-decoded.
    pub(crate) segments: Vec<String>,
    /// The agent whose own endpoint was called.
    pub(crate) endpoint_agent: Option<String>,
    /// The preview form of the OpenAI part, `/openai/...?api-version=`.
    pub(crate) preview: bool,
    /// Query parameters, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Request headers.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl ServiceRequest {
    /// The variable segment at this place of the path; empty when the operation has none there.
    pub(crate) fn segment(&self, place: usize) -> &str {
        self.segments.get(place).map_or("", String::as_str)
    }

    /// The first query parameter of this name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as a JSON object; an empty body counts as `{}`.
    pub(crate) fn json_object(&self) -> Result<Map<String, Value>, ServiceError> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(ServiceError::invalid_request(
                None,
                None,
                "The body of the request must be a JSON object.",
            )),
            Err(error) => Err(ServiceError::invalid_request(
                None,
                None,
                format!("We could not parse the JSON body of your request: {error}."),
            )),
        }
    }
}

/// An answer that is not a refusal.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ReplyBody,
    /// Faults that a built-in agent commits.
    pub(crate) faults: Vec<(Stage, Fault)>,
}

/// The body of an answer.
pub(crate) enum ReplyBody {
    /// JSON.
    Json(Value),
    /// The content of a file.
    File(Bytes),
    /// A stream of events.
    Events(Box<dyn Player>),
}

impl Reply {
    /// 200 with a JSON body.
    pub(crate) fn json(body: Value) -> Reply {
        Reply::new(ReplyBody::Json(body))
    }

    /// 200 with the content of a file.
    pub(crate) fn file(content: Bytes) -> Reply {
        Reply::new(ReplyBody::File(content))
    }

    /// 200 with a stream of events.
    pub(crate) fn events(player: impl Player + 'static) -> Reply {
        Reply::new(ReplyBody::Events(Box::new(player)))
    }

    /// With the faults of a built-in agent.
    pub(crate) fn with_faults(mut self, faults: Vec<(Stage, Fault)>) -> Reply {
        self.faults = faults;
        self
    }

    /// With one more response header; a value that no header can carry is left out.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    fn new(body: ReplyBody) -> Reply {
        Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
            faults: Vec::new(),
        }
    }
}
