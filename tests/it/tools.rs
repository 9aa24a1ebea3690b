//! Function calling: agents that call functions of the client, in several steps, on both dialects.

mod abandoned;
mod approvals;
mod classic_runs;
mod offered;
mod refused;

use foundry_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::{Client, error_of};

/// One agent of each kind that owns the function `get_weather`.
const AGENTS: [&str; 2] = ["weather", "asst_weather"];
/// What the agent answers with two calls.
const QUESTION: &str = "What is the weather in Paris and Rome?";

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn result(call: &Value, output: &str) -> Value {
    json!({"role": "tool", "tool_call_id": call["id"], "content": output})
}

/// The message of an answer.
async fn message_of(response: reqwest::Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    answer["choices"][0]["message"].clone()
}

async fn say(client: &Client, agent: &str, messages: &[Value]) -> Value {
    message_of(
        client
            .chat(json!({"model": agent, "messages": messages}))
            .await,
    )
    .await
}

/// The question with the agent's calls, which are two.
async fn asked_for_two(client: &Client, agent: &str) -> Vec<Value> {
    let message = say(client, agent, &[user(QUESTION)]).await;
    assert_eq!(message["content"], Value::Null);
    let calls = calls_of(&message);
    let names: Vec<_> = calls.iter().map(|call| &call["function"]["name"]).collect();
    assert_eq!(names, ["get_weather", "get_weather"]);
    let arguments: Vec<_> = calls
        .iter()
        .map(|call| call["function"]["arguments"].as_str().unwrap())
        .collect();
    assert_eq!(
        arguments,
        [r#"{"location":"Paris"}"#, r#"{"location":"Rome"}"#]
    );
    vec![user(QUESTION), message]
}

fn calls_of(message: &Value) -> &Vec<Value> {
    message["tool_calls"].as_array().unwrap()
}

/// The history with results for all calls at its end.
fn answered(history: &[Value]) -> Vec<Value> {
    let calls = calls_of(history.last().unwrap());
    let results = calls.iter().zip(["sunny", "rainy"]);
    let results = results.map(|(call, output)| result(call, output));
    history.iter().cloned().chain(results).collect()
}

/// What the service was asked to do since the last call.
fn operations(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.journal().requests();
    emulator.journal().clear();
    requests
        .into_iter()
        .map(|request| request.operation)
        .collect()
}

/// Param and message of a refusal with the code for tool results.
async fn refusal_of(response: reqwest::Response) -> (String, String) {
    let (status, error) = error_of(response).await;
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("invalid_tool_results")),
        "{error}"
    );
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (text("param"), text("message"))
}
