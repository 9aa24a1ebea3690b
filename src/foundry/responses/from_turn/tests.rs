use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{agent::file::UpstreamFile, config::endpoint::AgentEndpoint, foundry::definitions};

fn sent(turn: &Turn, version: Option<&str>) -> Value {
    serde_json::to_value(create_response("helper", version, turn, None)).unwrap()
}

fn input_of(messages: Vec<Message>) -> Value {
    let turn = Turn {
        messages,
        ..Turn::default()
    };
    sent(&turn, None)["input"].take()
}

fn reached_by_its_own_endpoint() -> Turn {
    Turn {
        endpoint: AgentEndpoint {
            by: EndpointKind::Agent,
            features: None,
        },
        ..Turn::default()
    }
}

fn defined() -> Turn {
    let definition = definitions::of_json(r#"{"kind":"prompt","model":"gpt"}"#).unwrap();
    Turn {
        definition: Some(Arc::new(definition)),
        ..reached_by_its_own_endpoint()
    }
}

#[test]
fn an_agents_own_endpoint_serves_its_latest_version_without_a_definition() {
    let projects = "/openai/v1/responses";
    let own = "/agents/helper/endpoint/protocols/openai/responses?api-version=v1";
    let by_itself = reached_by_its_own_endpoint();
    let rows = [
        (Turn::default(), None, projects),
        (by_itself.clone(), None, own),
        (by_itself, Some("3"), projects),
        (defined(), None, projects),
    ];
    for (turn, version, expected) in rows {
        assert_eq!(path("helper", version, &turn), expected, "{version:?}");
    }
}

#[test]
fn the_agent_is_named_unless_its_own_endpoint_or_a_definition_answers() {
    let reference = |agent: Value| json!({"agent_reference": agent, "input": [], "stream": true});
    let named = json!({"type": "agent_reference", "name": "helper"});
    let versioned = json!({"type": "agent_reference", "name": "helper", "version": "3"});
    let by_itself = reached_by_its_own_endpoint();
    assert_eq!(sent(&Turn::default(), None), reference(named));
    assert_eq!(
        sent(&Turn::default(), Some("3")),
        reference(versioned.clone())
    );
    assert_eq!(sent(&by_itself, Some("3")), reference(versioned));
    assert_eq!(sent(&by_itself, None), json!({"input": [], "stream": true}));
    assert_eq!(
        sent(&defined(), None),
        json!({"model": "gpt", "input": [], "stream": true})
    );
}

#[test]
fn only_a_response_can_be_continued() {
    let continuing = |head| {
        let turn = Turn {
            continues: Some(head),
            ..Turn::default()
        };
        sent(&turn, None)["previous_response_id"].take()
    };
    assert_eq!(continuing(Head::Response("resp_1".to_owned())), "resp_1");
    assert_eq!(continuing(Head::Thread("thread_1".to_owned())), Value::Null);
}

#[test]
fn everything_that_was_said_is_replayed_in_its_place() {
    let text = |text: &str| UserPart::Text(text.to_owned());
    let input = input_of(vec![
        Message::Instruction {
            text: "Be brief.".to_owned(),
        },
        Message::User {
            parts: vec![
                text("Look:"),
                UserPart::Image {
                    url: "https://x/i.png".to_owned(),
                    detail: Some("low".to_owned()),
                },
                UserPart::File(UpstreamFile::OpenAi {
                    id: "file_1".to_owned(),
                    name: "a.csv".to_owned(),
                }),
                UserPart::FileContent {
                    name: "b.csv".to_owned(),
                    data: "YQ==".to_owned(),
                },
            ],
        },
        Message::Assistant {
            text: Some("I look.".to_owned()),
            tool_calls: vec![ToolCall {
                call_id: "call_1".to_owned(),
                name: "f".to_owned(),
                arguments: "{}".to_owned(),
            }],
        },
        Message::ToolResult {
            call_id: "call_1".to_owned(),
            output: "42".to_owned(),
        },
    ]);
    let expected = json!([
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Look:"},
            {"type": "input_image", "image_url": "https://x/i.png", "detail": "low"},
            {"type": "input_file", "file_id": "file_1"},
            {"type": "input_file", "filename": "b.csv", "file_data": "YQ=="}]},
        {"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    ]);
    assert_eq!(input, expected);
}

#[test]
fn approvals_are_replayed_as_such() {
    let request = ApprovalRequest {
        id: "mcpr_1".to_owned(),
        server_label: "shop".to_owned(),
        tool: "search".to_owned(),
        arguments: "{}".to_owned(),
    };
    let call = request.to_call();
    let answers = ["approve", "no"].map(|output| Message::ToolResult {
        call_id: call.call_id.clone(),
        output: output.to_owned(),
    });
    let asked = Message::Assistant {
        text: None,
        tool_calls: vec![call.clone()],
    };
    let input = input_of([asked].into_iter().chain(answers).collect());
    let answer = |approve: bool| json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": approve});
    assert_eq!(
        input,
        json!([
            {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "shop", "name": "search", "arguments": "{}"},
            answer(true),
            answer(false),
        ])
    );
}
