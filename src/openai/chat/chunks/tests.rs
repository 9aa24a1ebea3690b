use serde_json::{Value, json};

use super::*;
use crate::agent::{self, Citation, FailureKind, event::Source};

fn head() -> AnswerHead {
    AnswerHead {
        id: "chatcmpl-1".to_owned(),
        created: 7,
        model: "helper".to_owned(),
        thread_id: None,
        show_reasoning: true,
    }
}

/// What is written for `events`, and how the last one ended.
fn text_of(
    head: AnswerHead,
    include_usage: bool,
    events: &[Event],
) -> (String, Result<(), Failure>) {
    let mut writer = ChunkWriter::new(head, include_usage);
    let mut out = BytesMut::new();
    let mut last = Ok(());
    for event in events {
        last = writer.write(event, &mut out);
    }
    (String::from_utf8(out.to_vec()).unwrap(), last)
}

/// The chunks of a stream without its `[DONE]`.
fn chunks_of(head: AnswerHead, include_usage: bool, events: &[Event]) -> Vec<Value> {
    let (text, _) = text_of(head, include_usage, events);
    let data = text.split_terminator("\n\n").map(|event| {
        event
            .strip_prefix("data: ")
            .expect("an event has nothing but data")
    });
    data.filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn deltas(head: AnswerHead, events: &[Event]) -> Vec<Value> {
    let chunks = chunks_of(head, false, events);
    chunks
        .into_iter()
        .map(|mut chunk| chunk["choices"][0]["delta"].take())
        .collect()
}

fn role() -> Value {
    json!({"role": "assistant", "content": ""})
}

#[test]
fn every_step_of_an_answer_is_a_delta() {
    let events = [
        Event::Started,
        Event::Reasoning("because".to_owned()),
        Event::Text("a".to_owned()),
        Event::Refusal("no".to_owned()),
        Event::Citation(Citation {
            start: 0,
            end: 1,
            source: Source::Url {
                url: "https://x".to_owned(),
                title: "X".to_owned(),
            },
        }),
        Event::ToolCall {
            index: 1,
            call_id: "call_1".to_owned(),
            name: "f".to_owned(),
        },
        Event::ToolCallArguments {
            index: 1,
            delta: "{}".to_owned(),
        },
        Event::End(End::ToolCalls),
    ];
    let cited = json!({"start_index": 0, "end_index": 1, "url": "https://x", "title": "X"});
    assert_eq!(
        deltas(head(), &events),
        [
            role(),
            json!({"reasoning_content": "because"}),
            json!({"content": "a"}),
            json!({"refusal": "no"}),
            json!({"annotations": [{"type": "url_citation", "url_citation": cited}]}),
            json!({"tool_calls": [{"index": 1, "id": "call_1", "type": "function",
                "function": {"name": "f", "arguments": ""}}]}),
            json!({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
            json!({}),
        ]
    );
}

#[test]
fn reasoning_is_not_told_unless_it_is_asked_for() {
    let head = AnswerHead {
        show_reasoning: false,
        ..head()
    };
    let events = [
        Event::Reasoning("because".to_owned()),
        Event::Text("a".to_owned()),
    ];
    assert_eq!(deltas(head, &events), [role(), json!({"content": "a"})]);
}

#[test]
fn every_chunk_has_the_head_and_the_first_names_the_conversation() {
    let head = AnswerHead {
        thread_id: Some("thread_1".to_owned()),
        ..head()
    };
    let chunks = chunks_of(head, false, &[Event::Started, Event::End(End::Length)]);
    let chunk = |delta: Value, reason: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "helper",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]})
    };
    let mut first = chunk(role(), Value::Null);
    first["thread_id"] = json!("thread_1");
    assert_eq!(chunks, [first, chunk(json!({}), json!("length"))]);
}

#[test]
fn usage_comes_last_where_it_is_asked_for() {
    let usage = agent::Usage {
        input: 5,
        output: 4,
        total: 9,
        ..agent::Usage::default()
    };
    let events = [
        Event::Text("a".to_owned()),
        Event::Usage(usage),
        Event::End(End::Completed),
    ];
    let asked = chunks_of(head(), true, &events);
    let [first, second, end, last] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    for chunk in [first, second, end] {
        assert_eq!(chunk.get("usage"), Some(&Value::Null), "{chunk}");
    }
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["total_tokens"], 9);
    for chunk in chunks_of(head(), false, &events) {
        assert_eq!(chunk.get("usage"), None, "{chunk}");
    }
}

#[test]
fn a_good_end_is_followed_by_done_and_a_bad_one_by_an_error_alone() {
    let (good, ended) = text_of(head(), false, &[Event::End(End::Completed)]);
    assert_eq!(ended, Ok(()));
    assert!(good.ends_with("\n\ndata: [DONE]\n\n"), "{good}");
    let failure = Failure::new(FailureKind::AgentFailed, "the agent failed");
    let failed = Event::End(End::Failed(failure.clone()));
    let (bad, ended) = text_of(head(), false, &[failed]);
    assert_eq!(ended, Err(failure));
    assert_eq!(
        bad,
        "data: {\"error\":{\"message\":\"the agent failed\",\"type\":\"server_error\",\"param\":null,\
         \"code\":\"agent_failed\"}}\n\n"
    );
}
