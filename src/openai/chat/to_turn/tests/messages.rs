//! Messages that stand alone, are named, or cannot be read.

use super::*;

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
