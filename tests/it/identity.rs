//! Who the program is towards Foundry: it asks for a token as each credential must, uses it, and keeps it to itself.

mod entra;
mod managed_identity;
mod refused;
pub(crate) mod token_service;

use std::fs;

use foundry_emulator::{Emulator, Options};
use serde_json::Value;
use tempfile::NamedTempFile;

use self::token_service::TOKEN;
use crate::support::{Client, Program, error_of};

/// A project that takes no token but that of the identity.
async fn strict_emulator() -> Emulator {
    emulator_that_takes(TOKEN).await
}

/// A project that takes this token and no other.
async fn emulator_that_takes(token: &str) -> Emulator {
    let options = Options {
        access_token: Some(token.to_owned()),
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// The program with a log that tells everything it has to tell, and no token of its own.
async fn serve(emulator: &Emulator, settings: &[(&str, &str)]) -> (Program, Client) {
    let always = [
        ("FOUNDRY_ACCESS_TOKEN", ""),
        ("GATEWAY_LOG", "info,foundry_gateway=trace"),
    ];
    Program::serve(&emulator.project_endpoint(), &[&always, settings].concat()).await
}

/// Ends the program, which must have run well and told none of these secrets.
async fn assert_discreet(program: Program, secrets: &[&str]) {
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("listening"), "{}", ended.stdout);
    for secret in secrets.iter().chain([&TOKEN]) {
        assert!(!ended.stdout.contains(secret), "{secret}: {}", ended.stdout);
    }
}

fn file_with(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

fn path_of(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

async fn identity_in_report(client: &Client) -> Value {
    let report: Value =
        serde_json::from_str(&client.get("/readyz").await.text().await.unwrap()).unwrap();
    report["identity"].clone()
}

#[tokio::test]
async fn a_static_token_is_used_as_it_is() {
    let emulator = strict_emulator().await;
    let (program, client) = serve(&emulator, &[("FOUNDRY_ACCESS_TOKEN", TOKEN)]).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    assert_eq!(identity_in_report(&client).await["kind"], "static-token");
    assert_discreet(program, &[]).await;

    let (_program, client) = serve(&emulator, &[("FOUNDRY_ACCESS_TOKEN", "another-token")]).await;
    let (status, error) = error_of(client.ask("echo", "hi").await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_authentication_failed".into())
    );
}

#[tokio::test]
async fn a_project_over_https_is_trusted_by_its_own_authority_only() {
    let options = Options {
        tls: true,
        access_token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    assert!(emulator.project_endpoint().starts_with("https://"));
    let trusted = file_with(emulator.ca_certificate_pem().unwrap());
    let token = ("FOUNDRY_ACCESS_TOKEN", TOKEN);
    let (program, client) = serve(&emulator, &[token, ("SSL_CERT_FILE", path_of(&trusted))]).await;
    for agent in ["echo", "asst_echo"] {
        assert_eq!(client.ask(agent, "hi").await.status(), 200);
        let stream = client.ask_streamed(agent, "hi").await.text().await.unwrap();
        assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    }
    assert_discreet(program, &[]).await;

    emulator.journal().clear();
    let (program, client) = serve(&emulator, &[token]).await;
    let (status, error) = error_of(client.ask("echo", "hi").await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_unreachable".into())
    );
    assert_eq!(emulator.journal().requests(), []);
    assert_discreet(program, &[]).await;
}
