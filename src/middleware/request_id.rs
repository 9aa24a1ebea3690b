//! Gives every request an id, taken from the client where it sends one, and answers with it.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue};

use crate::random_id::random_id;

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 128;

pub(super) async fn assign(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&HEADER)
        .and_then(usable)
        .map_or_else(|| random_id("req_"), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Ids end in logs and headers: only short ones of harmless characters are taken over.
fn usable(value: &HeaderValue) -> Option<&str> {
    let id = value.to_str().ok()?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.:/+=".contains(c);
    (!id.is_empty() && id.len() <= MAX_LENGTH && id.chars().all(harmless)).then_some(id)
}
