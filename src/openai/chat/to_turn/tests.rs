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
    read_request(&envelope.fields, &agent(false), &|_| None)
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
    let classic = read_request(&envelope.fields, &agent(true), &|_| None).unwrap();
    assert_eq!(classic.turn.overrides.temperature, Some(0.5));
    assert!(!classic.ignored.contains(&"temperature".to_owned()));
}

#[test]
fn results_without_their_calls_are_taken_where_the_rest_is_known_to_be_left_out() {
    let result = json!({"role": "tool", "tool_call_id": "call_1", "content": "42"});
    let system = json!({"role": "system", "content": "Be brief."});
    let user = json!({"role": "user", "content": "Hi"});
    let reads = |messages: Value, more: Value| {
        let mut body = json!({"model": "helper", "messages": messages});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        read(&body).is_ok()
    };
    assert!(reads(json!([result]), json!({})));
    assert!(reads(json!([system, result]), json!({})));
    assert!(!reads(json!([user, result]), json!({})));
    for name in CONVERSATION_IDS {
        assert!(reads(json!([user, result]), json!({name: "thread_1"})));
        assert!(!reads(json!([user, result]), json!({name: null})));
    }
}

#[test]
fn what_cannot_be_read_says_what_is_expected() {
    let message = read_messages_of(json!([{"role": "user", "content": 7}])).unwrap_err();
    assert!(
        message
            .message
            .ends_with("expected a string or an array of content parts"),
        "{}",
        message.message
    );
    let body = read_envelope(b"[]").unwrap_err();
    assert!(
        body.message.contains("expected a JSON object"),
        "{}",
        body.message
    );
}

#[test]
fn names_are_reported_only_where_there_are_some_and_they_are_no_functions() {
    let ignored = |messages: Value| {
        read(&json!({"model": "helper", "messages": messages}))
            .unwrap()
            .ignored
    };
    let called = json!({"role": "assistant", "content": null, "function_call": {"name": "g", "arguments": "{}"}});
    let result = json!({"role": "function", "name": "g", "content": "43"});
    assert!(ignored(json!([{"role": "user", "content": "x"}, called, result])).is_empty());
    assert_eq!(
        ignored(json!([{"role": "user", "name": "Ada", "content": "x"}])),
        ["messages.name"]
    );
}

#[test]
fn a_message_that_cannot_be_read_says_why_without_a_place_that_misleads() {
    let error = read_messages_of(json!([{"content": "x"}])).unwrap_err();
    assert_eq!(
        error.message,
        "messages[0] cannot be read: missing field `role`"
    );
}

#[test]
fn what_an_assistant_said_stands_beside_its_calls_unless_it_is_nothing() {
    let said = |message: Value| match read_messages_of(
        json!([message, {"role": "tool", "tool_call_id": "c", "content": ""}]),
    )
    .or_else(|_| read_messages_of(json!([message])))
    .unwrap()
    .remove(0)
    {
        Message::Assistant { text, tool_calls } => (text, tool_calls.len()),
        other => panic!("{other:?}"),
    };
    let calls =
        json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let assistant = |content: &str, calls: Value| json!({"role": "assistant", "content": content, "tool_calls": calls});
    assert_eq!(
        said(assistant("a", calls.clone())),
        (Some("a".to_owned()), 1)
    );
    assert_eq!(said(assistant("", calls)), (None, 1));
    assert_eq!(said(assistant("", json!(null))), (Some(String::new()), 0));
}

#[test]
fn only_assistants_refuse() {
    let refusal = json!([{"type": "refusal", "refusal": "no"}]);
    let error = read_messages_of(json!([{"role": "system", "content": refusal}])).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("unsupported_value"));
    assert!(
        error.message.ends_with("only text can be sent to an agent"),
        "{}",
        error.message
    );
}
