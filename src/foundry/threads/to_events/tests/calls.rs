//! Calls of functions and requests for approvals.

use super::*;

/// A delta of a step with a call of a function.
fn calling(index: usize, id: &str, arguments: &str) -> (&'static str, Value) {
    let function = json!({"name": "f", "arguments": arguments});
    let call = json!({"index": index, "id": id, "type": "function", "function": function});
    let details = json!({"type": "tool_calls", "tool_calls": [call]});
    (
        "thread.run.step.delta",
        json!({"delta": {"step_details": details}}),
    )
}

fn opened(index: usize, call_id: &str) -> Event {
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
fn calls_of_a_later_step_come_after_those_of_the_earlier_one() {
    let step = || ("thread.run.step.created", json!({"id": "step_1"}));
    let pending = json!([
        {"id": "call_b", "type": "function", "function": {"name": "f", "arguments": "[]"}},
        {"id": "call_c", "type": "function", "function": {"name": "f", "arguments": "7"}}]);
    let action = json!({"required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": pending}}});
    let events = translate_all([
        step(),
        calling(0, "call_a", "{"),
        calling(0, "", "}"),
        step(),
        calling(0, "call_b", "[]"),
        ("thread.run.requires_action", run("requires_action", action)),
    ]);
    assert_eq!(
        events,
        [
            Event::Started,
            opened(0, "call_a"),
            arguments(0, "{"),
            arguments(0, "}"),
            opened(1, "call_b"),
            arguments(1, "[]"),
            opened(2, "call_c"),
            arguments(2, "7"),
            Event::End(End::ToolCalls),
        ]
    );
}

#[test]
fn arguments_of_a_call_that_nobody_opened_are_dropped() {
    let events = translate_all([
        calling(0, "", "{}"),
        calling(0, "call_a", "1"),
        calling(1, "", "2"),
    ]);
    assert_eq!(
        events,
        [Event::Started, opened(0, "call_a"), arguments(0, "1")]
    );
}

#[test]
fn the_client_is_asked_about_all_approvals_or_about_none() {
    use crate::config::approvals::Unlisted;

    let asked = |servers: &[&str], otherwise| {
        let policy = ApprovalPolicy {
            approve: vec!["docs".to_owned()],
            otherwise: Some(otherwise),
        };
        let calls = servers.iter().map(|server| {
            json!({"id": format!("of {server}"), "type": "mcp", "name": "t", "arguments": "{}", "server_label": server})
        });
        let action = json!({"required_action": {"type": "submit_tool_approval",
            "submit_tool_approval": {"tool_calls": calls.collect::<Vec<_>>()}}});
        let mut events = VecDeque::new();
        ThreadsTranslator::new(policy)
            .translate(
                "thread.run.requires_action",
                &run("requires_action", action).to_string(),
                &mut events,
            )
            .unwrap();
        Vec::from(events)
    };
    let decided = |events: &[Event]| match events {
        [Event::Started, Event::Decided(decisions)] => decisions
            .iter()
            .map(|decision| (decision.request.label(), decision.approve))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        decided(&asked(&["docs", "shop"], Unlisted::Refuse)),
        [("docs/t".to_owned(), true), ("shop/t".to_owned(), false)]
    );
    let surfaced = asked(&["docs", "shop"], Unlisted::Surface);
    let ids: Vec<_> = surfaced
        .iter()
        .filter_map(|event| match event {
            Event::ToolCall { index, call_id, .. } => Some((*index, call_id.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(ids, [(0, "approval_of docs"), (1, "approval_of shop")]);
    assert_eq!(surfaced.last(), Some(&Event::End(End::ToolCalls)));
    let failed = asked(&["docs", "shop"], Unlisted::Fail);
    assert!(
        failure(&failed)
            .unwrap()
            .message
            .contains("approval to call shop/t;")
    );
}
