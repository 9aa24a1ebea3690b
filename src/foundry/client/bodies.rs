//! Bodies of answers: as a stream, as JSON, or as what went wrong.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use http::Response;
use tokio::time::Instant;

use crate::{
    agent::{Failure, stream::ByteStream},
    foundry::{
        connections::UpstreamBody,
        failures,
        http_client::{self, NotWhole},
    },
};

/// Part of an error body that is read; the rest is not needed to tell what happened.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// Size up to which an answer is read that is one JSON document, such as a listing.
const MAX_JSON_BYTES: usize = 8 << 20;
/// Part of what follows the last event of a stream that is read: none, or an event that says `done`.
const MAX_REST_BYTES: usize = 64 << 10;
/// How long to wait for the few bytes that end a finished stream, and for the body of an error.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

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
    let body = response.into_body().map_err(|error| error.to_string());
    let read = http_client::read_stream_at_most(body, MAX_JSON_BYTES);
    let body = tokio::time::timeout_at(deadline, read)
        .await
        .map_err(|_| Failure::timed_out("no whole body within the limit"))?
        .map_err(|problem| match problem {
            NotWhole::BrokenOff(detail) => Failure::broken_off(detail),
            NotWhole::TooLarge { .. } => Failure::unreadable(format!("the answer: {problem}")),
        })?;
    serde_json::from_slice(&body).map_err(|error| Failure::unreadable(error.to_string()))
}

/// Reads the rest of a finished answer, so that its connection can be used again; but not for long, and not much:
/// a connection that is not free then is closed, which costs one, and nothing else.
pub(in crate::foundry) async fn read_rest(mut rest: ByteStream) {
    let read = async {
        let mut left = MAX_REST_BYTES;
        while let Some(Ok(chunk)) = rest.next().await {
            match left.checked_sub(chunk.len()) {
                Some(fewer) => left = fewer,
                None => break,
            }
        }
    };
    drop(tokio::time::timeout(DRAIN_TIMEOUT, read).await);
}
