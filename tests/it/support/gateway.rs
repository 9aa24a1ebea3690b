//! The gateway in this process, listening on a free port of 127.0.0.1.

use std::net::SocketAddr;

use foundry_gateway::{
    app::{App, AppState},
    config::{Config, Environment},
    foundry::http_client,
    server,
};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

use super::SOON;

/// The API key of the caller `test`.
pub(crate) const KEY: &str = "test-key-0123456789";

/// A running gateway; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) app: AppState,
    pub(crate) http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Serves the project at `endpoint`; `settings` come on top of the few that are needed, or replace them.
    pub(crate) async fn in_front_of(endpoint: &str, settings: &[(&str, &str)]) -> Self {
        let needed = [
            ("FOUNDRY_PROJECT_ENDPOINT", endpoint.to_owned()),
            ("FOUNDRY_ACCESS_TOKEN", "test-token".to_owned()),
            ("GATEWAY_API_KEYS", format!("test={KEY}")),
            ("PORT", "0".to_owned()),
        ];
        let given = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let environment: Environment = needed.into_iter().chain(given).collect();
        let config = Config::from_environment(&environment).unwrap();
        let listener = server::bind(config.listen.address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = App::build(config).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server::serve(listener, app.clone(), async {
            drop(stopped.await);
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "the server's own task, joined by stop"
        )]
        let serving = tokio::spawn(serving);
        Self {
            address,
            app,
            http: http_client::build(SOON, None).unwrap(),
            stop: Some(stop),
            serving: Some(serving),
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

    /// Asks the gateway to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.serving.take().unwrap().await.unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

/// Status and error object of a response.
pub(crate) async fn error_of(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    (status, body["error"].clone())
}
