//! `foundry-gateway demo`: it answers, and what it prints for copying works.

use serde_json::json;
use tokio::process::Command;

use crate::support::{Client, KEY, Program, text_of};

#[tokio::test]
async fn the_demo_answers_and_what_it_prints_works() {
    let program = Program::start(&["demo", "--port", "0"], &[]);
    let printed = program.until_stdout_has("Press Ctrl+C to stop.").await;
    let value = |name: &str| {
        let line = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}: {printed}"))
            .trim()
    };
    assert!(value("answered").len() > 10, "{printed}");
    assert!(value("agents").contains("assistant"), "{printed}");

    let (base_url, key) = (value("base URL"), value("API key"));
    let client = Client::of(
        base_url
            .trim_start_matches("http://")
            .trim_end_matches("/v1")
            .parse()
            .unwrap(),
    );
    let body = json!({"model": "echo", "messages": [{"role": "user", "content": "over the demo"}]});
    let url = format!("{base_url}/chat/completions");
    let ask = |key: &str| {
        client
            .http
            .post(&url)
            .bearer_auth(key)
            .body(body.to_string())
            .send()
    };
    assert!(
        ask(key)
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("over the demo")
    );
    assert_eq!(ask(KEY).await.unwrap().status(), 401);

    let curl = Command::new("sh")
        .arg("-c")
        .arg(curl_command(&printed))
        .output()
        .await
        .unwrap();
    let streamed = String::from_utf8(curl.stdout).unwrap();
    assert!(
        curl.status.success() && text_of(&streamed).contains("Hello!"),
        "{streamed}"
    );
    assert!(streamed.ends_with("data: [DONE]\n\n"), "{streamed}");

    program.signal("INT").await;
    let ended = program.ended().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

/// The printed command with its continued lines.
fn curl_command(printed: &str) -> String {
    let (_, from) = printed.split_once("curl -N ").unwrap();
    let mut command = "curl --silent --show-error -N ".to_owned();
    for line in from.lines() {
        command += line;
        command.push('\n');
        if !line.ends_with('\\') {
            break;
        }
    }
    command
}
