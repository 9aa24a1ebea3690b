//! The process's HTTP client as the identity library wants it, with a bound that the library does not know.

use async_trait::async_trait;
use azure_core::{
    error::ErrorKind,
    http::{AsyncRawResponse, HttpClient, Request},
};
use futures_util::StreamExt;

/// Size of an answer of a token endpoint; a token with all its claims has some kilobytes.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// Sends the requests of a sign-in, and reads no answer of any size: the library collects them whole.
#[derive(Debug)]
pub(super) struct BoundedTransport {
    http: reqwest::Client,
}

impl BoundedTransport {
    pub(super) fn over(http: reqwest::Client) -> Self {
        Self { http }
    }
}

#[async_trait]
impl HttpClient for BoundedTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let response = HttpClient::execute_request(&self.http, request).await?;
        let (status, headers, body) = response.deconstruct();
        let mut left = MAX_ANSWER_BYTES;
        let bounded = body.map(move |chunk| {
            let chunk = chunk?;
            left = left.checked_sub(chunk.len()).ok_or_else(too_large)?;
            Ok(chunk)
        });
        Ok(AsyncRawResponse::new(status, headers, Box::pin(bounded)))
    }
}

/// Of a kind that is not worth another try.
fn too_large() -> azure_core::Error {
    azure_core::Error::with_message(
        ErrorKind::DataConversion,
        format!("the answer of the token endpoint has more than {MAX_ANSWER_BYTES} bytes"),
    )
}
