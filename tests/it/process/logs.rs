//! What is logged at which level, and what never is.

use foundry_emulator::Behaviour;
use serde_json::json;
use tokio::net::TcpStream;

use super::{free_port, serve};
use crate::support::{Client, Ended, KEY, Program, SOON, emulator, events_of};

/// A probe, an answer and a failure of the service, logged at `level`.
async fn log_at(level: &str) -> Ended {
    let emulator = emulator(Behaviour::default()).await;
    let address = free_port().await;
    let (endpoint, port) = (emulator.project_endpoint(), address.port().to_string());
    let settings = [
        ("FOUNDRY_PROJECT_ENDPOINT", endpoint.as_str()),
        ("FOUNDRY_ACCESS_TOKEN", "test-token"),
        ("GATEWAY_API_KEYS", KEY),
        ("GATEWAY_LOG", level),
        ("PORT", &port),
    ];
    let program = Program::start(&[], &settings);
    let listening = async { while TcpStream::connect(address).await.is_err() {} };
    tokio::time::timeout(SOON, listening).await.unwrap();
    let client = Client::of(address);
    assert_eq!(client.get("/healthz").await.status(), 200);
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    assert_eq!(client.ask("fail-server-error", "hi").await.status(), 502);
    program.terminate().await
}

#[tokio::test]
async fn the_log_level_decides_what_is_told_on_standard_output() {
    // Level, then how often: a line of a probe, of an answer, of a failure, of the start.
    let rows = [
        ("error", [0, 0, 0, 0]),
        ("warn", [0, 0, 1, 0]),
        ("info", [0, 1, 1, 1]),
        ("debug", [1, 1, 1, 1]),
        ("warn,foundry_gateway=info", [0, 1, 1, 1]),
    ];
    for (level, expected) in rows {
        let ended = log_at(level).await;
        let parts = [
            "http.route=\"/healthz\"",
            "http.status=200 caller=\"default\"",
            "http.status=502",
            "listening",
        ];
        let told = parts.map(|part| {
            ended
                .stdout
                .lines()
                .filter(|line| line.contains(part))
                .count()
        });
        assert_eq!(told, expected, "{level}: {}", ended.stdout);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{level}"
        );
    }
}

#[tokio::test]
async fn a_green_run_says_one_line_a_request_and_nothing_on_standard_error() {
    let (_emulator, program, client) = serve(&[]).await;
    for agent in ["assistant", "asst_assistant"] {
        assert_eq!(client.ask(agent, "hi").await.status(), 200);
        let stream = client.ask_streamed(agent, "hi").await.text().await.unwrap();
        assert_eq!(events_of(&stream).last().unwrap(), "[DONE]");
    }
    assert_eq!(client.get("/v1/models").await.status(), 200);
    assert_eq!(client.get("/v1/models/echo").await.status(), 200);
    assert_eq!(client.get("/readyz").await.status(), 200);
    assert_eq!(client.ask("nobody", "hi").await.status(), 404);
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        lines.iter().all(|line| line.contains(" INFO ")),
        "{lines:#?}"
    );
    let requests = lines
        .iter()
        .filter(|line| line.contains("request.id="))
        .count();
    assert_eq!((requests, lines.len()), (7, 8), "{lines:#?}");
}

#[tokio::test]
async fn keys_tokens_and_prompts_are_in_no_line_of_the_fullest_log() {
    let (_emulator, program, client) = serve(&[
        ("GATEWAY_LOG", "foundry_gateway=trace"),
        ("FOUNDRY_ACCESS_TOKEN", "a-token-of-hunter2"),
    ])
    .await;
    let prompt = "the prompt of hunter2";
    for agent in [
        "echo",
        "asst_echo",
        "fail-malformed",
        "asst_fail_malformed",
        "fail-cut",
        "fail-server-error",
        "fail-content-filter",
        "asst_fail_run_rate_limit",
        "fail-permission",
        "hunter-of-nobody",
    ] {
        drop(client.ask(agent, prompt).await.text().await);
        drop(client.ask_streamed(agent, prompt).await.text().await);
    }
    let bad_bodies = [
        format!("{{\"model\": \"echo\", {prompt}"),
        json!({"model": "echo", "messages": prompt}).to_string(),
        json!({"model": "echo", "messages": [{"role": prompt, "content": prompt}]}).to_string(),
        json!({"model": "echo", "messages": [{"role": "user", "content": prompt}], "temperature": prompt}).to_string(),
        json!({"model": "echo", "messages": [{"role": "user", "content": prompt}], "user": prompt, "stop": prompt}).to_string(),
    ];
    for body in bad_bodies {
        drop(client.post(body).await.text().await);
    }
    let stranger = client
        .http
        .get(client.url("/v1/models?key=hunter2"))
        .bearer_auth("a-key-of-hunter2");
    assert_eq!(stranger.send().await.unwrap().status(), 401);
    let ended = program.terminate().await;
    assert_eq!(ended.stderr, "");
    for secret in [KEY, "hunter2"] {
        let told: Vec<&str> = ended
            .stdout
            .lines()
            .filter(|line| line.contains(secret))
            .collect();
        assert!(told.is_empty(), "{secret}: {told:#?}");
    }
    assert!(
        26 <= ended.stdout.matches("request.id=").count(),
        "{}",
        ended.stdout
    );
}
