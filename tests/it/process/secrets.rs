//! Nothing secret leaves by the log or by an error: everything that is secret is a word that is searched for in all
//! that the program wrote at its fullest log, its libraries' included, and in every error that it answered with.

use foundry_emulator::{Behaviour, Emulator, Options};
use serde_json::json;

use crate::{
    entra::{
        ADA, Authority, BOB, Signer, TENANT_ID, TOKEN_OF_THE_GATEWAY, attacks, exchanged, of_user,
        settings_for, with,
    },
    support::{Client, Program},
};

const API_KEY: &str = "canary-of-the-api-key";
const WRONG_KEY: &str = "canary-of-a-wrong-key";
const CLIENT_SECRET: &str = "canary-of-the-client-secret";
const STATIC_TOKEN: &str = "canary-of-the-static-token";
/// Base64, as account keys are.
const STORAGE_KEY: &str = "Y2FuYXJ5LW9mLXRoZS1zdG9yYWdlLWtleQ==";
const CONTINUITY_KEY: &str = "canary-of-the-continuity-key";
const PROMPT: &str = "canary-of-the-prompt";
const QUERY: &str = "canary-of-the-query";

/// Agents of the emulator that fail, each in its own way, and some that answer.
const AGENTS: [&str; 26] = [
    "echo",
    "assistant",
    "asst_echo",
    "weather",
    "asst_weather",
    "approval",
    "consent",
    "nobody",
    "asst_nobody",
    "fail-rate-limit",
    "fail-run-rate-limit",
    "fail-run-server-error",
    "fail-run-model",
    "fail-permission",
    "fail-audience",
    "fail-content-filter",
    "fail-content-filter-output",
    "fail-error-event-middle",
    "fail-cut",
    "fail-reset",
    "fail-malformed",
    "fail-server-error",
    "fail-html",
    "fail-locked",
    "asst_fail_malformed",
    "asst_fail_run_server_error",
];

/// What it is, and the word itself.
type Secret = (&'static str, String);

/// What was answered to whom did not get what it wanted.
#[derive(Default)]
struct Errors(String);

impl Errors {
    async fn keep(&mut self, response: reqwest::Response) {
        let status = response.status();
        let headers = format!("{:?}", response.headers());
        let body = response.text().await.unwrap_or_default();
        self.0 += &headers;
        if status.is_success() {
            // An answer may repeat its prompt; the error at the end of a stream may not.
            let errors = body
                .lines()
                .filter(|line| line.starts_with("data: {\"error\""));
            self.0.extend(errors);
        } else {
            self.0 += &body;
        }
    }
}

async fn scenario(client: &Client, keys: &[String]) -> Errors {
    let mut errors = Errors::default();
    for (number, agent) in AGENTS.iter().enumerate() {
        let key = &keys[number % keys.len()];
        for stream in [false, true] {
            let body = json!({"model": agent, "stream": stream, "messages": [{"role": "user", "content": PROMPT}]});
            errors
                .keep(post(client, key, &body.to_string()).await)
                .await;
        }
    }
    let user = json!([{"role": "user", "content": PROMPT}]);
    for body in [
        format!("{{\"model\": \"echo\", {PROMPT}"),
        json!({"model": PROMPT.repeat(9), "messages": PROMPT}).to_string(),
        json!({"model": "echo", "messages": [{"role": PROMPT, "content": PROMPT}]}).to_string(),
        json!({"model": "echo", "messages": user, "temperature": PROMPT, "n": PROMPT}).to_string(),
        json!({"model": "echo", "messages": user, "user": PROMPT, "stop": PROMPT}).to_string(),
        json!({"model": "echo", "messages": user, "thread_id": format!("thread_{PROMPT}")}).to_string(),
        json!({"model": "echo", "messages": [{"role": "system", "content": PROMPT}, user[0]], "metadata": {"conversation_id": PROMPT}}).to_string(),
    ] {
        let key = &keys[0];
        let response = post(client, key, &body).await;
        // What is wrong with a request may be told in its own words, but only to whom sent it.
        if response.status().is_success() {
            errors.keep(response).await;
        }
    }
    for key in keys {
        let list = client
            .http
            .get(client.url(&format!("/v1/models?q={QUERY}")));
        errors
            .keep(list.bearer_auth(key).send().await.unwrap())
            .await;
    }
    for (name, value) in [
        ("authorization", format!("Bearer {WRONG_KEY}")),
        ("authorization", format!("Basic {WRONG_KEY}")),
        ("api-key", WRONG_KEY.to_owned()),
    ] {
        let stranger = client
            .http
            .get(client.url("/v1/models"))
            .header(name, value);
        errors.keep(stranger.send().await.unwrap()).await;
    }
    for path in ["/readyz", "/healthz", "/v1/nothing"] {
        errors.keep(client.get(path).await).await;
    }
    errors
}

async fn post(client: &Client, key: &str, body: &str) -> reqwest::Response {
    let request = client.http.post(client.url("/v1/chat/completions"));
    request
        .bearer_auth(key)
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

/// Ends the program and looks for each of the secrets.
async fn assert_told_nothing(program: Program, errors: &Errors, secrets: &[Secret]) {
    let ended = program.terminate().await;
    assert!(ended.stdout.contains(" TRACE "), "the log is full");
    assert!(60 <= ended.stdout.matches("http.status=").count());
    for (name, secret) in secrets {
        let output = ended.stdout.lines().chain(ended.stderr.lines());
        let told: Vec<_> = output
            .filter(|line| line.contains(secret.as_str()))
            .collect();
        assert!(told.is_empty(), "{name}: {told:#?}");
        assert!(
            !errors.0.contains(secret.as_str()),
            "{name} in an error: {}",
            errors.0
        );
    }
}

fn canaries() -> Vec<Secret> {
    let words = [
        ("API key", API_KEY),
        ("wrong key", WRONG_KEY),
        ("client secret", CLIENT_SECRET),
        ("static token", STATIC_TOKEN),
        ("token of the gateway", TOKEN_OF_THE_GATEWAY),
        ("storage key", STORAGE_KEY),
        ("continuity key", CONTINUITY_KEY),
        ("prompt", PROMPT),
        ("query", QUERY),
    ];
    words
        .into_iter()
        .map(|(name, word)| (name, word.to_owned()))
        .collect()
}

/// Each part of a token that is more than its header.
fn parts_of(tokens: &[String]) -> impl Iterator<Item = Secret> {
    let parts = tokens.iter().flat_map(|token| token.split('.').skip(1));
    parts
        .filter(|part| 20 < part.len())
        .map(|part| ("a token", part.to_owned()))
}

async fn emulator() -> Emulator {
    let behaviour = Behaviour::default();
    let options = Options {
        behaviour,
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

#[tokio::test]
async fn with_keys_and_a_static_token_nothing_is_told() {
    let emulator = emulator().await;
    let keys = format!("test={API_KEY}");
    // Nobody listens there: the store fails all the time.
    let store = format!(
        "DefaultEndpointsProtocol=http;AccountName=account;AccountKey={STORAGE_KEY};TableEndpoint=http://127.0.0.1:9/account;"
    );
    let settings = [
        ("GATEWAY_LOG", "trace"),
        ("GATEWAY_API_KEYS", keys.as_str()),
        ("FOUNDRY_ACCESS_TOKEN", STATIC_TOKEN),
        ("THREADS_CONNECTION_STRING", store.as_str()),
        ("GATEWAY_CONTINUITY_KEY", CONTINUITY_KEY),
        // What the store did not take is tried again for longer.
        ("GATEWAY_SHUTDOWN_SECONDS", "1"),
    ];
    let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
    let errors = scenario(&client, &[API_KEY.to_owned()]).await;
    assert_told_nothing(program, &errors, &canaries()).await;
}

#[tokio::test]
async fn with_tokens_of_callers_and_a_client_secret_nothing_is_told() {
    let emulator = emulator().await;
    let key = Signer::named("tenant");
    let authority = Authority::publishing(vec![key.public()]).await;
    let entra = settings_for(&authority);
    let keys = format!("test={API_KEY}");
    let mut settings = vec![
        ("GATEWAY_LOG", "trace"),
        ("GATEWAY_API_KEYS", keys.as_str()),
        ("FOUNDRY_ACCESS_TOKEN", ""),
        ("AZURE_TENANT_ID", TENANT_ID),
        ("AZURE_CLIENT_ID", "22222222-0000-0000-0000-00000000000f"),
        ("AZURE_CLIENT_SECRET", CLIENT_SECRET),
    ];
    settings.extend(entra.iter().map(|(name, value)| (*name, value.as_str())));
    let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
    let mut tokens = vec![key.token(&of_user(ADA)), key.token(&of_user(BOB))];
    let mut errors = scenario(&client, &tokens).await;
    for attack in attacks(&key, &authority.host()) {
        let request = client
            .http
            .get(client.url("/v1/models"))
            .bearer_auth(&attack.token);
        errors.keep(request.send().await.unwrap()).await;
        tokens.push(attack.token);
    }
    assert_eq!(authority.tokens_asked()[0]["client_secret"], CLIENT_SECRET);
    let mut secrets = canaries();
    secrets.extend(parts_of(&tokens));
    secrets.push(("object id", ADA.to_owned()));
    secrets.push(("address", "ada@contoso.example".to_owned()));
    assert_told_nothing(program, &errors, &secrets).await;
}

#[tokio::test]
async fn on_behalf_of_callers_nothing_is_told() {
    let key = Signer::named("tenant");
    let modes = [
        ("pass-through", "https://ai.azure.com"),
        ("on-behalf-of", "api://gateway"),
    ];
    for (mode, audience) in modes {
        let emulator = emulator().await;
        let authority = Authority::publishing(vec![key.public()]).await;
        let entra = settings_for(&authority);
        let mut settings = vec![
            ("GATEWAY_LOG", "trace"),
            ("GATEWAY_API_KEYS", ""),
            ("FOUNDRY_ACCESS_TOKEN", ""),
            ("AZURE_TENANT_ID", TENANT_ID),
            ("AZURE_CLIENT_ID", "22222222-0000-0000-0000-00000000000f"),
            ("AZURE_CLIENT_SECRET", CLIENT_SECRET),
        ];
        settings.extend(entra.iter().map(|(name, value)| (*name, value.as_str())));
        settings.extend([
            ("GATEWAY_UPSTREAM_IDENTITY", mode),
            ("GATEWAY_ENTRA_AUDIENCE", audience),
        ]);
        let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
        let token = |user| key.token(&with(of_user(user), "aud", json!(audience)));
        let tokens = vec![token(ADA), token(BOB)];
        let errors = scenario(&client, &tokens).await;
        let refused = json!({"error": "interaction_required", "error_description": format!("AADSTS50079: {PROMPT}")});
        authority.refuses_tokens(Some((400, refused)));
        let another = key.token(&with(
            with(of_user(ADA), "aud", json!(audience)),
            "iat",
            json!(0),
        ));
        let status = post(
            &client,
            &another,
            r#"{"model": "echo", "messages": [{"role": "user", "content": "hi"}]}"#,
        )
        .await
        .status();
        assert_eq!(status, if mode == "pass-through" { 200 } else { 401 });
        let mut secrets = canaries();
        secrets.extend(parts_of(&tokens));
        secrets.extend(
            tokens
                .iter()
                .map(|token| ("exchanged token", exchanged(token))),
        );
        secrets.push(("object id", ADA.to_owned()));
        assert_told_nothing(program, &errors, &secrets).await;
    }
}
