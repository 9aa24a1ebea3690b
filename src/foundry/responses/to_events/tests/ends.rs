//! What ends an answer, or lets it go on.

use super::*;
use crate::agent::approval::APPROVAL_TOOL;

#[test]
fn what_the_agent_cannot_be_asked_for_ends_the_answer_by_its_name() {
    let events = translate_all([done(0, json!({"type": "computer_call"}))]);
    assert_eq!(kind_of_end(&events), Some(FailureKind::AgentMisconfigured));
    let events = translate_all([done(0, json!({"type": "novelty"}))]);
    assert_eq!(
        events,
        [Event::Started, Event::Unknown("novelty".to_owned())]
    );
    let events = translate_all([done(0, json!({"type": "web_search_call"}))]);
    assert_eq!(events, [Event::Started]);
}

#[test]
fn an_unfinished_answer_says_why_in_the_log() {
    let details = json!({"status": "incomplete", "incomplete_details": {"reason": "out of luck"}});
    let events = translate_all([("response.incomplete", json!({"response": details}))]);
    let Some(Event::End(End::Failed(failure))) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(failure.message, "the agent did not finish its answer");
    assert_eq!(failure.detail.as_deref(), Some("incomplete: out of luck"));
}

#[test]
fn what_several_responses_cost_is_added_up() {
    let usage = json!({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 9});
    let end = || completed(json!({"status": "completed", "usage": usage}));
    let events = translate_all([delta(0, 0, "a"), end(), end()]);
    let usages: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Usage(usage) => Some(*usage),
            _ => None,
        })
        .collect();
    let once = event::Usage {
        input: 5,
        cached_input: 1,
        output: 4,
        reasoning_output: 2,
        total: 9,
    };
    let mut twice = once;
    twice += once;
    assert_eq!(twice.total, 18);
    assert_eq!(usages, [once, twice]);
}

#[test]
fn the_client_is_asked_about_all_approvals_or_about_none() {
    use crate::config::approvals::Unlisted;

    let asked = |servers: &[&str], otherwise, status: &str| {
        let policy = ApprovalPolicy {
            approve: vec!["docs".to_owned()],
            otherwise: Some(otherwise),
        };
        let mut translator = ResponsesTranslator::new(policy, None, true);
        let mut events = VecDeque::new();
        let requests = servers.iter().map(|server| {
            json!({"type": "mcp_approval_request", "id": format!("of {server}"), "name": "t",
                "arguments": "{}", "server_label": server})
        });
        let items = (0..).zip(requests).map(|(index, item)| done(index, item));
        let end = (
            "response.completed",
            json!({"response": {"status": status}}),
        );
        for (name, data) in items.chain([end]) {
            translator
                .translate(name, &data.to_string(), &mut events)
                .unwrap();
        }
        Vec::from(events)
    };
    let refused = asked(&["docs", "shop"], Unlisted::Refuse, "completed");
    let [Event::Decided(decisions)] = refused.as_slice() else {
        panic!("{refused:?}");
    };
    let decisions: Vec<_> = decisions
        .iter()
        .map(|decision| (decision.request.label(), decision.approve))
        .collect();
    assert_eq!(
        decisions,
        [("docs/t".to_owned(), true), ("shop/t".to_owned(), false)]
    );
    let surfaced = asked(&["docs", "shop", "mail"], Unlisted::Surface, "completed");
    let calls: Vec<_> = surfaced
        .iter()
        .filter_map(|event| match event {
            Event::ToolCall {
                index,
                call_id,
                name,
            } => Some((*index, call_id.as_str(), name.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            (0, "approval_of shop", APPROVAL_TOOL),
            (1, "approval_of mail", APPROVAL_TOOL),
            (2, "approval_of docs", APPROVAL_TOOL)
        ]
    );
    let arguments: Vec<_> = surfaced
        .iter()
        .filter_map(|event| match event {
            Event::ToolCallArguments { index, .. } => Some(*index),
            _ => None,
        })
        .collect();
    assert_eq!(arguments, [0, 1, 2]);
    assert_eq!(surfaced.last(), Some(&Event::End(End::ToolCalls)));
    let cut = asked(&["docs"], Unlisted::Refuse, "failed");
    assert_eq!(kind_of_end(&cut), Some(FailureKind::AgentFailed));
}
