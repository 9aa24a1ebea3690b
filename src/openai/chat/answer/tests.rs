use serde_json::{Value, json};

use super::*;
use crate::agent::{
    FailureKind,
    event::Source,
    file::{Download, MadeFile, UpstreamFile},
};

fn head(show_reasoning: bool) -> AnswerHead {
    AnswerHead {
        id: "chatcmpl-1".to_owned(),
        created: 7,
        model: "helper".to_owned(),
        thread_id: None,
        show_reasoning,
    }
}

fn folded(events: Vec<Event>) -> AnswerFold {
    let mut fold = AnswerFold::default();
    for event in events {
        assert_eq!(fold.push(event), None);
    }
    fold
}

fn body(events: Vec<Event>, head: &AnswerHead) -> Value {
    let body = folded(events).body(head, FinishReason::Stop);
    serde_json::from_slice(&body).unwrap()
}

fn message(events: Vec<Event>, show_reasoning: bool) -> Value {
    body(events, &head(show_reasoning))["choices"][0]["message"].take()
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn call(index: usize, call_id: &str) -> Event {
    Event::ToolCall {
        index,
        call_id: call_id.to_owned(),
        name: "f".to_owned(),
    }
}

fn arguments(index: usize, delta: &str) -> Event {
    Event::ToolCallArguments {
        index,
        delta: delta.to_owned(),
    }
}

#[test]
fn an_answer_is_all_of_its_pieces_and_what_they_cost() {
    let usage = agent::Usage {
        input: 5,
        cached_input: 1,
        output: 4,
        reasoning_output: 2,
        total: 9,
    };
    let events = vec![Event::Started, text("a"), text("b"), Event::Usage(usage)];
    let head = AnswerHead {
        thread_id: Some("thread_1".to_owned()),
        ..head(false)
    };
    assert_eq!(
        body(events, &head),
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "helper",
            "choices": [{"index": 0, "logprobs": null, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "ab", "refusal": null, "annotations": []}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 2}},
            "thread_id": "thread_1",
        })
    );
}

#[test]
fn the_arguments_of_a_call_are_those_of_its_place() {
    let message = message(
        vec![
            call(0, "call_a"),
            arguments(0, "{"),
            call(1, "call_b"),
            arguments(1, "[]"),
            arguments(0, "}"),
            arguments(2, "of nothing"),
        ],
        false,
    );
    let called = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
    assert_eq!(
        message["tool_calls"],
        json!([called("call_a", "{}"), called("call_b", "[]")])
    );
}

#[test]
fn content_is_null_only_where_something_else_stands_for_it() {
    let refusal = || Event::Refusal("no".to_owned());
    let content = |events| message(events, false)["content"].take();
    assert_eq!(content(vec![]), "");
    assert_eq!(content(vec![text("a")]), "a");
    assert_eq!(content(vec![call(0, "call_a")]), Value::Null);
    assert_eq!(content(vec![refusal()]), Value::Null);
    assert_eq!(content(vec![call(0, "call_a"), refusal()]), Value::Null);
    assert_eq!(content(vec![text("a"), call(0, "call_a")]), "a");
    assert_eq!(message(vec![refusal()], false)["refusal"], "no");
}

#[test]
fn reasoning_is_told_only_where_there_is_some_and_it_is_asked_for() {
    let reasoning = || vec![Event::Reasoning("because".to_owned())];
    assert_eq!(message(reasoning(), true)["reasoning_content"], "because");
    assert_eq!(message(reasoning(), false).get("reasoning_content"), None);
    assert_eq!(message(vec![], true).get("reasoning_content"), None);
}

#[test]
fn every_end_has_its_finish_reason() {
    let end = |end| AnswerFold::default().push(Event::End(end));
    assert_eq!(end(End::Completed), Some(Ok(FinishReason::Stop)));
    assert_eq!(end(End::ToolCalls), Some(Ok(FinishReason::ToolCalls)));
    assert_eq!(end(End::Length), Some(Ok(FinishReason::Length)));
    assert_eq!(
        end(End::ContentFilter),
        Some(Ok(FinishReason::ContentFilter))
    );
    let failure = Failure::new(FailureKind::AgentFailed, "x");
    assert_eq!(end(End::Failed(failure.clone())), Some(Err(failure)));
}

#[test]
fn every_citation_is_an_annotation_that_all_clients_read() {
    let cited = |source| {
        Event::Citation(Citation {
            start: 1,
            end: 3,
            source,
        })
    };
    let document = |name: &str| {
        cited(Source::Document {
            file_id: "f".to_owned(),
            name: name.to_owned(),
        })
    };
    let message = message(
        vec![
            cited(Source::Url {
                url: "https://x".to_owned(),
                title: "X".to_owned(),
            }),
            document("a.md"),
            document(""),
            cited(Source::Download(Download {
                id: "file-1".to_owned(),
                url: "https://gateway/f".to_owned(),
                name: "a.csv".to_owned(),
            })),
            cited(Source::Made(MadeFile {
                file: UpstreamFile::Agents("f".to_owned()),
                name: "b.csv".to_owned(),
                is_image: false,
                content: None,
            })),
        ],
        false,
    );
    let place = |url: &str, title: &str| json!({"start_index": 1, "end_index": 3, "url": url, "title": title});
    let file = |id: &str, name: &str| json!({"file_id": id, "filename": name});
    assert_eq!(
        message["annotations"],
        json!([
            {"type": "url_citation", "url_citation": place("https://x", "X")},
            {"type": "url_citation", "url_citation": place("urn:foundry:file:f", "a.md"),
                "file_citation": file("f", "a.md")},
            {"type": "url_citation", "url_citation": place("urn:foundry:file:f", "f"),
                "file_citation": file("f", "")},
            {"type": "url_citation", "url_citation": place("https://gateway/f", "a.csv"),
                "file_path": file("file-1", "a.csv")},
            {"type": "url_citation", "url_citation": place("", "b.csv")},
        ])
    );
}
