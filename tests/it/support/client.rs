//! A client of a gateway, wherever the gateway runs: in this process, as a program, behind the Functions host.

use std::net::SocketAddr;

use foundry_gateway::foundry::http_client;
use serde_json::{Value, json};

use super::SOON;

/// The API key of the caller `test`.
pub(crate) const KEY: &str = "test-key-0123456789";

/// A client that knows where a gateway is.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) http: reqwest::Client,
}

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self {
            address,
            http: http_client::build(SOON, None).unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http
            .get(self.url(path))
            .bearer_auth(KEY)
            .send()
            .await
            .unwrap()
    }

    /// A chat completion request with any body.
    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> reqwest::Response {
        self.http
            .post(self.url("/v1/chat/completions"))
            .bearer_auth(KEY)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn chat(&self, body: Value) -> reqwest::Response {
        self.post(body.to_string()).await
    }

    /// One user message to an agent, not streamed.
    pub(crate) async fn ask(&self, agent: &str, text: &str) -> reqwest::Response {
        self.chat(json!({"model": agent, "messages": [{"role": "user", "content": text}]}))
            .await
    }

    /// One user message to an agent, streamed.
    pub(crate) async fn ask_streamed(&self, agent: &str, text: &str) -> reqwest::Response {
        let messages = json!([{"role": "user", "content": text}]);
        self.chat(json!({"model": agent, "stream": true, "messages": messages}))
            .await
    }
}

/// Status and error object of a response.
pub(crate) async fn error_of(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    (status, body["error"].clone())
}
