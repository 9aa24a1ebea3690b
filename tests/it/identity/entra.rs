//! Sign-in at an Entra authority: service principal and workload identity, whole, halved and not trusted.

use std::fs;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::{
    assert_discreet, file_with, identity_in_report, path_of, serve, strict_emulator,
    token_service::TokenService,
};
use crate::support::{Program, error_of};

const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "00000000-0000-0000-0000-00000000000a");
const CLIENT: (&str, &str) = ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000000b");
const SECRET: (&str, &str) = ("AZURE_CLIENT_SECRET", "secret-of-the-principal");

#[tokio::test]
async fn half_a_credential_names_its_missing_half() {
    let file = ("AZURE_FEDERATED_TOKEN_FILE", "/does/not/exist");
    let pinned = |kind| ("FOUNDRY_CREDENTIAL", kind);
    let rows = [
        ([SECRET, CLIENT], "AZURE_TENANT_ID"),
        ([SECRET, TENANT], "AZURE_CLIENT_ID"),
        ([file, TENANT], "AZURE_CLIENT_ID"),
        ([file, CLIENT], "AZURE_TENANT_ID"),
        ([pinned("service-principal"), TENANT], "AZURE_CLIENT_ID"),
        ([pinned("workload-identity"), TENANT], "AZURE_CLIENT_ID"),
        ([pinned("static-token"), TENANT], "FOUNDRY_ACCESS_TOKEN"),
    ];
    let usable = [
        (
            "FOUNDRY_PROJECT_ENDPOINT",
            "https://a.example/api/projects/p",
        ),
        ("GATEWAY_ALLOW_ANONYMOUS", "true"),
        ("PORT", "0"),
    ];
    for (half, missing) in rows {
        let ended = Program::start(&[], &[&usable[..], &half].concat())
            .ended()
            .await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(64), ""),
            "{half:?}"
        );
        assert!(
            ended.stderr.starts_with(&format!("{missing} is not set: ")),
            "{half:?}: {}",
            ended.stderr
        );
        assert!(!ended.stderr.contains(SECRET.1), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_service_principal_signs_in_with_its_secret() {
    let (emulator, authority) = (strict_emulator().await, TokenService::start_https().await);
    let trusted = file_with(authority.certificate());
    let host = format!("https://{}", authority.address());
    let settings = [
        TENANT,
        CLIENT,
        SECRET,
        ("AZURE_AUTHORITY_HOST", host.as_str()),
        ("SSL_CERT_FILE", path_of(&trusted)),
    ];
    let (program, client) = serve(&emulator, &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let asked = &authority.asked()[0];
    assert_eq!(asked.path, format!("/{}/oauth2/v2.0/token", TENANT.1));
    for (field, value) in [
        ("grant_type", "client_credentials"),
        ("scope", "https://ai.azure.com/.default"),
        ("client_id", CLIENT.1),
        ("client_secret", SECRET.1),
    ] {
        assert_eq!(asked.fields[field], value, "{field}");
    }
    let report = identity_in_report(&client).await;
    assert_eq!(
        (&report["kind"], &report["client_id"]),
        (&"service-principal".into(), &CLIENT.1.into())
    );
    assert_discreet(program, &[SECRET.1]).await;
}

#[tokio::test]
async fn a_workload_identity_signs_in_with_its_federated_token() {
    let (emulator, authority) = (strict_emulator().await, TokenService::start_https().await);
    let (trusted, federated) = (
        file_with(authority.certificate()),
        file_with("federated-token"),
    );
    let host = format!("https://{}", authority.address());
    let settings = [
        TENANT,
        CLIENT,
        ("AZURE_FEDERATED_TOKEN_FILE", path_of(&federated)),
        ("AZURE_AUTHORITY_HOST", host.as_str()),
        ("SSL_CERT_FILE", path_of(&trusted)),
    ];
    let (program, client) = serve(&emulator, &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let asked = &authority.asked()[0];
    for (field, value) in [
        ("grant_type", "client_credentials"),
        ("scope", "https://ai.azure.com/.default"),
        ("client_id", CLIENT.1),
        ("client_assertion", "federated-token"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
    ] {
        assert_eq!(asked.fields[field], value, "{field}");
    }
    assert_eq!(
        identity_in_report(&client).await["kind"],
        "workload-identity"
    );
    assert_discreet(program, &["federated-token"]).await;
}

#[tokio::test]
async fn a_service_principal_signs_in_with_its_certificate() {
    let fixture = |name| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/identity/");
        fs::read_to_string(format!("{folder}{name}")).unwrap()
    };
    let (emulator, authority) = (strict_emulator().await, TokenService::start_https().await);
    let trusted = file_with(authority.certificate());
    let key = fixture("key.pem");
    let certificate = file_with(&(fixture("certificate.pem") + &key));
    let host = format!("https://{}", authority.address());
    let settings = [
        TENANT,
        CLIENT,
        ("AZURE_CLIENT_CERTIFICATE_PATH", path_of(&certificate)),
        ("AZURE_AUTHORITY_HOST", host.as_str()),
        ("SSL_CERT_FILE", path_of(&trusted)),
    ];
    let (program, client) = serve(&emulator, &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let asked = &authority.asked()[0];
    let path = format!("/{}/oauth2/v2.0/token", TENANT.1);
    assert_eq!(asked.path, path);
    for (field, value) in [
        ("grant_type", "client_credentials"),
        ("scope", "https://ai.azure.com/.default"),
        ("client_id", CLIENT.1),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
    ] {
        assert_eq!(asked.fields[field], value, "{field}");
    }
    let (signed, signature) = asked.fields["client_assertion"].rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["aud"], format!("{host}{path}"));
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&CLIENT.1.into(), &CLIENT.1.into())
    );
    let public_key = fixture("public-key.pem");
    let public_key = public_key.lines().filter(|line| !line.starts_with("-----"));
    let public_key = STANDARD.decode(public_key.collect::<String>()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key)
        .verify(
            signed.as_bytes(),
            &URL_SAFE_NO_PAD.decode(signature).unwrap(),
        )
        .unwrap();
    let report = identity_in_report(&client).await;
    assert_eq!(
        (&report["kind"], &report["client_id"]),
        (&"service-principal-certificate".into(), &CLIENT.1.into())
    );
    let at_start = format!(
        r#"identity="service-principal-certificate" client_id="{}""#,
        CLIENT.1
    );
    program.until_stdout_has(&at_start).await;
    let line_of_key = key.lines().nth(1).unwrap();
    assert_discreet(program, &[line_of_key, signature]).await;
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_gets_no_secret() {
    let (emulator, authority) = (strict_emulator().await, TokenService::start_https().await);
    let host = format!("https://{}", authority.address());
    let settings = [
        TENANT,
        CLIENT,
        SECRET,
        ("AZURE_AUTHORITY_HOST", host.as_str()),
    ];
    let (program, client) = serve(&emulator, &settings).await;
    let (status, error) = error_of(client.ask("echo", "hi").await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_authentication_failed".into())
    );
    assert_eq!(authority.asked().len(), 0);
    assert_discreet(program, &[SECRET.1]).await;
}
