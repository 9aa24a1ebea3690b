//! The JSON envelope: how timers always reach the handler, and HTTP functions that are neither proxied nor forwarded.

use std::{collections::BTreeMap, future::pending};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    InvocationError, USER_AGENT_OF_HOST,
    dispatch::{HostBody, empty, whole},
    host::Shared,
    identifiers,
    logs::LogLevel,
    proxy::headers,
    routing::RouteParameters,
};

/// What a handler answers to an envelope; every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct InvocationResult {
    outputs: Map<String, Value>,
    logs: Vec<String>,
}

/// The bindings of an HTTP function.
#[derive(Debug)]
pub(crate) struct HttpBindings<'config> {
    pub(crate) function: &'config str,
    pub(crate) input: &'config str,
    pub(crate) output: Option<&'config str>,
    pub(crate) parameters: RouteParameters,
}

/// Now, as the envelope writes times.
fn now() -> String {
    // The format has no field that can be missing.
    OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// The value of a timer trigger.
///
/// The host's Timers extension sends more in `Schedule`; a handler may rely on `IsPastDue` alone.
pub(crate) fn timer_value() -> Value {
    json!({
        "Schedule": {"AdjustForDST": true},
        "ScheduleStatus": {"Last": now(), "Next": now(), "LastUpdated": now()},
        "IsPastDue": false,
    })
}

/// Posts an envelope to `/{function}` and reads the result.
pub(crate) async fn invoke(
    host: &Shared,
    function: &str,
    invocation_id: &str,
    data: Value,
) -> Result<InvocationResult, InvocationError> {
    let envelope = json!({
        "Data": data,
        "Metadata": {
            "sys": {"MethodName": function, "UtcNow": now(), "RandGuid": identifiers::guid()},
        },
    });
    let response = post(host, function, invocation_id, envelope.to_string()).await?;
    let (head, body) = response;
    if !head.status.is_success() {
        return Err(InvocationError::Status(head.status));
    }
    let result = result(&head.headers, &body)?;
    for line in &result.logs {
        host.logs.host(LogLevel::Information, line);
    }
    Ok(result)
}

async fn post(
    host: &Shared,
    function: &str,
    invocation_id: &str,
    envelope: String,
) -> Result<(http::response::Parts, Bytes), InvocationError> {
    let no_answer = |error: &dyn std::error::Error| InvocationError::NoAnswer(error.to_string());
    // A body of unknown length is sent chunked, as the host does.
    let body = StreamBody::new(stream::iter([Ok(Frame::data(Bytes::from(envelope)))]));
    let mut request = Request::post(format!("/{function}"))
        .header(header::HOST, host.pool.address().to_string())
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::USER_AGENT, USER_AGENT_OF_HOST)
        .body(body.boxed_unsync())
        .map_err(|error| no_answer(&error))?;
    headers::set_invocation(request.headers_mut(), invocation_id);
    let mut connection = host
        .pool
        .connection()
        .await
        .map_err(|error| no_answer(&error))?;
    let response = connection
        .exchange(request)
        .await
        .map_err(|error| no_answer(&error))?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| no_answer(&error))?;
    host.pool.give_back(connection);
    Ok((head, body.to_bytes()))
}

/// Reads the result as the host's deserializer does: nothing and `null` never complete the invocation.
fn result(headers: &HeaderMap, body: &[u8]) -> Result<InvocationResult, InvocationError> {
    if body.is_empty() {
        return Err(InvocationError::Hang);
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !matches!(essence, "application/json" | "text/json") {
        let problem = format!("its content type is {content_type:?}");
        return Err(InvocationError::Invalid(problem));
    }
    let result: Option<InvocationResult> = serde_json::from_slice(body)
        .map_err(|error| InvocationError::Invalid(error.to_string()))?;
    result.ok_or(InvocationError::Hang)
}

/// Runs an HTTP function by envelope.
pub(crate) async fn invoke_http(
    host: &Shared,
    bindings: HttpBindings<'_>,
    invocation_id: &str,
    request: Request<Incoming>,
) -> Response<HostBody> {
    let Ok(value) = http_value(request, bindings.parameters).await else {
        return empty(StatusCode::BAD_REQUEST);
    };
    let data = json!({ bindings.input: value });
    match invoke(host, bindings.function, invocation_id, data).await {
        Ok(mut result) => {
            let output = bindings.output.and_then(|name| result.outputs.remove(name));
            http_response(&output.unwrap_or_default())
        }
        // Only functionTimeout ends it.
        Err(InvocationError::Hang) => pending().await,
        Err(error) => {
            let text = format!("Executed function {} failed: {error}", bindings.function);
            host.logs.host(LogLevel::Error, text);
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// The value of an HTTP trigger.
async fn http_value(
    request: Request<Incoming>,
    parameters: RouteParameters,
) -> Result<Value, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &head.headers {
        headers.entry(name.as_str()).or_default().push(text(value));
    }
    let decoded = |encoded: &str| {
        let spaced = encoded.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let query: BTreeMap<String, String> = head
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    let authority = head.headers.get(header::HOST).map(text).unwrap_or_default();
    Ok(json!({
        "Url": format!("http://{authority}{}", head.uri),
        "Method": head.method.as_str(),
        "Query": query,
        "Headers": headers,
        "Params": parameters,
        "Identities": [],
        "Body": String::from_utf8_lossy(&body),
    }))
}

/// The client's response from the `http` output `{statusCode | status, headers, body}`.
fn http_response(output: &Value) -> Response<HostBody> {
    let status = output.get("statusCode").or_else(|| output.get("status"));
    let status = status.and_then(|status| match status {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64().and_then(|code| u16::try_from(code).ok()),
    });
    let status = status.map_or(Ok(StatusCode::OK), StatusCode::from_u16);
    let body = match output.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut response = Response::new(whole(body));
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = output.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        let value = value
            .as_str()
            .and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (header::HeaderName::try_from(name), value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(content_type: &'static str, body: &str) -> Result<InvocationResult, InvocationError> {
        let content_type = HeaderValue::from_static(content_type);
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]);
        result(&headers, body.as_bytes())
    }

    #[test]
    fn nothing_and_null_hang() {
        assert!(matches!(
            judged("application/json", ""),
            Err(InvocationError::Hang)
        ));
        assert!(matches!(
            judged("application/json", "null"),
            Err(InvocationError::Hang)
        ));
    }

    #[test]
    fn an_empty_object_completes() {
        assert!(judged("application/json; charset=utf-8", "{}").is_ok());
        let result = judged("application/json", r#"{"Logs":["one"],"ReturnValue":null}"#);
        assert_eq!(result.unwrap().logs, ["one"]);
    }

    #[test]
    fn other_content_is_invalid() {
        for (content_type, body) in [("text/plain", "{}"), ("application/json", "ok")] {
            assert!(matches!(
                judged(content_type, body),
                Err(InvocationError::Invalid(_))
            ));
        }
    }
}
