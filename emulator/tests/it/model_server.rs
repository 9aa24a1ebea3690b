//! The thinking handed to a model server.

use foundry_emulator::{Emulator, ModelServer, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{Service, ask_body, find, http_client, text_of};

/// A server that answers one request with `status` and `completion`; the task gives what it was asked.
async fn one_answer(status: u16, completion: Value) -> (String, JoinHandle<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    #[expect(
        clippy::disallowed_methods,
        reason = "the test waits for this task by its handle"
    )]
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        let (head, body) = loop {
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).await.unwrap();
            read.extend_from_slice(&buffer[..length]);
            let text = String::from_utf8(read.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str::<Value>(body)
            {
                break (head.to_owned(), body);
            }
        };
        let text = completion.to_string();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        (head, body)
    });
    (url, asked)
}

async fn service(url: String) -> Service {
    let options = Options {
        model_server: Some(ModelServer {
            url,
            key: Some("secret".to_owned()),
            model: "tiny".to_owned(),
        }),
        ..Options::default()
    };
    Service {
        emulator: Emulator::start(options).await.unwrap(),
        http: http_client(),
    }
}

#[tokio::test]
async fn a_model_answers_and_calls_functions() {
    let completion = json!({"choices": [{
        "message": {"role": "assistant", "content": "Let me look.", "tool_calls": [{
            "id": "x",
            "type": "function",
            "function": {"name": "get_weather", "arguments": "{\"location\":\"Oslo\"}"},
        }]},
        "finish_reason": "tool_calls",
    }]});
    let (url, asked) = one_answer(200, completion).await;
    let service = service(url).await;
    let events = service.ask_streaming("weather", &json!("Hello")).await;
    assert_eq!(text_of(&events), "Let me look.");
    let response = &find(&events, "response.completed")["response"];
    assert_eq!(
        response["output"][1]["arguments"],
        "{\"location\":\"Oslo\"}"
    );

    let (head, body) = asked.await.unwrap();
    assert!(
        head.starts_with("POST /v1/chat/completions HTTP/1.1"),
        "{head}"
    );
    assert!(head.contains("authorization: Bearer secret"), "{head}");
    assert_eq!(body["model"], "tiny");
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(
        body["messages"][1],
        json!({"role": "user", "content": "Hello"})
    );
    assert_eq!(body["tools"][0]["function"]["name"], "get_weather");
    assert_eq!(body["tool_choice"], "auto");
}

#[tokio::test]
async fn a_cut_answer_is_cut_and_a_refusal_is_an_error() {
    let completion =
        json!({"choices": [{"message": {"content": "Half of"}, "finish_reason": "length"}]});
    let (url, _asked) = one_answer(200, completion).await;
    let service = service(url).await;
    let answer = service.ask("assistant", &json!("Hello")).await.ok().json();
    assert_eq!(answer["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(answer["output"][0]["content"][0]["text"], "Half of");

    let (url, _asked) = one_answer(429, json!({"error": {"message": "slow down"}})).await;
    let service = self::service(url).await;
    let body = ask_body("assistant", &json!("Hello"), true);
    let refused = service.post("/openai/v1/responses", &body).await;
    assert_eq!(refused.status, 500);
    // Agents with an answer of their own do not need the server.
    service.ask("echo", &json!("Hello")).await.ok();
}
