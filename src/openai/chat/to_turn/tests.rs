mod messages;

use serde_json::{Value, json};

use super::*;
use crate::{
    agent::{AgentReference, UserPart},
    config::{agents::OverridePolicy, approvals::ApprovalPolicy, endpoint::AgentEndpoint},
};

fn agent(classic: bool) -> ResolvedAgent {
    let reference = if classic {
        AgentReference::Classic {
            assistant_id: "asst_1".to_owned(),
        }
    } else {
        AgentReference::New {
            name: "helper".to_owned(),
            version: None,
        }
    };
    ResolvedAgent {
        project: "default".to_owned(),
        reference,
        overrides: OverridePolicy::Auto,
        approvals: ApprovalPolicy::default(),
        endpoint: AgentEndpoint::default(),
    }
}

fn read(body: &Value) -> Result<Request, ApiError> {
    let body = body.to_string();
    let envelope = read_envelope(body.as_bytes())?;
    read_request(&envelope, &agent(false), &|_| None)
}

/// A request of `messages` and nothing else that matters.
fn read_messages_of(messages: Value) -> Result<Vec<Message>, ApiError> {
    read(&json!({"model": "helper", "messages": messages})).map(|request| request.turn.messages)
}

fn text(text: &str) -> Message {
    Message::User {
        parts: vec![UserPart::Text(text.to_owned())],
    }
}

#[test]
fn every_role_and_form_of_content_is_read() {
    let messages = read_messages_of(json!([
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "hi \u{1f600} \"quoted\""},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": ""}]},
        {"role": "assistant", "content": "hello", "refusal": null, "annotations": []},
        {"role": "assistant", "content": null, "refusal": "no"},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "refusal", "refusal": "y"}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        {"role": "assistant", "content": "", "function_call": {"name": "g", "arguments": "{}"}},
        {"role": "function", "name": "g", "content": "43"},
    ]))
    .unwrap();
    let said = |text: &str| Message::Assistant {
        text: Some(text.to_owned()),
        tool_calls: Vec::new(),
    };
    let called = |call_id: &str, name: &str, arguments: &str| Message::Assistant {
        text: None,
        tool_calls: vec![ToolCall {
            call_id: call_id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }],
    };
    let result = |call_id: &str, output: &str| Message::ToolResult {
        call_id: call_id.to_owned(),
        output: output.to_owned(),
    };
    assert_eq!(
        messages,
        [
            Message::Instruction {
                text: "be brief".to_owned()
            },
            Message::Instruction {
                text: "a\nb".to_owned()
            },
            text("hi \u{1f600} \"quoted\""),
            Message::User {
                parts: vec![
                    UserPart::Text("one".to_owned()),
                    UserPart::Text(String::new())
                ]
            },
            said("hello"),
            said("no"),
            said("x\ny"),
            called("call_1", "f", "{\"a\":1}"),
            result("call_1", "42"),
            called("g", "g", "{}"),
            result("g", "43"),
        ]
    );
}

#[test]
fn empty_and_very_long_texts_pass() {
    assert_eq!(
        read_messages_of(json!([{"role": "user", "content": ""}])).unwrap(),
        [text("")]
    );
    let long = "ä".repeat(2_000_000);
    assert_eq!(
        read_messages_of(json!([{"role": "user", "content": long}])).unwrap(),
        [text(&long)]
    );
}

#[test]
fn what_cannot_be_read_names_its_place() {
    let rows = [
        (
            json!({"messages": []}),
            "missing_required_parameter",
            "model",
        ),
        (json!({"model": 7, "messages": []}), "invalid_type", "model"),
        (
            json!({"model": "m"}),
            "missing_required_parameter",
            "messages",
        ),
        (
            json!({"model": "m", "messages": null}),
            "missing_required_parameter",
            "messages",
        ),
        (
            json!({"model": "m", "messages": []}),
            "empty_array",
            "messages",
        ),
        (
            json!({"model": "m", "messages": "hi"}),
            "invalid_type",
            "messages",
        ),
        (
            json!({"model": "m", "messages": [7]}),
            "invalid_type",
            "messages[0]",
        ),
        (
            json!({"model": "m", "messages": [{"content": "x"}]}),
            "invalid_type",
            "messages[0]",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": 7}]}),
            "invalid_type",
            "messages[0]",
        ),
        (
            json!({"model": "m", "messages": [{"role": "king", "content": "x"}]}),
            "invalid_value",
            "messages[0].role",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user"}]}),
            "missing_required_parameter",
            "messages[0].content",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": []}]}),
            "empty_array",
            "messages[0].content",
        ),
        (
            json!({"model": "m", "messages": [{"role": "assistant"}]}),
            "missing_required_parameter",
            "messages[0].content",
        ),
        (
            json!({"model": "m", "messages": [{"role": "tool", "content": "x"}]}),
            "missing_required_parameter",
            "messages[0].tool_call_id",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}),
            "unsupported_value",
            "messages[0].content[0]",
        ),
        (
            json!({"model": "m", "messages": [{"role": "assistant", "content": "x", "audio": {"id": "a"}}]}),
            "unsupported_value",
            "messages[0].audio",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": "yes"}),
            "invalid_type",
            "stream",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}),
            "invalid_value",
            "max_tokens",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": "9"}),
            "invalid_type",
            "max_tokens",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": 3}),
            "invalid_value",
            "temperature",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "metadata": {"a": 1}}),
            "invalid_type",
            "metadata",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "metadata": {"a": "x".repeat(513)}}),
            "invalid_value",
            "metadata",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream_options": {}}),
            "invalid_value",
            "stream_options",
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 2}),
            "unsupported_parameter",
            "n",
        ),
    ];
    for (body, code, param) in rows {
        let error = read(&body).unwrap_err();
        assert_eq!(error.status, 400, "{body}");
        assert_eq!(
            (error.code.as_deref(), error.param.as_deref()),
            (Some(code), Some(param)),
            "{body}"
        );
    }
}

#[test]
fn a_body_that_is_no_object_is_invalid_json() {
    for body in ["", "[]", "7", "{", "{\"a\":}", "\u{feff}{}"] {
        let error = read_envelope(body.as_bytes()).unwrap_err();
        assert_eq!(
            (error.status.as_u16(), error.code.as_deref()),
            (400, Some("invalid_json")),
            "{body}"
        );
    }
}

#[test]
fn ignored_fields_are_reported_and_not_used() {
    let body = json!({
        "model": "helper", "temperature": 0.5, "seed": 1, "user": null, "made_up": 1,
        "messages": [{"role": "user", "name": "Ada", "content": "x"}],
        "max_tokens": 5, "max_completion_tokens": 7, "metadata": {"a": "b"},
    });
    let Request {
        turn,
        mut ignored,
        overriding,
        joining,
    } = read(&body).unwrap();
    ignored.sort();
    assert_eq!(ignored, ["made_up", "messages.name", "seed"]);
    assert_eq!(
        (overriding.len(), joining),
        (0, vec!["temperature".to_owned()])
    );
    assert_eq!(turn.max_output_tokens, Some(7));
    assert_eq!(turn.metadata["a"], "b");

    let body = body.to_string();
    let envelope = read_envelope(body.as_bytes()).unwrap();
    let classic = read_request(&envelope, &agent(true), &|_| None).unwrap();
    assert_eq!(classic.turn.overrides.temperature, Some(0.5));
    assert!(!classic.ignored.contains(&"temperature".to_owned()));
}

#[test]
fn a_field_that_stands_twice_is_refused_and_not_half_dropped() {
    for (body, twice) in [
        (r#"{"model":"a","messages":[],"model":"b"}"#, "model"),
        (
            r#"{"model":"a","seed":1,"messages":[],"s\u0065ed":2}"#,
            "seed",
        ),
    ] {
        let error = read_envelope(body.as_bytes()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(twice));
        assert_eq!(error.code.as_deref(), Some("invalid_value"));
    }
    let nameless = r#"{"model":"a","messages":[],"":1}"#;
    let error = read_envelope(nameless.as_bytes()).unwrap_err();
    assert!(error.message.contains("no name"), "{}", error.message);
    let null_is_not_given = r#"{"model":null,"messages":[],"model":"b"}"#;
    assert_eq!(
        read_envelope(null_is_not_given.as_bytes()).unwrap().model,
        "b"
    );
}
