//! Settings that are missing or wrong: what is said, on which stream, with which exit code, and what is not said.

use crate::support::Program;

/// Stands in every value that must not be repeated.
const SECRET: &str = "hunter2hunter2hunter2";

/// `EX_USAGE`.
const UNUSABLE_SETTINGS: Option<i32> = Some(64);

#[tokio::test]
async fn without_settings_it_says_what_is_missing_and_how_to_get_it() {
    let ended = Program::start(&[], &[]).ended().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (UNUSABLE_SETTINGS, ""));
    for part in [
        "FOUNDRY_PROJECT_ENDPOINT is not set",
        "overview page",
        "GATEWAY_API_KEYS is not set",
        "openssl rand -hex 32",
        "GATEWAY_ALLOW_ANONYMOUS=true",
        "README.md",
        "foundry-gateway demo",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

/// Settings that cannot be used, and what is said about them. A value that could be a secret holds one.
#[rustfmt::skip] // One mistake a line.
const MISTAKES: &[(&[(&str, &str)], &str)] = &[
    (&[("FOUNDRY_PROJECT_ENDPOINT", "http://hunter2hunter2hunter2.example/api/projects/p")], "FOUNDRY_PROJECT_ENDPOINT cannot be used: plain http"),
    (&[("FOUNDRY_PROJECT_ENDPOINT", "https://user:hunter2hunter2hunter2@a.example/api/projects/p")], "FOUNDRY_PROJECT_ENDPOINT cannot be used: it must not contain a user name"),
    (&[("GATEWAY_API_KEYS", "")], "GATEWAY_API_KEYS is not set"),
    (&[("GATEWAY_API_KEYS", "a name=hunter2hunter2hunter2")], "GATEWAY_API_KEYS cannot be used: entry 1"),
    (&[("GATEWAY_API_KEYS", "a=sha256:hunter2hunter2hunter2")], "GATEWAY_API_KEYS cannot be used: entry 1"),
    (&[("GATEWAY_ALLOW_ANONYMOUS", "hunter2hunter2hunter2")], "GATEWAY_ALLOW_ANONYMOUS cannot be used: write true or false"),
    (&[("GATEWAY_AGENTS", r#"{"aliases":"none"}"#)], "GATEWAY_AGENTS cannot be used: the inline JSON"),
    (&[("GATEWAY_AGENTS", "/does/not/exist.json")], "GATEWAY_AGENTS cannot be used: the file /does/not/exist.json"),
    (&[("GATEWAY_AGENT_OVERRIDES", "hunter2hunter2hunter2")], "GATEWAY_AGENT_OVERRIDES cannot be used"),
    (&[("GATEWAY_HEARTBEAT_SECONDS", "hunter2hunter2hunter2")], "GATEWAY_HEARTBEAT_SECONDS cannot be used: write a number"),
    (&[("GATEWAY_LOG", "=[hunter2hunter2hunter2")], "GATEWAY_LOG cannot be used"),
    (&[("PORT", "hunter2hunter2hunter2")], "PORT cannot be used: write a number from 0 to 65535"),
    (&[("FUNCTIONS_CUSTOMHANDLER_PORT", "70000")], "FUNCTIONS_CUSTOMHANDLER_PORT cannot be used"),
    (&[("FOUNDRY_CREDENTIAL", "hunter2hunter2hunter2")], "FOUNDRY_CREDENTIAL cannot be used"),
    (&[("FOUNDRY_ACCESS_TOKEN", "hunter2hunter2hunter2\u{e9}\n\u{7f}x")], "FOUNDRY_ACCESS_TOKEN cannot be used: a token has only visible ASCII"),
    (&[("FOUNDRY_ACCESS_TOKEN", ""), ("FOUNDRY_CREDENTIAL", "static-token")], "FOUNDRY_ACCESS_TOKEN is not set"),
    (&[("AZURE_CLIENT_SECRET", SECRET)], "AZURE_TENANT_ID is not set: service-principal needs"),
    (&[("AZURE_CLIENT_SECRET", SECRET), ("AZURE_TENANT_ID", "not a tenant"), ("AZURE_CLIENT_ID", "c")], "AZURE_TENANT_ID cannot be used"),
    (&[("AZURE_FEDERATED_TOKEN_FILE", "/does/not/exist"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")], "AZURE_FEDERATED_TOKEN_FILE cannot be used"),
    (&[("SSL_CERT_FILE", "/does/not/exist.pem")], "SSL_CERT_FILE cannot be used: /does/not/exist.pem"),
];

#[tokio::test]
async fn settings_that_cannot_be_used_are_named_and_their_values_are_not_repeated() {
    let usable = [
        (
            "FOUNDRY_PROJECT_ENDPOINT",
            "https://a.example/api/projects/p",
        ),
        ("FOUNDRY_ACCESS_TOKEN", "test-token"),
        ("GATEWAY_API_KEYS", "test-key-0123456789"),
        ("PORT", "0"),
    ];
    for (mistake, said) in MISTAKES {
        let ended = Program::start(&[], &[&usable[..], mistake].concat())
            .ended()
            .await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (UNUSABLE_SETTINGS, ""),
            "{said}: {ended:?}"
        );
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn all_mistakes_are_told_at_once() {
    let mistakes = [
        ("PORT", "x"),
        ("GATEWAY_CLASSIC_AGENTS", "x"),
        ("GATEWAY_COMMIT_SECONDS", "x"),
    ];
    let ended = Program::start(&[], &mistakes).ended().await;
    let named = ["FOUNDRY_PROJECT_ENDPOINT", "GATEWAY_API_KEYS"].into_iter();
    for setting in named.chain(mistakes.map(|(setting, _)| setting)) {
        assert!(
            ended.stderr.contains(&format!("{setting} ")),
            "{setting}: {}",
            ended.stderr
        );
    }
}
