//! Hosted and workflow agents, and agents' own endpoints.

use serde_json::{Value, json};

use crate::support::{Gateway, emulator, error_of, events_of, text_of};

const FEATURE: &str = "WorkflowAgents=V1Preview";

async fn with_settings(settings: &[(&str, &str)]) -> (foundry_emulator::Emulator, Gateway) {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), settings).await;
    (emulator, gateway)
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

async fn say(gateway: &Gateway, agent: &str, history: &mut Vec<Value>, text: &str) -> String {
    history.push(user(text));
    let response = gateway
        .chat(json!({"model": agent, "messages": history}))
        .await;
    let text = response.text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    let message = answer["choices"][0]["message"].clone();
    history.push(message.clone());
    message["content"]
        .as_str()
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

#[tokio::test]
async fn a_hosted_agent_keeps_its_session_as_long_as_its_conversation() {
    for endpoint in ["project", "agent"] {
        let (emulator, gateway) = with_settings(&[("GATEWAY_AGENT_ENDPOINT", endpoint)]).await;
        let mut history = Vec::new();
        say(&gateway, "hosted", &mut history, "My name is Ada.").await;
        say(&gateway, "hosted", &mut history, "I like tea.").await;
        assert!(
            say(&gateway, "hosted", &mut history, "What is my name?")
                .await
                .contains("Ada")
        );
        let sent: Vec<_> = emulator.journal().requests();
        assert_eq!(sent.len(), 3);
        let session = |number: usize| sent[number].body.get("agent_session_id").cloned();
        assert_eq!(session(0), None);
        assert!(session(1).is_some_and(|id| id.is_string()));
        assert_eq!(session(1), session(2), "the same session");
        for request in &sent {
            let own = request
                .path
                .contains("/agents/hosted/endpoint/protocols/openai/responses");
            assert_eq!(own, endpoint == "agent", "{}", request.path);
            assert_eq!(request.body.get("agent_reference").is_none(), own);
        }

        // Another conversation has another session.
        say(&gateway, "hosted", &mut Vec::new(), "Hello.").await;
        let other = emulator.journal().requests().pop().unwrap();
        assert_eq!(other.body.get("agent_session_id"), None);
    }
}

#[tokio::test]
async fn a_hosted_agent_cannot_be_overridden_and_the_answer_says_so() {
    let (_emulator, gateway) = with_settings(&[]).await;
    let tool =
        json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    let body = json!({"model": "hosted", "messages": [user("hi")], "tools": [tool]});
    let (status, error) = error_of(gateway.chat(body).await).await;
    assert_eq!((status, &error["param"]), (400, &json!("tools")));
    assert!(
        error["message"].as_str().unwrap().contains("hosted"),
        "{error}"
    );
}

#[tokio::test]
async fn a_workflow_agent_needs_its_preview_feature_and_answers_with_all_its_messages() {
    let (_emulator, gateway) = with_settings(&[]).await;
    let (status, error) = error_of(gateway.ask("workflow", "tea").await).await;
    assert_eq!(status, 400);
    assert!(
        error["message"].as_str().unwrap().contains(FEATURE),
        "{error}"
    );

    let aliases =
        format!(r#"{{"aliases":{{"flow":{{"agent":"workflow","features":"{FEATURE}"}}}}}}"#);
    let rows: [(&str, &[(&str, &str)]); 2] = [
        ("workflow", &[("FOUNDRY_FEATURES", FEATURE)]),
        (
            "flow",
            &[
                ("GATEWAY_AGENTS", &aliases),
                ("GATEWAY_AGENT_ENDPOINT", "agent"),
            ],
        ),
    ];
    for (model, settings) in rows {
        let (_emulator, gateway) = with_settings(settings).await;
        let expected = "The first step is done.\n\nAll is done for: tea";
        assert_eq!(say(&gateway, model, &mut Vec::new(), "tea").await, expected);
        let stream = gateway
            .ask_streamed(model, "tea")
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(text_of(&stream), expected);
        assert_eq!(events_of(&stream).pop().unwrap(), "[DONE]");
    }
}

#[tokio::test]
async fn a_version_that_is_named_goes_to_the_projects_endpoint() {
    let (emulator, gateway) = with_settings(&[("GATEWAY_AGENT_ENDPOINT", "agent")]).await;
    assert_eq!(gateway.ask("assistant:1", "hi").await.status(), 200);
    let request = emulator.journal().requests().pop().unwrap();
    assert_eq!(request.body["agent_reference"]["version"], "1");
    assert_eq!(gateway.ask("assistant", "hi").await.status(), 200);
    let request = emulator.journal().requests().pop().unwrap();
    assert!(
        request.path.contains("/agents/assistant/endpoint/"),
        "{}",
        request.path
    );
}

#[tokio::test]
async fn a_session_that_is_gone_is_replayed() {
    let (emulator, gateway) = with_settings(&[]).await;
    let mut history = Vec::new();
    say(&gateway, "hosted", &mut history, "My name is Ada.").await;
    let refusal = foundry_emulator::Fault::Status {
        status: 404,
        headers: [].into(),
        body: json!({"error": {"code": "not_found", "message": "Session not found."}}),
    };
    let mut behaviour =
        crate::support::always("create_response", foundry_emulator::Stage::Headers, refusal);
    behaviour.faults[0].times = Some(1);
    emulator.behaviour().set(behaviour);
    assert!(
        say(&gateway, "hosted", &mut history, "What is my name?")
            .await
            .contains("Ada")
    );
    let replay = emulator.journal().requests().pop().unwrap();
    assert_eq!(replay.body.get("agent_session_id"), None);
}
