//! Options of a request that override the definition of a new agent.

use std::fs;

use foundry_emulator::{Emulator, RecordedRequest};
use serde_json::{Value, json};

use crate::support::{Gateway, emulator_and_gateway, error_of, text_of};

mod definitions;

/// Makes an agent, as an operator would, past the gateway.
async fn make_agent(emulator: &Emulator, gateway: &Gateway, name: &str, definition: Value) {
    let url = format!(
        "{}/agents/{name}/versions?api-version=v1",
        emulator.project_endpoint()
    );
    let request = gateway.http.post(url).bearer_auth("operator");
    let made = request
        .body(json!({"definition": definition}).to_string())
        .send();
    assert_eq!(made.await.unwrap().status(), 200);
    emulator.journal().clear();
}

fn operations(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.journal().requests().into_iter();
    requests.map(|request| request.operation).collect()
}

fn last_response(emulator: &Emulator) -> RecordedRequest {
    let mut requests = emulator.journal().requests().into_iter();
    requests
        .rfind(|request| request.operation == "create_response")
        .unwrap()
}

async fn answered(gateway: &Gateway, body: Value) -> (Value, Option<String>) {
    let response = gateway.chat(body).await;
    let ignored = response.headers().get("x-ignored-params").cloned();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    (
        serde_json::from_str(&text).unwrap(),
        ignored.map(|names| names.to_str().unwrap().to_owned()),
    )
}

fn ask(model: &str, question: &str, options: Value) -> Value {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": question}]});
    for (name, value) in options.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The function that the built-in agent `weather` has, as a client would offer it.
fn own_tool() -> Value {
    json!({"type": "function", "function": {"name": "get_weather", "description": "in other words", "parameters": {
        "required": ["location"], "additionalProperties": false, "type": "object",
        "properties": {"location": {"type": "string", "description": "A city name like Seattle or London"}}}}})
}

fn other_tool() -> Value {
    json!({"type": "function", "function": {"name": "get_time", "parameters": {"type": "object",
        "properties": {"city": {"type": "string"}}, "required": ["city"]}}})
}

#[tokio::test]
async fn a_clients_function_is_called_and_answered() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let options = json!({"tools": [other_tool()]});
    let question = "What is the time in Oslo?";
    let (answer, _) = answered(&gateway, ask("assistant", question, options.clone())).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    let call = &answer["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "get_time");
    let sent = last_response(&emulator).body;
    assert_eq!(sent["model"], "gpt-emulated");
    assert_eq!(
        sent["instructions"],
        "You are a helpful agent of the emulator."
    );
    assert_eq!(sent["agent_reference"], Value::Null);
    assert_eq!(sent["tools"][0]["name"], "get_time");

    let mut next = ask("assistant", question, options);
    let messages = next["messages"].as_array_mut().unwrap();
    messages.push(answer["choices"][0]["message"].clone());
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "noon"}));
    let (answer, _) = answered(&gateway, next).await;
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "get_time returned: noon"
    );
    assert!(
        last_response(&emulator).body["previous_response_id"].is_string(),
        "the second step continues the first"
    );
}

#[tokio::test]
async fn only_the_first_such_turn_reads_the_agent() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for _ in 0..2 {
        answered(
            &gateway,
            ask("assistant", "hi", json!({"tools": [other_tool()]})),
        )
        .await;
    }
    answered(&gateway, ask("assistant", "hi", json!({}))).await;
    assert_eq!(
        operations(&emulator),
        [
            "get_agent",
            "create_response",
            "create_response",
            "create_response"
        ]
    );
}

#[tokio::test]
async fn many_first_requests_read_the_agent_once() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let asked = (0..8).map(|_| gateway.chat(ask("echo", "hi", json!({"tools": [other_tool()]}))));
    for response in futures_util::future::join_all(asked).await {
        assert_eq!(response.status(), 200);
    }
    let reads = operations(&emulator)
        .into_iter()
        .filter(|name| name == "get_agent");
    assert_eq!(reads.count(), 1);
}

#[tokio::test]
async fn functions_that_the_agent_has_override_nothing() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let options = json!({"tools": [own_tool()], "temperature": 0.1, "parallel_tool_calls": true});
    let question = "What is the weather in Paris?";
    let (answer, ignored) = answered(&gateway, ask("weather", question, options)).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(ignored.as_deref(), Some("temperature,parallel_tool_calls"));
    let sent = last_response(&emulator).body;
    assert_eq!(sent["agent_reference"]["name"], "weather");
    assert_eq!(sent["tools"], Value::Null);

    // A choice that forbids them is an override all the same.
    let options = json!({"tools": [own_tool()], "tool_choice": "none"});
    let (answer, _) = answered(&gateway, ask("weather", question, options)).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(last_response(&emulator).body["tool_choice"], "none");
}

#[tokio::test]
async fn functions_of_both_are_on_offer_and_the_clients_wins() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut changed = own_tool();
    changed["function"]["parameters"]["properties"] = json!({"location": {"type": "string"}});
    let options = json!({"tools": [other_tool()]});
    let question = "What is the weather in Paris?";
    let (answer, _) = answered(&gateway, ask("weather", question, options)).await;
    let called = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(called["name"], "get_weather", "the agent keeps its own");
    answered(
        &gateway,
        ask("weather", question, json!({"tools": [changed]})),
    )
    .await;
    let tools = last_response(&emulator).body["tools"].clone();
    assert_eq!(tools.as_array().unwrap().len(), 1);
    assert_eq!(
        tools[0]["parameters"]["properties"],
        json!({"location": {"type": "string"}})
    );
}

#[tokio::test]
async fn an_answer_has_the_form_that_was_asked_for() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": schema}});
    for model in ["assistant", "asst_assistant"] {
        for format in [format.clone(), json!({"type": "json_object"})] {
            let options = json!({"response_format": format, "temperature": 0.25, "seed": 1});
            let (answer, ignored) = answered(&gateway, ask(model, "Who is Ada?", options)).await;
            let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
            let object: Value = serde_json::from_str(text).unwrap();
            assert!(
                format["type"] == "json_object" || object["age"].is_i64(),
                "{object}"
            );
            // What can be had is had once the definition is overridden anyway.
            assert_eq!(ignored.as_deref(), Some("seed"), "{model}");
        }
    }
    let requests = emulator.journal().requests();
    let formats: Vec<&Value> = requests
        .iter()
        .filter(|request| request.operation == "create_thread_and_run")
        .map(|request| &request.body["response_format"])
        .collect();
    assert_eq!(formats, [&format, &json!({"type": "json_object"})]);
}

#[tokio::test]
async fn classic_runs_take_what_their_wire_has() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let options = json!({"instructions": "Rhyme.", "temperature": 0.5, "top_p": 0.5, "max_tokens": 50,
        "max_prompt_tokens": 500, "truncation_strategy": {"type": "last_messages", "last_messages": 3}});
    answered(&gateway, ask("asst_assistant", "hi", options.clone())).await;
    let requests = emulator.journal().requests();
    let run = &requests
        .iter()
        .find(|request| request.operation == "create_thread_and_run")
        .unwrap()
        .body;
    for name in [
        "instructions",
        "temperature",
        "top_p",
        "max_prompt_tokens",
        "truncation_strategy",
    ] {
        assert_eq!(run[name], options[name], "{name}");
    }
    assert_eq!(run["max_completion_tokens"], 50);
}

#[tokio::test]
async fn a_conversation_alternates_between_turns_with_overrides_and_without() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut messages = vec![json!({"role": "user", "content": "My name is Zebedee."})];
    for with_tools in [false, true, false, true] {
        let mut body = json!({"model": "assistant", "messages": messages});
        if with_tools {
            body["tools"] = json!([other_tool()]);
        }
        let (answer, _) = answered(&gateway, body).await;
        messages.push(answer["choices"][0]["message"].clone());
        messages.push(json!({"role": "user", "content": "What is my name?"}));
        let sent = last_response(&emulator).body;
        assert_eq!(sent["model"].is_string(), with_tools);
        let input = sent["input"].as_array().unwrap();
        assert_eq!(input.len(), 1, "only what is new is sent");
    }
    let said = messages[messages.len() - 2]["content"].to_string();
    assert!(said.contains("Zebedee"), "{said}");
}

#[tokio::test]
async fn each_policy_does_what_it_says() {
    let rows = [
        (
            "auto",
            json!({"temperature": 0.5}),
            200,
            Some("temperature"),
            false,
        ),
        ("inline", json!({"temperature": 0.5}), 200, None, true),
        ("inline", json!({"seed": 1}), 200, Some("seed"), false),
        (
            "ignore",
            json!({"tools": [other_tool()]}),
            200,
            Some("tools"),
            false,
        ),
        ("reject", json!({"tools": [other_tool()]}), 400, None, false),
        ("reject", json!({"temperature": 0.5}), 400, None, false),
    ];
    for (policy, options, status, ignored, overrides) in rows {
        let (emulator, _) = emulator_and_gateway().await;
        let settings = [("GATEWAY_AGENT_OVERRIDES", policy)];
        let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
        let response = gateway.chat(ask("echo", "hi", options.clone())).await;
        assert_eq!(response.status(), status, "{policy} {options}");
        let names = response.headers().get("x-ignored-params");
        assert_eq!(
            names.map(|names| names.to_str().unwrap()),
            ignored,
            "{policy} {options}"
        );
        if status == 200 {
            let by_model = last_response(&emulator).body["model"].is_string();
            assert_eq!(by_model, overrides, "{policy} {options}");
        } else {
            assert_eq!(operations(&emulator), [""; 0]);
        }
    }
}

/// Every message of Open WebUI brings 36 tools, and `LlamaIndex` a temperature.
#[tokio::test]
async fn unmodified_front_ends_simply_work() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let capture = "conformance/python/gateway/fixtures/captures/openwebui.jsonl";
    let mut with_tools = 0;
    for line in fs::read_to_string(capture).unwrap().lines() {
        let mut body = serde_json::from_str::<Value>(line).unwrap()["body"].clone();
        if !body.is_object() {
            continue;
        }
        body["model"] = "assistant".into();
        let tools = body["tools"].as_array().map_or(0, Vec::len);
        with_tools += usize::from(tools == 36);
        let streamed = body["stream"] == true;
        let response = gateway.chat(body).await;
        assert_eq!(response.status(), 200);
        assert!(response.headers().get("x-ignored-params").is_none());
        let text = response.text().await.unwrap();
        let said = if streamed { text_of(&text) } else { text };
        assert!(!said.is_empty());
    }
    assert_eq!(with_tools, 3);
    let of_llama_index = json!({"temperature": 0.1, "parallel_tool_calls": true});
    let (_, ignored) = answered(&gateway, ask("assistant", "hi", of_llama_index)).await;
    assert_eq!(ignored.as_deref(), Some("temperature,parallel_tool_calls"));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_place() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let rows = [
        (
            json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]}),
            "tools[0].type",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            "response_format.type",
        ),
        (json!({"tool_choice": "perhaps"}), "tool_choice"),
    ];
    for (options, param) in rows {
        let (status, error) = error_of(gateway.chat(ask("assistant", "hi", options)).await).await;
        assert_eq!((status, error["param"].as_str()), (400, Some(param)));
    }
    assert_eq!(operations(&emulator), [""; 0]);
}
