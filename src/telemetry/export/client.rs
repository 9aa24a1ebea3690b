//! Sends an exporter's requests over the process's own HTTP client.
//!
//! Exporters run on threads of their own, which are none of the runtime's: a request hops onto the runtime, and the
//! thread waits for it. Its headers are put together here: the library would add those of the standard variables,
//! which may be meant for another receiver.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::{foundry::client::full_text, identity::TokenSource, telemetry::losses::Losses};

/// The client of one exporter.
#[derive(Debug, Clone)]
pub(super) struct ExportClient {
    http: reqwest::Client,
    runtime: Handle,
    tokens: Option<Arc<dyn TokenSource>>,
    headers: Arc<Vec<(HeaderName, HeaderValue)>>,
    timeout: Duration,
    gzip: bool,
    losses: Arc<Losses>,
}

/// Bounds a request where the configuration does not.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Part of an answer that is read: Application Insights tells in it which items it did not take.
const MAX_ANSWER_BYTES: usize = 1 << 20;

impl ExportClient {
    /// A client for the runtime that this is called in.
    pub(super) fn new(
        http: reqwest::Client,
        tokens: Option<Arc<dyn TokenSource>>,
        headers: Option<Vec<(HeaderName, HeaderValue)>>,
        timeout: Option<Duration>,
        gzip: bool,
        losses: Arc<Losses>,
    ) -> Self {
        Self {
            http,
            runtime: Handle::current(),
            tokens,
            headers: Arc::new(headers.unwrap_or_default()),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            gzip,
            losses,
        }
    }

    async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let mut headers = HeaderMap::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            if let Some(value) = parts.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        if let Some(tokens) = &self.tokens {
            headers.insert(header::AUTHORIZATION, tokens.authorization().await?);
        }
        for (name, value) in self.headers.iter() {
            headers.insert(name.clone(), value.clone());
        }
        let request = self
            .http
            .request(parts.method, parts.uri.to_string())
            .headers(headers)
            .body(body);
        let mut answer = request.send().await?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        if let Some(wait) = answer.headers().get(header::RETRY_AFTER) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, wait.clone());
        }
        let mut text = Vec::new();
        while text.len() < MAX_ANSWER_BYTES
            && let Some(chunk) = answer.chunk().await?
        {
            text.extend_from_slice(&chunk);
        }
        *response.body_mut() = text.into();
        Ok(response)
    }

    fn note_status(&self, status: StatusCode) {
        let remedy = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.tokens.is_some() => {
                "; the gateway's identity needs the role Monitoring Metrics Publisher on the data collection rule, \
                 and a new assignment takes some minutes"
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "; the receiver wants other headers, or a token (GATEWAY_OTLP_HEADERS, GATEWAY_OTLP_AUTH)"
            }
            StatusCode::NOT_FOUND => "; the path of the endpoint is wrong",
            _ => "",
        };
        self.losses
            .note(format!("the receiver answered {status}{remedy}"));
    }
}

/// With gzip at its quickest: the library compresses at a level that costs more than all the rest of a span.
fn compressed(request: Request<Bytes>) -> io::Result<Request<Bytes>> {
    let (mut parts, body) = request.into_parts();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&body)?;
    let body = encoder.finish()?;
    parts
        .headers
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(Request::from_parts(parts, body.into()))
}

#[async_trait]
impl HttpClient for ExportClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = if self.gzip {
            compressed(request)?
        } else {
            request
        };
        let sending = tokio::time::timeout;
        let (client, timeout) = (self.clone(), self.timeout);
        // Waited for right here, so that no task is left behind.
        let sent = self
            .runtime
            .spawn(async move { sending(timeout, client.send(request)).await })
            .await?;
        let outcome = sent.unwrap_or_else(|_| Err("no answer within the limit".into()));
        match &outcome {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => self.note_status(response.status()),
            Err(error) => self.losses.note(full_text(error.as_ref())),
        }
        outcome
    }
}
