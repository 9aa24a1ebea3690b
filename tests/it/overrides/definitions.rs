//! Which definition a turn is run with, and which agents have none that can be.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{answered, ask, last_response, make_agent, operations, other_tool};
use crate::support::{SOON, emulator_and_gateway, error_of};

fn prompt(instructions: &str) -> Value {
    json!({"kind": "prompt", "model": "gpt-5", "instructions": instructions})
}

#[tokio::test]
async fn a_version_is_run_with_its_own_definition() {
    let (emulator, gateway) = emulator_and_gateway().await;
    make_agent(&emulator, &gateway, "poet", prompt("Write verse.")).await;
    make_agent(&emulator, &gateway, "poet", prompt("Write prose.")).await;
    let rows = [
        ("poet", "Write prose.", vec!["get_agent", "create_response"]),
        (
            "poet:2",
            "Write prose.",
            vec!["get_agent", "create_response"],
        ),
        (
            "poet:1",
            "Write verse.",
            vec!["get_agent", "get_agent_version", "create_response"],
        ),
        ("poet:1", "Write verse.", vec!["create_response"]),
    ];
    for (model, instructions, calls) in rows {
        emulator.journal().clear();
        answered(&gateway, ask(model, "hi", json!({"tools": [other_tool()]}))).await;
        let sent = last_response(&emulator).body;
        assert_eq!(sent["instructions"], instructions, "{model}");
        assert_eq!(operations(&emulator), calls, "{model}");
    }
}

async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_new_version_is_noticed_in_the_background_and_after_a_long_silence_at_once() {
    let (emulator, gateway) = emulator_and_gateway().await;
    make_agent(&emulator, &gateway, "poet", prompt("first")).await;
    let ask = || async {
        answered(
            &gateway,
            ask("poet", "hi", json!({"tools": [other_tool()]})),
        )
        .await;
        last_response(&emulator).body["instructions"].clone()
    };
    assert_eq!(ask().await, "first");
    make_agent(&emulator, &gateway, "poet", prompt("second")).await;
    assert_eq!(ask().await, "first");
    assert_eq!(operations(&emulator), ["create_response"]);

    pass(31).await;
    assert_eq!(ask().await, "first", "nobody waits for the new version");
    let deadline = Instant::now() + SOON;
    while ask().await != "second" {
        assert!(Instant::now() < deadline, "the new version is never used");
    }
    let reads = operations(&emulator)
        .into_iter()
        .filter(|name| name == "get_agent");
    assert_eq!(reads.count(), 1);

    make_agent(&emulator, &gateway, "poet", prompt("third")).await;
    pass(301).await;
    assert_eq!(ask().await, "third");
}

#[tokio::test]
async fn an_agent_that_cannot_be_overridden_says_so_and_works_without() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut guarded = prompt("Be careful.");
    guarded["rai_config"] = json!({"rai_policy_name": "strict"});
    make_agent(&emulator, &gateway, "guarded", guarded).await;
    let workflow = json!({"kind": "workflow", "workflow": "name: flow"});
    make_agent(&emulator, &gateway, "flow", workflow).await;
    let hosted = json!({"kind": "hosted", "cpu": "1", "memory": "2Gi"});
    make_agent(&emulator, &gateway, "container", hosted).await;
    let rows = [
        ("guarded", "its definition has rai_config"),
        ("flow", "it is a workflow agent"),
        ("container", "it is a hosted agent"),
    ];
    for (model, why) in rows {
        let options = json!({"response_format": {"type": "json_object"}});
        let (status, error) = error_of(gateway.chat(ask(model, "hi", options)).await).await;
        assert_eq!(
            (status, error["param"].as_str()),
            (400, Some("response_format"))
        );
        assert_eq!(error["code"], "unsupported_parameter");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(why) && message.contains("GATEWAY_AGENT_OVERRIDES"),
            "{message}"
        );
    }
    answered(&gateway, ask("guarded", "hi", json!({}))).await;
}

#[tokio::test]
async fn a_disabled_agent_is_not_run_with_its_definition_either() {
    let (emulator, gateway) = emulator_and_gateway().await;
    make_agent(&emulator, &gateway, "retired", prompt("Rest.")).await;
    let url = format!(
        "{}/agents/retired:disable?api-version=v1",
        emulator.project_endpoint()
    );
    gateway
        .http
        .post(url)
        .bearer_auth("operator")
        .send()
        .await
        .unwrap();
    for model in ["retired", "retired:1"] {
        let body = ask(model, "hi", json!({"tools": [other_tool()]}));
        let (status, error) = error_of(gateway.chat(body).await).await;
        assert_eq!(status, 400, "{model}");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("it is disabled")
        );
    }
}

#[tokio::test]
async fn an_agent_that_does_not_exist_is_the_model_that_is_not_found() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for model in ["nobody", "assistant:99"] {
        let body = ask(model, "hi", json!({"tools": [other_tool()]}));
        let (status, error) = error_of(gateway.chat(body).await).await;
        assert_eq!(
            (status, error["code"].as_str()),
            (404, Some("model_not_found"))
        );
        assert!(error["message"].as_str().unwrap().contains(model));
    }
}
