mod calls;
mod signs;

use serde_json::{Value, json};

use super::*;
use crate::agent::{
    event::Source,
    file::{MadeFile, UpstreamFile},
};

macro_rules! recording {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/recordings/classic/",
            $name
        ))
    };
}

fn translate_recording(text: &str) -> (Vec<Event>, UpstreamIds) {
    let mut translator = ThreadsTranslator::default();
    let mut events = VecDeque::new();
    crate::sse::Decoder::new(1 << 20)
        .feed(text.as_bytes(), |name, data| {
            translator.translate(name, data, &mut events).unwrap();
        })
        .unwrap();
    (events.into(), translator.upstream_ids())
}

fn translate_all<'a>(events: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<Event> {
    let mut translator = ThreadsTranslator::default();
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

fn run(status: &str, more: Value) -> Value {
    let mut run = json!({"id": "run_1", "thread_id": "thread_1", "status": status});
    for (key, value) in more.as_object().unwrap() {
        run[key] = value.clone();
    }
    run
}

fn failure(events: &[Event]) -> Option<&Failure> {
    events.iter().find_map(|event| match event {
        Event::End(End::Failed(failure)) => Some(failure),
        _ => None,
    })
}

#[test]
fn the_recorded_answer_is_read() {
    let (events, ids) = translate_recording(recording!("create_stream.sse"));
    assert_eq!(events[0], Event::Started);
    let text: String = events
        .iter()
        .filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(
        text.starts_with("Of course! Here's a joke") && text.ends_with("😄"),
        "{text}"
    );
    let end = events
        .iter()
        .position(|event| matches!(event, Event::End(_)))
        .unwrap();
    assert_eq!(events[end], Event::End(End::Completed));
    let usage = event::Usage {
        input: 66,
        output: 30,
        total: 96,
        ..event::Usage::default()
    };
    assert_eq!(events[end - 1], Event::Usage(usage));
    assert_eq!(
        ids.thread_id.as_deref(),
        Some("thread_7ISSfUbj0zxL9ZaHrp4zC8ma")
    );
    assert_eq!(ids.run_id.as_deref(), Some("run_YzrfmWISvOtaM0dCxyDqZzRj"));
}

#[test]
fn the_recorded_failure_comes_before_any_sign_of_work() {
    let (events, ids) = translate_recording(recording!("thread_and_run_failed.sse"));
    assert!(!events.contains(&Event::Started));
    assert_eq!(
        failure(&events).unwrap().kind,
        FailureKind::AgentMisconfigured
    );
    assert_eq!(
        ids.thread_id.as_deref(),
        Some("thread_3IldWkiP0oO5JyqUHtr0rSme")
    );
}

#[test]
fn the_recorded_function_call_is_told_once() {
    let (events, _) = translate_recording(recording!("function_stream.partA.sse"));
    let end = events
        .iter()
        .position(|event| matches!(event, Event::End(_)))
        .unwrap();
    assert_eq!(
        events[..=end],
        [
            Event::Started,
            Event::ToolCall {
                index: 0,
                call_id: "call_Rksj1imNgadFAccoRamVgTZ5".to_owned(),
                name: "fetch_current_datetime_recordings".to_owned(),
            },
            Event::ToolCallArguments {
                index: 0,
                delta: "{}".to_owned()
            },
            Event::End(End::ToolCalls),
        ]
    );
}

#[test]
fn calls_that_come_only_with_the_required_action_are_told() {
    let action = json!({"required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "[]"}}]}}});
    let events = translate_all([("thread.run.requires_action", run("requires_action", action))]);
    let opened = |index, call_id: &str, name: &str| Event::ToolCall {
        index,
        call_id: call_id.to_owned(),
        name: name.to_owned(),
    };
    let arguments = |index, delta: &str| Event::ToolCallArguments {
        index,
        delta: delta.to_owned(),
    };
    assert_eq!(
        events,
        [
            Event::Started,
            opened(0, "call_1", "f"),
            arguments(0, "{}"),
            opened(1, "call_2", "g"),
            arguments(1, "[]"),
            Event::End(End::ToolCalls),
        ]
    );
}

#[test]
fn every_end_is_told_apart() {
    use FailureKind::{
        AgentFailed, ApprovalRequired, BrokenOff, Cancelled, Expired, RateLimited, Unreadable,
    };
    let incomplete = |reason: &str| {
        let details = json!({"incomplete_details": {"reason": reason}});
        translate_all([("thread.run.incomplete", run("incomplete", details))])
    };
    assert_eq!(
        incomplete("max_completion_tokens"),
        [Event::End(End::Length)]
    );
    assert_eq!(incomplete("max_prompt_tokens"), [Event::End(End::Length)]);
    assert_eq!(
        incomplete("content_filter"),
        [Event::End(End::ContentFilter)]
    );
    assert_eq!(failure(&incomplete("other")).unwrap().kind, AgentFailed);
    let failures = [
        (
            "thread.run.failed",
            json!({"last_error": {"code": "rate_limit_exceeded", "message": "Try again in 60 seconds."}}),
            RateLimited,
        ),
        (
            "thread.run.failed",
            json!({"last_error": null}),
            AgentFailed,
        ),
        ("thread.run.cancelled", json!({}), Cancelled),
        ("thread.run.expired", json!({}), Expired),
        (
            "thread.run.requires_action",
            json!({"required_action": {"type": "submit_tool_approval",
            "submit_tool_approval": {"tool_calls": [{"id": "c", "type": "mcp", "name": "t", "arguments": "{}"}]}}}),
            ApprovalRequired,
        ),
        (
            "thread.run.requires_action",
            json!({"required_action": {"type": "novelty"}}),
            Unreadable,
        ),
    ];
    for (name, more, kind) in failures {
        let events = translate_all([(name, run("x", more))]);
        assert_eq!(failure(&events).unwrap().kind, kind, "{name}");
    }
    assert_eq!(
        failure(&translate_all([("error", json!({"code": "server_error"}))]))
            .unwrap()
            .kind,
        AgentFailed
    );
    assert_eq!(
        failure(&translate_all([(
            "error",
            json!({"error": {"code": "rate_limit_exceeded"}})
        )]))
        .unwrap()
        .kind,
        RateLimited
    );
    assert_eq!(
        failure(&translate_all([("done", json!("[DONE]"))]))
            .unwrap()
            .kind,
        BrokenOff
    );
    assert_eq!(
        failure(&translate_all([("thread.message.delta", json!(7))]))
            .unwrap()
            .kind,
        Unreadable
    );
}

#[test]
fn messages_are_set_apart_and_citations_count_from_the_start() {
    let delta = |text: &str, annotations: Value| json!({"delta": {"content": [{"index": 0, "type": "text", "text": {"value": text, "annotations": annotations}}]}});
    let cited = json!([{"type": "url_citation", "start_index": 0, "end_index": 1, "url_citation": {"url": "https://x", "title": "T"}}]);
    let whole = json!({"content": [{"type": "text", "text": {"value": "π", "annotations": []}}]});
    let events = translate_all([
        ("thread.message.delta", delta("π", json!([]))),
        ("thread.message.completed", whole),
        ("thread.message.delta", delta("b", Value::Null)),
        (
            "thread.message.completed",
            json!({"content": [{"type": "text", "text": {"value": "b", "annotations": cited}}]}),
        ),
    ]);
    let text = |text: &str| Event::Text(text.to_owned());
    let citation = Citation {
        start: 3,
        end: 4,
        source: Source::Url {
            url: "https://x".to_owned(),
            title: "T".to_owned(),
        },
    };
    assert_eq!(
        events,
        [
            Event::Started,
            text("π"),
            text("\n\n"),
            text("b"),
            Event::Citation(citation)
        ]
    );
}

#[test]
fn a_message_without_deltas_and_unknown_things_are_understood() {
    let events = translate_all([
        ("thread.run.novelty", json!(1)),
        (
            "thread.run.step.delta",
            json!({"delta": {"step_details": {"type": "activities", "activities": []}}}),
        ),
        (
            "thread.message.delta",
            json!({"delta": {"content": [{"type": "image_file", "image_file": {"file_id": "f"}}]}}),
        ),
        (
            "thread.message.completed",
            json!({"content": [{"type": "text", "text": {"value": "whole", "annotations": []}}]}),
        ),
    ]);
    let image = Event::File(MadeFile {
        file: UpstreamFile::Agents("f".to_owned()),
        name: "f.png".to_owned(),
        is_image: true,
        content: None,
    });
    assert_eq!(
        events,
        [Event::Started, image, Event::Text("whole".to_owned())]
    );
}

#[test]
fn a_run_that_failed_does_not_end_well_because_of_the_name_of_its_event() {
    for status in ["failed", "cancelled", "expired", "incomplete"] {
        for name in ["thread.run.completed", "thread.run.requires_action"] {
            let action = json!({"required_action": {"type": "submit_tool_outputs",
                "submit_tool_outputs": {"tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}});
            let events = translate_all([(name, run(status, action))]);
            let kind = failure(&events).map(|failure| failure.kind);
            assert_eq!(kind, Some(FailureKind::Unreadable), "{name} {status}");
        }
    }
}

#[test]
fn a_run_that_waits_for_no_function_call_does_not_ask_for_results() {
    let other = json!({"id": "c", "type": "custom"});
    for awaited in [json!([]), json!([other])] {
        let action = json!({"required_action": {"type": "submit_tool_outputs",
            "submit_tool_outputs": {"tool_calls": awaited}}});
        let events =
            translate_all([("thread.run.requires_action", run("requires_action", action))]);
        let kind = failure(&events).map(|failure| failure.kind);
        assert_eq!(kind, Some(FailureKind::Unreadable), "{awaited}");
    }
}

#[test]
fn numbers_without_measure_stop_nothing() {
    let call = json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}});
    let far = json!({"index": usize::MAX, "type": "function", "function": {"arguments": "x"}});
    let step = |call: &Value| json!({"delta": {"step_details": {"tool_calls": [call]}}});
    let annotation = json!({"text": "x", "start_index": usize::MAX, "end_index": usize::MAX,
        "url_citation": {"url": "https://e.example"}});
    let text = |value: &str, annotations: Value| json!({"delta": {"content": [{"type": "text", "text": {"value": value, "annotations": annotations}}]}});
    let events = translate_all([
        ("thread.message.delta", text("a", json!([]))),
        ("thread.message.completed", json!({"content": []})),
        ("thread.message.delta", text("b", json!([annotation]))),
        ("thread.run.step.delta", step(&call)),
        ("thread.run.step.created", json!({})),
        ("thread.run.step.delta", step(&far)),
    ]);
    assert_eq!(failure(&events), None);
    let cited = events
        .iter()
        .any(|event| matches!(event, Event::Citation(_)));
    assert!(cited, "{events:?}");
}
