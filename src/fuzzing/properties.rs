//! What holds for inputs that are well-formed, as proptest makes them up: the targets' functions, fed with meaning.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{TARGETS, chat_request, jwt::identify_signed, responses_events, threads_events};
use crate::{
    agent::{Usage, approval::ApprovalRequest, turn::WaitingRun},
    continuity::store::{Key, Row, Upstream, table::fuzzing as table},
    identity::entra::token::TokenProblem,
};

/// Texts with what means something somewhere: quotes, line ends, markers, separators of rows.
fn text() -> impl Strategy<Value = String> {
    "[a-c 0-9π😄\"\\\\\n\r\u{3010}\u{3011}\u{2020}/,%:.]{0,12}"
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..20_u64,
        Just(u64::MAX),
        Just(i64::MAX as u64),
        any::<u64>()
    ]
}

fn message() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(|text| json!({"role": "user", "content": text})),
        text().prop_map(|text| json!({"role": "system", "content": text})),
        text().prop_map(|text| json!({"role": "assistant", "content": text})),
        prop::collection::vec(text(), 1..3).prop_map(|texts| {
            let part = |text: &String| json!({"type": "text", "text": text});
            json!({"role": "user", "content": texts.iter().map(part).collect::<Vec<_>>()})
        }),
        (text(), text()).prop_map(|(id, arguments)| {
            let function = json!({"name": "f", "arguments": arguments});
            json!({"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": function}]})
        }),
        (text(), text())
            .prop_map(|(id, output)| json!({"role": "tool", "tool_call_id": id, "content": output})),
    ]
}

fn stream_of(events: &[(&str, Value)]) -> Vec<u8> {
    let event = |(name, data): &(&str, Value)| format!("event: {name}\ndata: {data}\n\n");
    events.iter().map(event).collect::<String>().into_bytes()
}

fn response_event() -> impl Strategy<Value = (&'static str, Value)> {
    let indices = || (0..3_u64, 0..3_u64);
    prop_oneof![
        (indices(), text()).prop_map(|((output_index, content_index), delta)| (
            "response.output_text.delta",
            json!({"output_index": output_index, "content_index": content_index, "delta": delta})
        )),
        (indices(), text()).prop_map(|((output_index, content_index), text)| (
            "response.output_text.done",
            json!({"output_index": output_index, "content_index": content_index, "text": text})
        )),
        (indices(), number(), number()).prop_map(|((output_index, content_index), start, end)| (
            "response.output_text.annotation.added",
            json!({"output_index": output_index, "content_index": content_index, "annotation":
                {"type": "url_citation", "url": "https://e.example", "start_index": start, "end_index": end}})
        )),
        (0..3_u64, text()).prop_map(|(index, arguments)| (
            "response.output_item.done",
            json!({"output_index": index, "item":
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}})
        )),
        (0..3_u64, text()).prop_map(|(index, id)| (
            "response.output_item.done",
            json!({"output_index": index, "item": {"type": "mcp_approval_request", "id": id,
                "server_label": "docs", "name": "search", "arguments": "{}"}})
        )),
        (ending(), number(), number()).prop_map(|((name, status), input, total)| (
            name,
            json!({"response": {"status": status, "usage":
                {"input_tokens": input, "output_tokens": 1, "total_tokens": total}}})
        )),
    ]
}

fn ending() -> impl Strategy<Value = (&'static str, &'static str)> {
    const NAMES: &[&str] = &[
        "response.completed",
        "response.failed",
        "response.incomplete",
    ];
    const STATUSES: &[&str] = &["completed", "completed", "failed", "incomplete", "queued"];
    (prop::sample::select(NAMES), prop::sample::select(STATUSES))
}

fn thread_event() -> impl Strategy<Value = (&'static str, Value)> {
    let run = |status: &str| json!({"id": "run_1", "thread_id": "thread_1", "status": status});
    prop_oneof![
        (text(), number()).prop_map(|(value, start)| (
            "thread.message.delta",
            json!({"delta": {"content": [{"type": "text", "text": {"value": value, "annotations": [
                {"text": "x", "start_index": start, "end_index": start, "url_citation": {"url": "u"}}]}}]}})
        )),
        text().prop_map(|value| (
            "thread.message.completed",
            json!({"content": [{"type": "text", "text": {"value": value}}]})
        )),
        Just(("thread.run.step.created", json!({}))),
        (number(), text(), text()).prop_map(|(index, id, arguments)| (
            "thread.run.step.delta",
            json!({"delta": {"step_details": {"tool_calls": [{"index": index, "id": id, "type": "function",
                "function": {"name": "f", "arguments": arguments}}]}}})
        )),
        text().prop_map(move |id| {
            let calls = json!([{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
            let mut run = run("requires_action");
            run["required_action"] = json!({"submit_tool_outputs": {"tool_calls": calls}});
            ("thread.run.requires_action", run)
        }),
        prop::sample::select(&["completed", "failed", "expired"][..])
            .prop_map(move |status| ("thread.run.completed", run(status))),
        Just(("done", json!("[DONE]"))),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let upstream = prop_oneof![
        text().prop_map(|id| Upstream::Response { id }),
        text().prop_map(|id| Upstream::Thread { id }),
        (text(), text(), prop::collection::vec(text(), 1..4)).prop_map(
            |(thread_id, run_id, calls)| {
                let run = WaitingRun { thread_id, run_id };
                Upstream::Run { run, calls }
            }
        ),
        ("[0-9a-f]{1,64}", "[0-9a-f]{1,64}").prop_map(|(partition, row)| Upstream::Row {
            key: Key { partition, row }
        }),
    ];
    (
        upstream,
        text(),
        text(),
        prop::option::of(text()),
        0..i64::MAX as u64,
        0..i64::MAX as u64,
    )
        .prop_map(
            |(upstream, agent, thread_id, session, began_at, expires_at)| Row {
                upstream,
                agent,
                scope: "ab12".to_owned(),
                instructions_digest: String::new(),
                thread_id,
                history: None,
                session,
                began_at,
                expires_at,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn messages_keep_their_order_and_texts_on_the_way_to_both_dialects(
        messages in prop::collection::vec(message(), 1..6),
        limit in prop::option::of(number()),
        unknown in "[a-z_]{1,8}",
    ) {
        let mut body = json!({"model": "helper", "messages": messages, "max_tokens": limit});
        body[unknown] = json!(1);
        chat_request(body.to_string().as_bytes());
    }

    #[test]
    fn any_order_of_the_events_of_a_new_agent_keeps_the_properties(
        options in any::<u8>(),
        events in prop::collection::vec(response_event(), 0..8),
    ) {
        responses_events(&[vec![options], stream_of(&events)].concat());
    }

    #[test]
    fn any_order_of_the_events_of_a_classic_agent_keeps_the_properties(
        options in any::<u8>(),
        events in prop::collection::vec(thread_event(), 0..8),
    ) {
        threads_events(&[vec![options], stream_of(&events)].concat());
    }

    /// Bytes that are near to a seed, without cargo-fuzz.
    #[test]
    fn seeds_with_a_few_changes_keep_the_properties(
        target in 0..TARGETS.len(),
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let (name, check) = TARGETS[target];
        let seeds = super::tests::seeds(name);
        let mut input = seeds[seed.index(seeds.len())].clone();
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        if is_cut {
            input.truncate(cut.index(input.len()));
        }
        check(&input);
    }

    #[test]
    fn any_row_is_read_as_it_was_written(row in row()) {
        let key = Key { partition: "ab".to_owned(), row: "cd".to_owned() };
        for written in table::write(&key, &row) {
            prop_assert_eq!(table::read(written.as_bytes()).unwrap().unwrap(), row.clone());
        }
    }

    #[test]
    fn usage_sums_up_in_any_order(parts in prop::collection::vec((number(), number()), 0..6)) {
        let sum = |parts: &mut dyn Iterator<Item = &(u64, u64)>| {
            let mut sum = Usage::default();
            for (input, total) in parts {
                sum += Usage { input: *input, total: *total, ..Usage::default() };
            }
            sum
        };
        let (forwards, backwards) = (sum(&mut parts.iter()), sum(&mut parts.iter().rev()));
        prop_assert_eq!(forwards, backwards);
        let exact: u128 = parts.iter().map(|(_, total)| u128::from(*total)).sum();
        prop_assert_eq!(u128::from(forwards.total), exact.min(u128::from(u64::MAX)));
    }

    #[test]
    fn any_request_for_an_approval_survives_the_way_through_the_history(
        id in text(), server_label in text(), tool in text(), arguments in text(),
    ) {
        let request = ApprovalRequest { id, server_label, tool, arguments };
        prop_assert_eq!(ApprovalRequest::of_call(&request.to_call()), Some(request));
    }
}

/// That the target of tokens refuses forgeries says nothing if it refuses everything.
#[test]
fn the_tenants_own_tokens_are_taken_and_each_claim_counts() {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": "tenant"});
    let seed = super::tests::seed("jwt", "user");
    let text = String::from_utf8(seed).unwrap();
    let claims: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert!(identify_signed(&header, &claims).unwrap().is_user);
    let rows = [
        ("exp", json!(1), TokenProblem::Expired),
        ("nbf", json!(4_102_444_800_u64), TokenProblem::NotYetValid),
        ("aud", json!("api://other"), TokenProblem::Audience),
        ("aud", json!(["api://gateway"]), TokenProblem::Claims),
        (
            "iss",
            json!("https://sts.windows.net/other/"),
            TokenProblem::Issuer,
        ),
        ("tid", json!("other"), TokenProblem::Issuer),
        ("tid", Value::Null, TokenProblem::Claims),
        ("appid", Value::Null, TokenProblem::Claims),
        ("oid", Value::Null, TokenProblem::Claims),
        ("scp", Value::Null, TokenProblem::NoPermission),
        ("idtyp", json!("app"), TokenProblem::Claims),
    ];
    for (claim, value, problem) in rows {
        let mut changed = claims.clone();
        changed[claim] = value;
        assert_eq!(identify_signed(&header, &changed), Err(problem), "{claim}");
    }
}
