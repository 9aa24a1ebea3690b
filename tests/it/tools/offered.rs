//! Functions that the client offers with its request, beside the agent's own tools.

use super::*;
use crate::support::emulator_and_gateway;

fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "d", "parameters": {
        "type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}}})
}

fn asking(agent: &str, text: &str, more: Value) -> Value {
    let mut body = json!({"model": agent, "messages": [user(text)]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn an_agent_without_functions_calls_those_of_the_client_in_two_steps() {
    for agent in ["assistant", "asst_assistant"] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let tools = json!({"tools": [function("get_time")], "parallel_tool_calls": true});
        let body = asking(agent, "What is the time in Paris and Rome?", tools.clone());
        let asked = message_of(gateway.chat(body).await).await;
        assert_eq!(calls_of(&asked).len(), 2, "{agent}");
        let history = answered(&[user("What is the time in Paris and Rome?"), asked]);
        let mut body = json!({"model": agent, "messages": history, "tools": tools["tools"]});
        let answer = message_of(gateway.chat(body.clone()).await).await;
        assert_eq!(
            answer["content"],
            "get_time returned: sunny\nget_time returned: rainy"
        );
        let sent = operations(&emulator);
        let expected: &[&str] = match agent {
            "assistant" => &["get_agent", "create_response", "create_response"],
            _ => &[
                "get_assistant",
                "create_thread_and_run",
                "submit_tool_outputs",
            ],
        };
        assert_eq!(sent, expected, "the agent is read once");

        // Offered again with the next question, the function can be called again.
        let history = [&history[..], &[answer, user("And the time in Oslo?")]].concat();
        body["messages"] = json!(history);
        let asked = message_of(gateway.chat(body).await).await;
        assert_eq!(
            calls_of(&asked)[0]["function"]["arguments"],
            r#"{"location":"Oslo"}"#
        );
        assert_eq!(operations(&emulator).len(), 1);
    }
}

#[tokio::test]
async fn a_classic_agent_keeps_its_own_tools_beside_those_of_the_client() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let own_question = "What is the weather in Paris?";
    let tools = json!({"tools": [function("get_time")]});
    let asked = message_of(
        gateway
            .chat(asking("asst_weather", own_question, tools))
            .await,
    )
    .await;
    assert_eq!(calls_of(&asked)[0]["function"]["name"], "get_weather");
    let run = emulator.journal().requests().pop().unwrap().body;
    let names: Vec<_> = run["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["get_weather", "get_time"]);

    // One of the same name but another schema is the client's.
    let mine = json!({"tools": [function("get_weather")]});
    gateway
        .chat(asking("asst_weather", "hi", mine))
        .await
        .text()
        .await
        .unwrap();
    let run = emulator.journal().requests().pop().unwrap().body;
    assert_eq!(run["tools"].as_array().unwrap().len(), 1);
    assert_eq!(run["tools"][0]["function"]["description"], "d");
}

#[tokio::test]
async fn a_classic_agent_obeys_the_choice_as_far_as_its_wire_goes() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let weather = "What is the weather in Paris and Rome?";
    let with = |choice: Value, tools: &[&str]| {
        let tools: Vec<_> = tools.iter().map(|name| function(name)).collect();
        json!({"tools": tools, "tool_choice": choice, "parallel_tool_calls": false})
    };
    let by_name = json!({"type": "function", "function": {"name": "get_time"}});
    let rows = [
        (with(json!("auto"), &["get_weather"]), Some("get_weather")),
        (with(json!("none"), &["get_weather"]), None),
        (
            with(by_name, &["get_weather", "get_time"]),
            Some("get_time"),
        ),
        (with(json!("required"), &["get_time"]), Some("get_time")),
    ];
    for (options, called) in rows {
        let body = asking("asst_assistant", weather, options.clone());
        let message = message_of(gateway.chat(body).await).await;
        let names: Vec<_> = message["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|call| call["function"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            called.into_iter().collect::<Vec<_>>(),
            "one at most: {options}"
        );
    }
    let options = with(json!("required"), &["get_weather", "get_time"]);
    let response = gateway
        .chat(asking("asst_assistant", weather, options))
        .await;
    let (status, error) = error_of(response).await;
    assert_eq!((status, &error["param"]), (400, &json!("tool_choice")));
}
