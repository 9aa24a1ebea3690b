//! Managed identity: the endpoint that App Service gives, asked as seldom as possible, and failing.

use foundry_emulator::{Emulator, Options};
use futures_util::future::join_all;
use serde_json::Value;

use super::{
    assert_discreet, emulator_that_takes, file_with, identity_in_report, path_of, serve,
    strict_emulator,
    token_service::{TOKEN, TokenService},
};
use crate::support::{SOON, error_of};

const HEADER: &str = "secret-of-the-endpoint";

#[tokio::test]
async fn a_managed_identity_is_asked_for_by_system_or_by_client_id() {
    for client_id in [None, Some("00000000-0000-0000-0000-000000000001")] {
        let (emulator, tokens) = (strict_emulator().await, TokenService::start().await);
        let endpoint = format!("http://{}/msi/token", tokens.address());
        let mut settings = vec![
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IDENTITY_HEADER", HEADER),
        ];
        settings.extend(client_id.map(|id| ("AZURE_CLIENT_ID", id)));
        let (program, client) = serve(&emulator, &settings).await;
        assert_eq!(
            tokens.asked().len(),
            0,
            "nothing is asked before the first request"
        );
        assert_eq!(client.ask("echo", "hi").await.status(), 200);
        assert_eq!(client.ask("asst_echo", "hi").await.status(), 200);
        assert_eq!(client.get("/v1/models").await.status(), 200);

        let [asked] = &tokens.asked()[..] else {
            panic!("one token is enough: {:?}", tokens.asked());
        };
        assert_eq!(asked.path, "/msi/token");
        assert_eq!(asked.headers["x-identity-header"], HEADER);
        assert_eq!(asked.fields["resource"], "https://ai.azure.com");
        assert_eq!(asked.fields.get("client_id").map(String::as_str), client_id);
        let upstream = emulator.journal().requests();
        let bearer = Value::from(format!("Bearer {TOKEN}"));
        assert!(
            upstream
                .iter()
                .all(|request| request.headers["authorization"] == bearer)
        );
        let report = identity_in_report(&client).await;
        assert_eq!(
            (&report["kind"], report["client_id"].as_str()),
            (&"managed-identity".into(), client_id)
        );
        assert_discreet(program, &[HEADER]).await;
    }
}

#[tokio::test]
async fn many_first_requests_ask_for_one_token() {
    let (emulator, tokens) = (strict_emulator().await, TokenService::start().await);
    let endpoint = format!("http://{}/msi/token", tokens.address());
    let settings = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
    ];
    let (_program, client) = serve(&emulator, &settings).await;
    let answers = join_all((0..30).map(|_| client.ask("echo", "hi"))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    assert_eq!(tokens.asked().len(), 1);
}

#[tokio::test]
async fn a_token_is_asked_for_once_for_each_service() {
    let (emulator, tokens) = (strict_emulator().await, TokenService::start().await);
    let endpoint = format!("http://{}/msi/token", tokens.address());
    let settings = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
        ("THREADS_TABLE_ENDPOINT", "http://127.0.0.1:9/account"),
    ];
    let (_program, client) = serve(&emulator, &settings).await;
    for _ in 0..3 {
        assert_eq!(client.ask("echo", "hi").await.status(), 200);
    }
    let asked = tokens.asked();
    let mut resources: Vec<_> = asked
        .iter()
        .map(|asked| &asked.fields["resource"])
        .collect();
    resources.sort();
    assert_eq!(
        resources,
        ["https://ai.azure.com", "https://storage.azure.com"]
    );
}

#[tokio::test]
async fn a_token_that_has_expired_is_not_used() {
    let (emulator, tokens) = (
        emulator_that_takes("token-2").await,
        TokenService::start().await,
    );
    tokens.number_tokens();
    tokens.set_life(1);
    let endpoint = format!("http://{}/msi/token", tokens.address());
    let settings = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
    ];
    let (_program, client) = serve(&emulator, &settings).await;
    assert_eq!(client.get("/readyz").await.status(), 200, "replaced once");
    assert_eq!(tokens.asked().len(), 2);
    // It is at its end already, so that the next request signs in before it sends anything.
    tokens.give("token-2");
    emulator.journal().clear();
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    assert_eq!(tokens.asked().len(), 3);
    assert_eq!(emulator.journal().requests().len(), 1);
}

#[tokio::test]
async fn a_token_endpoint_that_hangs_holds_a_request_no_longer_than_its_deadline() {
    let (emulator, tokens) = (strict_emulator().await, TokenService::start().await);
    tokens.set_hanging(true);
    let endpoint = format!("http://{}/msi/token", tokens.address());
    let settings = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
        ("GATEWAY_RESPONSE_TIMEOUT_SECONDS", "1"),
    ];
    let (_program, client) = serve(&emulator, &settings).await;
    let asking = join_all((0..20).map(|_| client.ask("echo", "hi")));
    let answers = tokio::time::timeout(SOON, asking).await.unwrap();
    for answer in answers {
        let (status, error) = error_of(answer).await;
        assert_eq!((status, &error["code"]), (504, &"upstream_timeout".into()));
    }
    assert_eq!(tokens.asked().len(), 1);
    assert_eq!(client.get("/healthz").await.status(), 200);
    assert_eq!(emulator.journal().requests(), []);
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_tokens() {
    let options = Options {
        tls: true,
        access_token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let trusted = file_with(emulator.ca_certificate_pem().unwrap());
    let (tokens, proxy) = (TokenService::start().await, TokenService::start().await);
    let endpoint = format!("http://{}/msi/token", tokens.address());
    let proxy_address = format!("http://{}", proxy.address());
    let settings = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
        ("SSL_CERT_FILE", path_of(&trusted)),
        ("HTTP_PROXY", &proxy_address),
        ("http_proxy", &proxy_address),
    ];
    let (_program, client) = serve(&emulator, &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    assert_eq!((tokens.asked().len(), proxy.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_told_and_survived() {
    let (emulator, tokens) = (strict_emulator().await, TokenService::start().await);
    tokens.set_failing(true);
    let endpoint = format!("http://{}/msi/token", tokens.address());
    let settings = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
    ];
    let (program, client) = serve(&emulator, &settings).await;
    for response in [
        client.ask("echo", "hi").await,
        client.ask_streamed("asst_echo", "hi").await,
    ] {
        assert_eq!(response.headers()["x-should-retry"], "false");
        let (status, error) = error_of(response).await;
        assert_eq!(
            (status, &error["code"]),
            (502, &"upstream_authentication_failed".into())
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("operator") && !message.contains("out of order"),
            "{message}"
        );
    }
    assert_eq!(
        emulator.journal().requests(),
        [],
        "nothing is asked without a token"
    );
    assert_eq!(client.get("/healthz").await.status(), 200);

    tokens.set_failing(false);
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    assert_discreet(program, &[HEADER]).await;
}
