//! A client of both gateways.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use bytes::BytesMut;
use serde_json::Value;

use crate::reply::{Reply, read_stream, read_whole};

/// The API key of the soak's caller.
pub(crate) const KEY: &str = "soak-key-0123456789";
/// How long a client waits for the end of an answer; the gateways' own deadlines are far below it.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// Sends requests, and reads what comes back.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    gateways: Vec<SocketAddr>,
}

/// How long a client stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    ToTheEnd,
    /// It reads a stream slowly, to the end.
    ReadsSlowly,
    /// It leaves after so long.
    For(Duration),
    /// It leaves once it has so many bytes of the body.
    UntilBytes(usize),
}

const SLOW_READ: Duration = Duration::from_millis(20);

impl Client {
    pub(crate) fn new(gateways: Vec<SocketAddr>) -> anyhow::Result<Self> {
        // The cryptography that the library asks for. An error says that somebody has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build();
        Ok(Self {
            http: http.context("no HTTP client")?,
            gateways,
        })
    }

    /// How many gateways there are.
    pub(crate) fn gateways(&self) -> usize {
        self.gateways.len()
    }

    /// Sends a chat completion to a gateway, by its number.
    pub(crate) async fn ask(&self, gateway: usize, body: &Value, patience: Patience) -> Reply {
        let asked = self.answer(gateway, body, patience);
        match patience {
            Patience::For(time) => tokio::time::timeout(time, asked)
                .await
                .unwrap_or(Reply::Left),
            _ => tokio::time::timeout(LONGEST_ANSWER, asked)
                .await
                .unwrap_or(Reply::NoAnswer),
        }
    }

    async fn answer(&self, gateway: usize, body: &Value, patience: Patience) -> Reply {
        self.try_answer(gateway, body, patience)
            .await
            .unwrap_or_else(|error| {
                Reply::Malformed(format!("the connection to the gateway broke: {error:?}"))
            })
    }

    async fn try_answer(
        &self,
        gateway: usize,
        body: &Value,
        patience: Patience,
    ) -> reqwest::Result<Reply> {
        let Some(address) = self.gateways.get(gateway) else {
            return Ok(Reply::NoAnswer);
        };
        let mut response = self
            .http
            .post(format!("http://{address}/v1/chat/completions"))
            .bearer_auth(KEY)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await?;
        let status = response.status().as_u16();
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let (kind, id) = (header("content-type"), header("x-thread-id"));
        if header("x-request-id").is_none() {
            return Ok(Reply::Malformed("no x-request-id".to_owned()));
        }
        let mut received = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            received.extend_from_slice(&chunk);
            match patience {
                Patience::UntilBytes(bytes) if bytes <= received.len() => return Ok(Reply::Left),
                Patience::ReadsSlowly => tokio::time::sleep(SLOW_READ).await,
                _ => {}
            }
        }
        let is_stream = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
        let reply = match is_stream {
            true if status == 200 => read_stream(&received),
            true => Reply::Malformed(format!("a stream with status {status}")),
            false => read_whole(status, &received),
        };
        Ok(match reply {
            Reply::Answer { thread_id, .. } if Some(&thread_id) != id.as_ref() => {
                Reply::Malformed("x-thread-id and thread_id differ".to_owned())
            }
            reply => reply,
        })
    }
}
