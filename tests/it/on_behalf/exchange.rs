//! A token for Foundry that Entra gives in exchange for the caller's.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use serde_json::json;
use tempfile::NamedTempFile;

use super::Scene;
use crate::{
    entra::{ADA, AUDIENCE, BOB, exchanged, of_application, of_user, with},
    support::error_of,
};

const GATEWAY: &str = "33333333-0000-0000-0000-000000000003";
const SECRET: &str = "secret-of-the-application";
const MODE: [(&str, &str); 5] = [
    ("GATEWAY_UPSTREAM_IDENTITY", "on-behalf-of"),
    ("GATEWAY_ENTRA_AUDIENCE", AUDIENCE),
    ("AZURE_TENANT_ID", crate::entra::TENANT_ID),
    ("AZURE_CLIENT_ID", GATEWAY),
    ("FOUNDRY_ACCESS_TOKEN", ""),
];

async fn scene(accepted: Option<&str>) -> Scene {
    Scene::with(
        accepted,
        &[&MODE[..], &[("AZURE_CLIENT_SECRET", SECRET)]].concat(),
    )
    .await
}

#[tokio::test]
async fn many_requests_of_two_users_exchange_each_token_once() {
    let scene = scene(None).await;
    let tokens = [ADA, BOB].map(|user| scene.key.token(&of_user(user)));
    let asked = (0..20).map(|number| scene.ask(&tokens[number % 2], "assistant"));
    for answer in join_all(asked).await {
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(scene.models(&tokens[0]).await.status(), 200);
    let asked = scene.authority.tokens_asked();
    assert_eq!(asked.len(), 2, "{asked:#?}");
    for form in &asked {
        for (field, value) in [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("requested_token_use", "on_behalf_of"),
            ("client_id", GATEWAY),
            ("client_secret", SECRET),
            ("scope", "https://ai.azure.com/.default"),
        ] {
            assert_eq!(form[field], value, "{field}");
        }
        assert!(tokens.contains(&form["assertion"]));
    }
    assert_ne!(asked[0]["assertion"], asked[1]["assertion"]);
    let upstream = scene.tokens_upstream();
    let [ada, bob] = tokens.map(|token| exchanged(&token));
    assert!(upstream.iter().all(|used| *used == ada || *used == bob));
    assert_eq!(upstream.iter().filter(|used| **used == bob).count(), 10);
}

#[tokio::test]
async fn a_token_that_has_expired_is_exchanged_anew() {
    let scene = scene(None).await;
    scene.authority.tokens_live_for(0);
    let ada = scene.key.token(&of_user(ADA));
    for count in 1..=3 {
        assert_eq!(scene.ask(&ada, "echo").await.status(), 200);
        assert_eq!(scene.authority.tokens_asked().len(), count);
    }
}

#[tokio::test]
async fn a_token_that_foundry_refuses_is_exchanged_once_more_and_then_told() {
    let scene = scene(Some("a-token-of-somebody-else")).await;
    let ada = scene.key.token(&of_user(ADA));
    let (status, error) = error_of(scene.ask(&ada, "echo").await).await;
    assert_eq!((status, &error["code"]), (401, &"invalid_token".into()));
    assert_eq!(scene.authority.tokens_asked().len(), 2);
    assert_eq!(scene.tokens_upstream().len(), 2);
    assert_eq!(scene.ask(&ada, "echo").await.status(), 401);
    assert_eq!(
        scene.authority.tokens_asked().len(),
        2,
        "not at every request"
    );
}

#[tokio::test]
async fn nobody_acts_for_an_application() {
    let scene = scene(None).await;
    let application = scene.key.token(&of_application(&scene.authority.host()));
    let (status, error) = error_of(scene.ask(&application, "echo").await).await;
    assert_eq!((status, &error["code"]), (403, &"permission_denied".into()));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("on behalf of users"),
        "{error}"
    );
    assert_eq!(scene.authority.tokens_asked(), []);
    assert_eq!(scene.emulator.journal().requests(), []);
}

#[tokio::test]
async fn each_refusal_of_entra_says_who_has_to_do_what() {
    let scene = scene(None).await;
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    let description = "AADSTS50079: ada@contoso.example has to enroll";
    let refusal = |error: &str, code: u64| json!({"error": error, "error_codes": [code], "error_description": description});
    let with_claims = with(
        refusal("interaction_required", 50079),
        "claims",
        json!(claims),
    );
    let insufficient = format!(
        "Bearer error=\"insufficient_claims\", claims=\"{}\"",
        STANDARD.encode(claims)
    );
    let rows = [
        (
            400,
            refusal("invalid_grant", 65001),
            403,
            "oauth_consent_required",
            "have to consent",
            None,
        ),
        (
            400,
            with_claims,
            401,
            "interaction_required",
            "sign in again",
            Some(insufficient.as_str()),
        ),
        (
            400,
            refusal("interaction_required", 50076),
            401,
            "interaction_required",
            "sign in again",
            Some("Bearer error=\"interaction_required\""),
        ),
        (
            400,
            refusal("invalid_grant", 500_133),
            401,
            "invalid_token",
            "get a new one",
            Some("Bearer error=\"invalid_token\""),
        ),
        (
            401,
            refusal("invalid_client", 7_000_215),
            502,
            "upstream_authentication_failed",
            "operator",
            None,
        ),
        (
            503,
            json!({}),
            503,
            "identity_provider_unavailable",
            "try again",
            None,
        ),
        (
            429,
            refusal("temporarily_unavailable", 0),
            503,
            "identity_provider_unavailable",
            "try again",
            None,
        ),
    ];
    for (number, (given, body, status, code, says, challenge)) in rows.into_iter().enumerate() {
        scene.authority.refuses_tokens(Some((given, body)));
        // A refusal is kept for some seconds, so that each is another token's.
        let token = scene.key.token(&with(of_user(ADA), "iat", json!(number)));
        for stream in [false, true] {
            let messages = json!([{"role": "user", "content": "hi"}]);
            let response = scene
                .chat(
                    &token,
                    json!({"model": "echo", "stream": stream, "messages": messages}),
                )
                .await;
            let told = response
                .headers()
                .get("www-authenticate")
                .map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(told.as_deref(), challenge, "{code}");
            let waits = response.headers().get("retry-after").is_some();
            assert_eq!(waits, status == 503, "{code}");
            let (got, error) = error_of(response).await;
            assert_eq!((got, &error["code"]), (status, &code.into()), "{error}");
            assert!(error["message"].as_str().unwrap().contains(says), "{error}");
            assert!(!error.to_string().contains("ada@"), "{error}");
        }
        assert_eq!(
            scene.authority.tokens_asked().len(),
            number + 1,
            "{code} is kept for a while"
        );
    }
    assert_eq!(scene.emulator.journal().requests(), []);
    scene.authority.refuses_tokens(None);
    let another = scene.key.token(&of_user(BOB));
    assert_eq!(scene.ask(&another, "echo").await.status(), 200);
}

#[tokio::test]
async fn a_federated_token_proves_the_application_without_a_secret() {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), "federated-token\n").unwrap();
    let by_file = ("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().unwrap());
    let scene = Scene::with(None, &[&MODE[..], &[by_file]].concat()).await;
    let ada = scene.key.token(&of_user(ADA));
    assert_eq!(scene.ask(&ada, "echo").await.status(), 200);
    let form = &scene.authority.tokens_asked()[0];
    assert_eq!(form["client_assertion"], "federated-token");
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert_eq!(form.get("client_secret"), None);
    fs::remove_file(file.path()).unwrap();
    let bob = scene.key.token(&of_user(BOB));
    let (status, error) = error_of(scene.ask(&bob, "echo").await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_authentication_failed".into())
    );
}
