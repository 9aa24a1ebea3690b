//! New agents answer.

mod continuity;
mod failures;
mod items;

use serde_json::{Value, json};

use crate::support::{Event, Service, ask_body, find, names, text_of};

const PATH: &str = "/openai/v1/responses";

fn output_text(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"]
        .as_str()
        .unwrap()
}

fn message(role: &str, kind: &str, text: &str) -> Value {
    let mut part = json!({"type": kind, "text": text});
    if kind == "output_text" {
        part["annotations"] = json!([]);
    }
    json!({"type": "message", "role": role, "content": [part]})
}

fn assert_numbered(events: &[Event]) {
    for (number, event) in events.iter().enumerate() {
        let data = event.json();
        assert_eq!(data["type"], event.name);
        let last = data.as_object().unwrap().iter().next_back().unwrap();
        assert_eq!(last, (&"sequence_number".to_owned(), &json!(number)));
    }
}

#[tokio::test]
async fn text_is_streamed_in_the_recorded_order() {
    let service = Service::start().await;
    let events = service
        .ask_streaming(
            "assistant",
            &json!("repeat exactly: The capital of France is Paris."),
        )
        .await;
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(events.len(), 15);
    assert_numbered(&events);
    let text = "The capital of France is Paris.";
    assert_eq!(text_of(&events), text);
    let delta = find(&events, "response.output_text.delta");
    assert_eq!(
        delta["delta"].as_str().unwrap().len() + delta["obfuscation"].as_str().unwrap().len(),
        16
    );
    let completed = find(&events, "response.completed");
    assert_eq!(output_text(&completed["response"]), text);
    assert_eq!(completed["response"]["usage"]["output_tokens"], 7);
    let usage = &completed["response"]["usage"];
    let sum = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
}

#[tokio::test]
async fn obfuscation_can_be_switched_off() {
    let service = Service::start().await;
    let mut body = ask_body("assistant", &json!("Hello"), true);
    body["stream_options"] = json!({"include_obfuscation": false});
    let events = service.post(PATH, &body).await.ok().events();
    assert_eq!(
        find(&events, "response.output_text.delta").get("obfuscation"),
        None
    );
}

#[tokio::test]
async fn the_whole_history_can_be_sent() {
    let service = Service::start().await;
    let input = json!([
        message("developer", "input_text", "Be kind."),
        message("user", "input_text", "My name is Ada."),
        message("assistant", "output_text", "Hello Ada."),
        {"type": "message", "role": "user", "content": "What is my name?"},
    ]);
    let answer = service.ask("assistant", &input).await.ok().json();
    assert_eq!(output_text(&answer), "Your name is Ada.");
}

#[tokio::test]
async fn the_model_itself_honours_the_request() {
    let service = Service::start().await;
    let tool = json!({"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}});
    let body = json!({
        "model": "gpt-4o",
        "instructions": "Be brief.",
        "input": "Hello",
        "temperature": 0.2,
        "tools": [tool],
        "tool_choice": "required",
    });
    let called = service.post(PATH, &body).await.ok().json();
    assert_eq!(called["output"][0]["name"], "get_time");
    assert_eq!(
        (&called["temperature"], &called["model"]),
        (&json!(0.2), &json!("gpt-4o"))
    );
    assert_eq!(called.get("agent_reference"), None);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "sunny": {"type": "boolean"}}, "required": ["city", "sunny"], "additionalProperties": false});
    let body = json!({
        "model": "gpt-4o",
        "input": "Is it sunny in Paris?",
        "text": {"format": {"type": "json_schema", "name": "weather", "schema": schema}},
    });
    let answer = service.post(PATH, &body).await.ok().json();
    let instance: Value = serde_json::from_str(output_text(&answer)).unwrap();
    assert_eq!(instance, json!({"city": "Paris", "sunny": true}));
    let (status, error) = service
        .post(PATH, &json!({"input": "Hello"}))
        .await
        .refusal();
    assert_eq!((status, &error["param"]), (400, &json!("model")));
}

#[tokio::test]
async fn the_answer_is_cut_at_the_limit() {
    let service = Service::start().await;
    let mut body = ask_body(
        "assistant",
        &json!("repeat exactly: one two three four"),
        true,
    );
    body["max_output_tokens"] = json!(2);
    let events = service.post(PATH, &body).await.ok().events();
    assert_eq!(text_of(&events), "one two");
    let response = &find(&events, "response.incomplete")["response"];
    assert_eq!(response["status"], "incomplete");
    assert_eq!(
        response["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    assert_eq!(response["usage"]["output_tokens"], 2);
    assert_eq!(response["output"][0]["status"], "incomplete");
}
