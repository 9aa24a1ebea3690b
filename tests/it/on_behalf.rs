//! Foundry called with callers' own tokens, or with ones given in exchange for them: each caller's for itself only.

mod exchange;
mod pass_through;

use foundry_emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::{
    entra::{Authority, Signer, TENANT_ID},
    support::Gateway,
};

/// A gateway that acts for its callers.
struct Scene {
    emulator: Emulator,
    authority: Authority,
    gateway: Gateway,
    key: Signer,
}

impl Scene {
    /// A project that takes `accepted` only, or every token.
    async fn with(accepted: Option<&str>, settings: &[(&str, &str)]) -> Self {
        let key = Signer::named("tenant");
        let authority = Authority::publishing(vec![key.public()]).await;
        let options = Options {
            access_token: accepted.map(str::to_owned),
            ..Options::default()
        };
        let emulator = Emulator::start(options).await.unwrap();
        let host = authority.host();
        let needed = [
            ("GATEWAY_API_KEYS", ""),
            ("GATEWAY_CONTINUITY_KEY", crate::entra::CONTINUITY_KEY),
            ("GATEWAY_ENTRA_TENANT_ID", TENANT_ID),
            ("AZURE_AUTHORITY_HOST", host.as_str()),
            ("SSL_CERT_FILE", authority.certificate_file()),
        ];
        let all = [&needed[..], settings].concat();
        Self {
            gateway: Gateway::in_front_of(&emulator.project_endpoint(), &all).await,
            emulator,
            authority,
            key,
        }
    }

    async fn chat(&self, token: &str, body: Value) -> reqwest::Response {
        let request = self
            .gateway
            .http
            .post(self.gateway.url("/v1/chat/completions"));
        let request = request.bearer_auth(token).body(body.to_string());
        request.send().await.unwrap()
    }

    async fn ask(&self, token: &str, agent: &str) -> reqwest::Response {
        let messages = json!([{"role": "user", "content": "hi"}]);
        self.chat(token, json!({"model": agent, "messages": messages}))
            .await
    }

    async fn models(&self, token: &str) -> reqwest::Response {
        let request = self.gateway.http.get(self.gateway.url("/v1/models"));
        request.bearer_auth(token).send().await.unwrap()
    }

    /// With which tokens the project was called since this was last asked.
    fn tokens_upstream(&self) -> Vec<String> {
        let requests = self.emulator.journal().requests();
        self.emulator.journal().clear();
        let header = |headers: &Value| headers["authorization"].as_str().unwrap().to_owned();
        let tokens = requests
            .iter()
            .map(|request| header(&json!(request.headers)));
        tokens
            .map(|token| token.strip_prefix("Bearer ").unwrap().to_owned())
            .collect()
    }
}
