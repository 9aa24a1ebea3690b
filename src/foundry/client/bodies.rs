//! Bodies of answers: as a stream, as JSON, or as what went wrong.

use futures_util::StreamExt;
use http::Response;
use tokio::time::Instant;

use super::DRAIN_TIMEOUT;
use crate::{
    agent::{Failure, stream::ByteStream},
    foundry::{connections::UpstreamBody, failures},
};

/// Part of an error body that is read; the rest is not needed to tell what happened.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// Size up to which a listing is read.
const MAX_JSON_BYTES: usize = 8 << 20;

/// The body of a response as a stream.
pub(in crate::foundry) fn byte_stream(response: Response<UpstreamBody>) -> ByteStream {
    Box::pin(response.into_body())
}

pub(super) async fn read_failure(response: Response<UpstreamBody>) -> Failure {
    let status = response.status();
    let headers = response.headers().clone();
    let body = tokio::time::timeout(DRAIN_TIMEOUT, read_body(response, MAX_ERROR_BYTES)).await;
    failures::from_response(status, &headers, &body.unwrap_or_default())
}

/// Reads at most `limit` bytes of a body; what was read before an error counts.
async fn read_body(response: Response<UpstreamBody>, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let mut stream = response.into_body();
    while let Some(Ok(chunk)) = stream.next().await {
        let room = limit - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() == limit {
            break;
        }
    }
    body
}

/// Reads a whole body, of a bounded size.
pub(in crate::foundry) async fn read_json<T: serde::de::DeserializeOwned>(
    response: Response<UpstreamBody>,
    deadline: Instant,
) -> Result<T, Failure> {
    let body = tokio::time::timeout_at(deadline, read_body(response, MAX_JSON_BYTES))
        .await
        .map_err(|_| Failure::timed_out("no whole body within the limit"))?;
    serde_json::from_slice(&body).map_err(|error| Failure::unreadable(error.to_string()))
}
