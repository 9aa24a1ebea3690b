//! Callers with access tokens of an Entra tenant: who gets in, and every way not to.

mod attacks;
mod authority;
mod rights;
mod tokens;

use foundry_emulator::{Behaviour, Emulator};
use serde_json::json;

pub(crate) use self::{
    attacks::{assert_refused, attacks, other_keys},
    authority::{Authority, TOKEN_OF_THE_GATEWAY, exchanged},
    tokens::{ADA, APPLICATION, AUDIENCE, BOB, Signer, TENANT_ID, of_application, of_user, with},
};
use crate::support::{Gateway, KEY, emulator, error_of};

/// What a gateway without API keys needs beside its tenant.
pub(crate) const CONTINUITY_KEY: &str = "continuity-key-0123456789";

/// The settings of a gateway that takes the authority's tokens.
pub(crate) fn settings_for(authority: &Authority) -> Vec<(&'static str, String)> {
    vec![
        ("GATEWAY_ENTRA_TENANT_ID", TENANT_ID.to_owned()),
        ("GATEWAY_ENTRA_AUDIENCE", AUDIENCE.to_owned()),
        ("GATEWAY_CONTINUITY_KEY", CONTINUITY_KEY.to_owned()),
        ("AZURE_AUTHORITY_HOST", authority.host()),
        ("SSL_CERT_FILE", authority.certificate_file().to_owned()),
    ]
}

/// A gateway that takes tokens beside its key, in front of an emulator.
struct Scene {
    emulator: Emulator,
    authority: Authority,
    gateway: Gateway,
    key: Signer,
}

impl Scene {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let key = Signer::named("tenant");
        let keys = std::iter::once(key.public()).chain(other_keys());
        let authority = Authority::publishing(keys.collect()).await;
        let emulator = emulator(Behaviour::default()).await;
        let needed = settings_for(&authority);
        let needed = needed.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<_> = needed.chain(settings.iter().copied()).collect();
        Self {
            gateway: Gateway::in_front_of(&emulator.project_endpoint(), &all).await,
            emulator,
            authority,
            key,
        }
    }

    /// Who got in with this key or token, as the models' list is answered.
    async fn models_with(&self, presented: &str) -> reqwest::Response {
        let request = self.gateway.http.get(self.gateway.url("/v1/models"));
        request.bearer_auth(presented).send().await.unwrap()
    }
}

#[tokio::test]
async fn tokens_of_both_versions_let_users_and_applications_in_and_keys_stay() {
    let scene = Scene::with(&[]).await;
    let host = scene.authority.host();
    let version_2 = json!(format!("{host}/{TENANT_ID}/v2.0"));
    let user_2 = with(
        with(of_user(ADA), "iss", version_2),
        "azp",
        json!(APPLICATION),
    );
    let soon_expired = tokens::now() - 30;
    for claims in [
        of_user(ADA),
        user_2,
        of_application(&host),
        // Clocks differ.
        with(of_user(ADA), "exp", json!(soon_expired)),
        with(of_user(ADA), "nbf", json!(tokens::now() + 30)),
        with(of_user(ADA), "idtyp", json!("user")),
    ] {
        let response = scene.models_with(&scene.key.token(&claims)).await;
        assert_eq!(response.status(), 200, "{claims}");
    }
    let by_azure_client = scene.gateway.http.get(scene.gateway.url("/v1/models"));
    let by_azure_client = by_azure_client.header("api-key", scene.key.token(&of_user(ADA)));
    assert_eq!(by_azure_client.send().await.unwrap().status(), 200);
    assert_eq!(scene.models_with(KEY).await.status(), 200);
    assert_eq!(scene.authority.asked(), 1, "the keys are kept");
    assert_eq!(scene.authority.astray(), Vec::<String>::new());
}

#[tokio::test]
async fn every_attack_is_refused_with_its_reason_and_reaches_nothing() {
    let scene = Scene::with(&[]).await;
    let attacks = attacks(&scene.key, &scene.authority.host());
    assert!(60 <= attacks.len(), "{}", attacks.len());
    for attack in &attacks {
        assert_refused(scene.models_with(&attack.token).await, attack).await;
    }
    assert_eq!(scene.emulator.journal().requests(), []);
    assert_eq!(scene.authority.asked(), 1, "made-up keys are no load");
    assert_eq!(
        scene.authority.astray(),
        Vec::<String>::new(),
        "no address in a token is looked at"
    );
    let good = scene.key.token(&of_user(ADA));
    assert_eq!(scene.models_with(&good).await.status(), 200);
}

#[tokio::test]
async fn what_is_no_token_is_a_wrong_key_and_without_a_tenant_a_token_is_one_too() {
    let scene = Scene::with(&[]).await;
    for presented in ["wrong-key-0123456789", "a.b.c", "eyJhbGciOiJSUzI1NiJ9"] {
        let response = scene.models_with(presented).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let (status, error) = error_of(response).await;
        assert_eq!((status, &error["code"]), (401, &"invalid_api_key".into()));
    }
    let by_keys = Gateway::in_front_of(&scene.emulator.project_endpoint(), &[]).await;
    let request = by_keys.http.get(by_keys.url("/v1/models"));
    let request = request.bearer_auth(scene.key.token(&of_user(ADA)));
    let (status, error) = error_of(request.send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (401, &"invalid_api_key".into()));
}

#[tokio::test]
async fn a_tenant_that_cannot_be_asked_is_a_503_and_keys_go_on_working() {
    let scene = Scene::with(&[]).await;
    scene.authority.now_publishes(None);
    let good = scene.key.token(&of_user(ADA));
    let response = scene.models_with(&good).await;
    assert_eq!(response.headers()["retry-after"], "5");
    let (status, error) = error_of(response).await;
    assert_eq!(
        (status, &error["code"]),
        (503, &"identity_provider_unavailable".into())
    );
    assert_eq!(scene.models_with(KEY).await.status(), 200);
}

#[tokio::test]
async fn keys_of_a_tenant_whose_certificate_is_not_trusted_are_not_taken() {
    let scene = Scene::with(&[("SSL_CERT_FILE", "")]).await;
    let good = scene.key.token(&of_user(ADA));
    assert_eq!(scene.models_with(&good).await.status(), 503);
    assert_eq!(scene.authority.asked(), 0);
}

#[tokio::test]
async fn a_rotated_key_lets_in_without_a_restart() {
    let scene = Scene::with(&[]).await;
    let next = Signer::named("next");
    // The very first fetch is the one that finds it.
    scene
        .authority
        .now_publishes(Some(vec![scene.key.public(), next.public()]));
    for key in [&next, &scene.key] {
        assert_eq!(
            scene.models_with(&key.token(&of_user(ADA))).await.status(),
            200
        );
    }
}
