mod ends;
mod messages;

use serde_json::{Value, json};

use super::*;
use crate::agent::event::{Citation, Source};

mod contradictions;

const RECORDED: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/recordings/new/prompt_agent_stream.preview.sse"
));

/// For a client that is streamed to; one that is not is told the same, in larger pieces.
fn translate_all<'a>(events: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<Event> {
    let mut events: Vec<_> = events.into_iter().collect();
    // Whatever is no delta has those read that wait.
    events.push(("response.in_progress", json!({})));
    let streamed = translate(&events, true);
    assert_eq!(joined(translate(&events, false)), joined(streamed.clone()));
    streamed
}

fn translate(events: &[(&str, Value)], streamed: bool) -> Vec<Event> {
    let mut translator = ResponsesTranslator::new(ApprovalPolicy::default(), None, streamed);
    let mut out = VecDeque::new();
    for (name, data) in events {
        if let Err(error) = translator.translate(name, &data.to_string(), &mut out) {
            out.push_back(Event::End(End::Failed(Failure::unreadable(
                error.to_string(),
            ))));
        }
    }
    out.into()
}

/// With pieces of text that follow each other as one.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        match (joined.last_mut(), event) {
            (Some(Event::Text(before)), Event::Text(more)) => before.push_str(&more),
            (_, event) => joined.push(event),
        }
    }
    joined
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn completed(response: Value) -> (&'static str, Value) {
    ("response.completed", json!({"response": response}))
}

fn kind_of_end(events: &[Event]) -> Option<FailureKind> {
    match events.last() {
        Some(Event::End(End::Failed(failure))) => Some(failure.kind),
        _ => None,
    }
}

#[test]
fn the_recorded_stream_is_read() {
    let mut translator = ResponsesTranslator::new(ApprovalPolicy::default(), None, true);
    let mut events = VecDeque::new();
    crate::sse::Decoder::new(1 << 20)
        .feed(RECORDED.as_bytes(), |name, data| {
            translator.translate(name, data, &mut events).unwrap();
        })
        .unwrap();
    let said = ["The", " capital", " of", " France", " is", " Paris", "."].map(text);
    let usage = event::Usage {
        input: 28,
        output: 8,
        total: 36,
        ..event::Usage::default()
    };
    let mut expected = vec![Event::Started];
    expected.extend(said);
    expected.extend([Event::Usage(usage), Event::End(End::Completed)]);
    assert_eq!(Vec::from(events), expected);
    let run_id = translator.upstream_ids().run_id.unwrap();
    assert!(run_id.starts_with("resp_"), "{run_id}");
}

#[test]
fn created_and_in_progress_are_no_sign_of_work() {
    let events = translate_all([
        (
            "response.created",
            json!({"response": {"id": "resp_1", "output": []}}),
        ),
        (
            "response.in_progress",
            json!({"response": {"id": "resp_1"}}),
        ),
        (
            "response.failed",
            json!({"response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Try again in 9 seconds."}}}),
        ),
    ]);
    assert_eq!(events.len(), 1);
    assert_eq!(kind_of_end(&events), Some(FailureKind::RateLimited));
}

#[test]
fn whole_messages_without_deltas_are_told_once() {
    let message = json!({"type": "message", "content": [{"type": "output_text", "text": "whole", "annotations": []}]});
    let expected = [Event::Started, text("whole"), Event::End(End::Completed)];
    let by_item = translate_all([
        (
            "response.output_item.done",
            json!({"output_index": 0, "item": message}),
        ),
        completed(json!({"status": "completed", "output": [message]})),
    ]);
    assert_eq!(by_item, expected);
    let by_part = translate_all([
        (
            "response.output_item.added",
            json!({"output_index": 0, "item": {"type": "message", "content": []}}),
        ),
        (
            "response.output_text.done",
            json!({"output_index": 0, "content_index": 0, "text": "whole"}),
        ),
        (
            "response.content_part.done",
            json!({"output_index": 0, "content_index": 0, "part": message["content"][0]}),
        ),
        (
            "response.output_item.done",
            json!({"output_index": 0, "item": message}),
        ),
        completed(json!({"status": "completed", "output": [message]})),
    ]);
    assert_eq!(by_part, expected);
    let at_the_end_only = translate_all([completed(
        json!({"status": "completed", "output": [message]}),
    )]);
    assert_eq!(at_the_end_only, [text("whole"), Event::End(End::Completed)]);
}

#[test]
fn several_messages_are_set_apart_and_citations_count_from_the_start() {
    let citation = json!({"type": "url_citation", "start_index": 1, "end_index": 3, "url": "https://x", "title": null});
    let events = translate_all([
        (
            "response.output_text.delta",
            json!({"output_index": 0, "content_index": 0, "delta": "πππ"}),
        ),
        (
            "response.output_text.delta",
            json!({"output_index": 2, "content_index": 0, "delta": "abc"}),
        ),
        (
            "response.output_text.annotation.added",
            json!({"output_index": 2, "content_index": 0, "annotation": citation}),
        ),
        (
            "response.output_text.annotation.added",
            json!({"output_index": 2, "content_index": 0, "annotation": {"type": "file_citation", "file_id": "f", "index": 1}}),
        ),
        (
            "response.content_part.done",
            json!({"output_index": 2, "content_index": 0, "part": {
            "type": "output_text", "text": "abc", "annotations": [citation, {"type": "file_citation"}, citation]}}),
        ),
        completed(json!({"status": "completed"})),
    ]);
    let cited = Event::Citation(Citation {
        start: 6,
        end: 8,
        source: Source::Url {
            url: "https://x".to_owned(),
            title: String::new(),
        },
    });
    let document = Event::Citation(Citation {
        start: 6,
        end: 6,
        source: Source::Document {
            file_id: "f".to_owned(),
            name: String::new(),
        },
    });
    let expected = [
        Event::Started,
        text("πππ"),
        text("\n\n"),
        text("abc"),
        cited.clone(),
        document,
        cited,
        Event::End(End::Completed),
    ];
    assert_eq!(events, expected);
}

#[test]
fn function_calls_stream_and_end_the_turn() {
    let call = |id: &str, arguments: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": arguments});
    let events = translate_all([
        (
            "response.output_item.added",
            json!({"output_index": 1, "item": call("call_a", "")}),
        ),
        (
            "response.function_call_arguments.delta",
            json!({"output_index": 1, "delta": "{\"x\""}),
        ),
        (
            "response.function_call_arguments.delta",
            json!({"output_index": 1, "delta": ":1}"}),
        ),
        (
            "response.output_item.done",
            json!({"output_index": 1, "item": call("call_a", "{\"x\":1}")}),
        ),
        (
            "response.output_item.done",
            json!({"output_index": 2, "item": call("call_b", "{}")}),
        ),
        completed(json!({"status": "completed"})),
    ]);
    let opened = |index, call_id: &str| Event::ToolCall {
        index,
        call_id: call_id.to_owned(),
        name: "f".to_owned(),
    };
    let arguments = |index, delta: &str| Event::ToolCallArguments {
        index,
        delta: delta.to_owned(),
    };
    assert_eq!(
        events,
        [
            Event::Started,
            opened(0, "call_a"),
            arguments(0, "{\"x\""),
            arguments(0, ":1}"),
            opened(1, "call_b"),
            arguments(1, "{}"),
            Event::End(End::ToolCalls),
        ]
    );
}

#[test]
fn a_refusal_is_told_as_one() {
    let events = translate_all([
        (
            "response.refusal.delta",
            json!({"output_index": 0, "content_index": 0, "delta": "I can"}),
        ),
        (
            "response.refusal.delta",
            json!({"output_index": 0, "content_index": 0, "delta": "not"}),
        ),
        (
            "response.refusal.done",
            json!({"output_index": 0, "content_index": 0, "refusal": "I cannot"}),
        ),
        completed(json!({"status": "completed"})),
    ]);
    let refused = |text: &str| Event::Refusal(text.to_owned());
    assert_eq!(
        events,
        [
            Event::Started,
            refused("I can"),
            refused("not"),
            Event::End(End::Completed)
        ]
    );
}

#[test]
fn every_end_is_told_apart() {
    use FailureKind::{AgentFailed, ApprovalRequired, Cancelled, ConsentRequired, Unreadable};
    let incomplete = |reason: &str| {
        (
            "response.incomplete",
            json!({"response": {"status": "incomplete", "incomplete_details": {"reason": reason}}}),
        )
    };
    assert_eq!(
        translate_all([incomplete("max_output_tokens")]).last(),
        Some(&Event::End(End::Length))
    );
    assert_eq!(
        translate_all([incomplete("content_filter")]).last(),
        Some(&Event::End(End::ContentFilter))
    );
    let failures = [
        (incomplete("out of luck"), AgentFailed),
        (
            (
                "response.failed",
                json!({"response": {"status": "failed", "error": null}}),
            ),
            AgentFailed,
        ),
        (
            (
                "response.cancelled",
                json!({"response": {"status": "cancelled"}}),
            ),
            Cancelled,
        ),
        (
            (
                "error",
                json!({"type": "error", "code": "server_error", "message": "x"}),
            ),
            AgentFailed,
        ),
        (
            (
                "error",
                json!({"error": {"code": "content_filter", "message": "x"}}),
            ),
            FailureKind::ContentFiltered,
        ),
        (
            ("response.completed", json!({"no": "response"})),
            Unreadable,
        ),
        (("response.output_text.delta", json!(7)), Unreadable),
        (
            (
                "response.output_item.done",
                json!({"item": {"type": "mcp_approval_request", "name": "t"}}),
            ),
            ApprovalRequired,
        ),
        (
            (
                "response.output_item.done",
                json!({"item": {"type": "oauth_consent_request", "consent_link": "https://c"}}),
            ),
            ConsentRequired,
        ),
    ];
    for (event, kind) in failures {
        assert_eq!(
            kind_of_end(&translate_all([event.clone()])),
            Some(kind),
            "{event:?}"
        );
    }
}

#[test]
fn unknown_events_items_and_annotations_are_skipped() {
    let events = translate_all([
        ("response.future.thing", json!({"anything": []})),
        (
            "response.output_item.added",
            json!({"output_index": 0, "item": {"type": "novelty", "content": "text", "name": 7}}),
        ),
        (
            "response.output_item.done",
            json!({"output_index": 0, "item": {"type": "reasoning", "content": null, "summary": []}}),
        ),
        (
            "response.output_text.delta",
            json!({"output_index": 1, "content_index": 0, "delta": "ok"}),
        ),
        (
            "response.output_text.annotation.added",
            json!({"output_index": 1, "content_index": 0, "annotation": {"type": "novelty", "url": 7}}),
        ),
        completed(json!({"status": "completed", "output": [{"type": "novelty", "content": 7}]})),
    ]);
    assert_eq!(
        events,
        [Event::Started, text("ok"), Event::End(End::Completed)]
    );
}

fn delta(output_index: u64, content_index: u64, delta: &str) -> (&'static str, Value) {
    (
        "response.output_text.delta",
        json!({"output_index": output_index, "content_index": content_index, "delta": delta}),
    )
}

fn done(output_index: u64, item: Value) -> (&'static str, Value) {
    (
        "response.output_item.done",
        json!({"output_index": output_index, "item": item}),
    )
}

fn created(id: &str) -> (&'static str, Value) {
    ("response.created", json!({"response": {"id": id}}))
}

fn texts_of(events: &[Event]) -> Vec<&str> {
    let texts = events.iter().filter_map(|event| match event {
        Event::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
