//! `POST /thread-cleanup`: the timer function that removes what has expired.
//!
//! The Functions host calls it with its own envelope. It cannot be called from outside: requests that the host
//! proxies always carry `x-ms-invocation-id` and `X-Forwarded-Host`, the host's own calls carry neither, and
//! everything else that reaches this loopback port is as trusted as the host is.

use axum::{Extension, Json, extract::State};
use http::{HeaderMap, Method, Uri};
use serde::Serialize;

use crate::{
    app::AppState,
    continuity::{cleanup, store::clock::SystemClock},
    error::ApiError,
    handlers::fallback,
    middleware::RequestId,
};

/// The answer that the host demands: an empty body would hang the function until it is killed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    logs: Vec<String>,
}

/// Removes a batch of expired conversations.
pub async fn run(
    State(app): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Envelope>, ApiError> {
    let from_outside = ["x-ms-invocation-id", "x-forwarded-host"];
    let from_host = headers.contains_key("x-azure-functions-invocationid");
    if !from_host || from_outside.iter().any(|name| headers.contains_key(*name)) {
        return Err(fallback::unknown_path(method, uri).await);
    }
    let outcome = cleanup::run(&*app.store, &SystemClock, &app.projects, &request_id).await;
    let log = match outcome {
        Ok(report) => format!(
            "{} expired rows removed, {} conversations deleted upstream, {} could not be deleted{}",
            report.rows,
            report.upstream,
            report.failed,
            if report.more { ", more to come" } else { "" }
        ),
        Err(error) => {
            tracing::warn!(
                request.id = request_id,
                "expired conversations could not be removed: {error}"
            );
            return Err(ApiError::store_failed(error.to_string()));
        }
    };
    tracing::info!(request.id = request_id, "{log}");
    Ok(Json(Envelope { logs: vec![log] }))
}
