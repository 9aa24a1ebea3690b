//! Chat completions as a client sees them, with both kinds of agents.

use serde_json::{Value, json};

use crate::support::{Gateway, emulator_and_gateway, events_of, text_of};

const BOTH: [&str; 2] = ["assistant", "asst_assistant"];

async fn json_of(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), 200);
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn an_answer_has_every_field_that_clients_demand() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for agent in BOTH {
        let response = gateway.ask(agent, "repeat exactly: forty-two").await;
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(
            response.headers()["x-request-id"]
                .to_str()
                .unwrap()
                .starts_with("req_")
        );
        let answer = json_of(response).await;
        assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
        assert_eq!(answer["object"], "chat.completion");
        assert!(answer["created"].is_u64());
        assert_eq!(answer["model"], agent);
        let message = json!({"role": "assistant", "content": "forty-two", "refusal": null, "annotations": []});
        assert_eq!(
            answer["choices"],
            json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}])
        );
        let usage = &answer["usage"];
        assert!(0 < usage["prompt_tokens"].as_u64().unwrap());
        assert_eq!(
            usage["total_tokens"].as_u64(),
            Some(
                usage["prompt_tokens"].as_u64().unwrap()
                    + usage["completion_tokens"].as_u64().unwrap()
            )
        );
        assert!(usage["prompt_tokens_details"]["cached_tokens"].is_u64());
        assert!(usage["completion_tokens_details"]["reasoning_tokens"].is_u64());
        assert!(answer.get("system_fingerprint").is_none());
    }
}

#[tokio::test]
async fn a_stream_is_role_text_end_and_done() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for agent in BOTH {
        let response = gateway
            .ask_streamed(agent, "repeat exactly: one two three")
            .await;
        assert_eq!(
            response.headers()["content-type"],
            "text/event-stream; charset=utf-8"
        );
        assert!(response.headers().get("content-encoding").is_none());
        let stream = response.text().await.unwrap();
        assert_eq!(text_of(&stream), "one two three");
        let events = events_of(&stream);
        assert_eq!(events.last().unwrap(), "[DONE]");
        let chunks: Vec<Value> = events[..events.len() - 1]
            .iter()
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        assert_eq!(
            chunks[0]["choices"][0]["delta"],
            json!({"role": "assistant", "content": ""})
        );
        assert_eq!(
            chunks.last().unwrap()["choices"][0]["finish_reason"],
            "stop"
        );
        assert!(
            chunks
                .iter()
                .all(|chunk| chunk["id"] == chunks[0]["id"] && chunk.get("usage").is_none())
        );
    }
}

#[tokio::test]
async fn usage_comes_as_a_last_chunk_when_asked_for() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for agent in BOTH {
        let body = json!({"model": agent, "stream": true, "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "hi"}]});
        let stream = gateway.chat(body).await.text().await.unwrap();
        let events = events_of(&stream);
        let usage: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
        assert_eq!(usage["choices"], json!([]));
        assert!(0 < usage["usage"]["total_tokens"].as_u64().unwrap());
        let first: Value = serde_json::from_str(&events[0]).unwrap();
        assert!(first["usage"].is_null() && first.get("usage").is_some());
    }
}

#[tokio::test]
async fn the_whole_history_reaches_the_agent() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for agent in BOTH {
        let messages = json!([
            {"role": "system", "content": "You are polite."},
            {"role": "user", "content": "My name is Ada."},
            {"role": "assistant", "content": "Hello Ada!"},
            {"role": "user", "content": [{"type": "text", "text": "What is my name?"}]},
        ]);
        let answer = json_of(
            gateway
                .chat(json!({"model": agent, "messages": messages}))
                .await,
        )
        .await;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(text.contains("Ada"), "{agent}: {text}");
    }
}

#[tokio::test]
async fn every_spelling_of_an_agent_answers_and_the_model_is_echoed() {
    let (emulator, _) = emulator_and_gateway().await;
    let aliases = r#"{"aliases":{"gpt-4o":"echo","org/old":{"agent":"asst_echo"}}}"#;
    let gateway =
        Gateway::in_front_of(&emulator.project_endpoint(), &[("GATEWAY_AGENTS", aliases)]).await;
    let models = [
        "gpt-4o",
        "org/old",
        "echo",
        "echo:1",
        "asst_echo",
        "azure_ai/agents/echo",
        "azure_ai/agents/asst_echo",
    ];
    for model in models {
        let answer = json_of(gateway.ask(model, "x\u{1f600}y").await).await;
        assert_eq!(
            answer["choices"][0]["message"]["content"], "x\u{1f600}y",
            "{model}"
        );
        assert_eq!(answer["model"], model);
    }
}

#[tokio::test]
async fn citations_are_annotations_in_code_points() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for agent in ["cites", "asst_cites"] {
        let answer = json_of(gateway.ask(agent, "cite something").await).await;
        let message = &answer["choices"][0]["message"];
        let text: Vec<char> = message["content"].as_str().unwrap().chars().collect();
        let annotations = message["annotations"].as_array().unwrap();
        assert!(!annotations.is_empty());
        for annotation in annotations {
            assert_eq!(annotation["type"], "url_citation");
            let citation = &annotation["url_citation"];
            let (start, end) = (
                citation["start_index"].as_u64().unwrap(),
                citation["end_index"].as_u64().unwrap(),
            );
            assert!(start <= end && end <= text.len() as u64, "{citation}");
            let of_document = annotation["file_citation"].is_object();
            let scheme = if of_document { "urn:" } else { "https:" };
            assert!(citation["url"].as_str().unwrap().starts_with(scheme));
        }
        assert!(
            text.iter().any(|character| !character.is_ascii()),
            "the text has to tell bytes from characters"
        );
        let streamed = gateway
            .ask_streamed(agent, "cite something")
            .await
            .text()
            .await
            .unwrap();
        assert!(streamed.contains("\"annotations\":[{\"type\":\"url_citation\""));
    }
}

#[tokio::test]
async fn an_agents_own_functions_become_tool_calls_and_their_results_go_back() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for agent in ["weather", "asst_weather"] {
        let question = json!({"role": "user", "content": "What is the weather in Paris?"});
        let answer = json_of(
            gateway
                .chat(json!({"model": agent, "messages": [question]}))
                .await,
        )
        .await;
        assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
        let message = &answer["choices"][0]["message"];
        assert!(message["content"].is_null());
        let call = &message["tool_calls"][0];
        assert_eq!(call["function"]["name"], "get_weather");
        let arguments: Value =
            serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(arguments["location"], "Paris");
        let result = json!({"role": "tool", "tool_call_id": call["id"], "content": "snow, -3 C"});
        let followed = gateway
            .chat(json!({"model": agent, "messages": [question, message, result]}))
            .await;
        let followed = json_of(followed).await;
        let text = followed["choices"][0]["message"]["content"]
            .as_str()
            .unwrap();
        assert!(
            text.contains("-3 C") || agent == "asst_weather",
            "{agent}: {text}"
        );

        let body = json!({"model": agent, "stream": true, "messages": [question]});
        let stream = gateway.chat(body).await.text().await.unwrap();
        assert!(
            stream.contains("\"finish_reason\":\"tool_calls\""),
            "{stream}"
        );
        assert!(
            stream.contains("\"tool_calls\":[{\"index\":0,\"id\":\"call_"),
            "{stream}"
        );
    }
}

#[tokio::test]
async fn refusals_several_messages_and_reasoning_keep_their_meaning() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let refused = json_of(gateway.ask("refuses", "do it").await).await;
    let message = &refused["choices"][0]["message"];
    assert!(message["content"].is_null() && !message["refusal"].as_str().unwrap().is_empty());
    let two = json_of(gateway.ask("two-messages", "go").await).await;
    assert!(
        two["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .contains("\n\n")
    );
    let reasoned = json_of(gateway.ask("reasons", "think").await).await;
    assert!(
        0 < reasoned["usage"]["completion_tokens_details"]["reasoning_tokens"]
            .as_u64()
            .unwrap()
    );
}

#[tokio::test]
async fn cut_answers_say_so() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let rows = [
        ("fail-length", "length"),
        ("asst_fail_length", "length"),
        ("fail-content-filter-output", "content_filter"),
        ("asst_fail_content_filter_output", "content_filter"),
    ];
    for (agent, reason) in rows {
        let answer = json_of(gateway.ask(agent, "hi").await).await;
        assert_eq!(answer["choices"][0]["finish_reason"], reason, "{agent}");
        let stream = gateway
            .ask_streamed(agent, "hi")
            .await
            .text()
            .await
            .unwrap();
        assert!(
            stream.contains(&format!("\"finish_reason\":\"{reason}\""))
                && stream.ends_with("data: [DONE]\n\n")
        );
    }
    let body = json!({"model": "assistant", "max_tokens": 2, "messages": [{"role": "user", "content": "tell me much"}]});
    assert_eq!(
        json_of(gateway.chat(body).await).await["choices"][0]["finish_reason"],
        "length"
    );
}

#[tokio::test]
async fn dropped_options_are_named_and_passed_ones_are_not() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let body = |agent: &str| json!({"model": agent, "temperature": 0.5, "seed": 1, "messages": [{"role": "user", "content": "hi"}]});
    let response = gateway.chat(body("assistant")).await;
    assert_eq!(response.headers()["x-ignored-params"], "seed,temperature");
    let response = gateway.chat(body("asst_assistant")).await;
    assert_eq!(response.headers()["x-ignored-params"], "seed");
    let run = emulator
        .journal()
        .requests()
        .into_iter()
        .rfind(|request| request.operation == "create_thread_and_run");
    assert_eq!(run.unwrap().body["temperature"], 0.5);
    let quiet = gateway.ask("assistant", "hi").await;
    assert!(quiet.headers().get("x-ignored-params").is_none());
}

#[tokio::test]
async fn unknown_events_change_nothing() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for agent in ["unknown-events", "asst_unknown_events"] {
        let answer = json_of(gateway.ask(agent, "hi").await).await;
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{agent}");
        assert!(
            !answer["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .is_empty()
        );
    }
}
