//! Upstream events of both dialects, all the way to the client.

use super::{
    events_to_client,
    events_upstream::{Reading, check_translator, end_of, read_answer},
};
use crate::{
    agent::{End, Event, Translator},
    config::approvals::{ApprovalPolicy, Unlisted},
    foundry::fuzzing,
    sse::Decoder,
};

/// A comment that stands between the bodies of an answer that goes on after approvals.
const NEXT_BODY: &[u8] = b":next body\n";

/// Input: a byte of options, and the event stream of a new agent; `:next body` stands between two responses.
///
/// - At most one end, and nothing after it; the start at most once; calls numbered in order; usage never shrinks.
/// - However the bytes are cut, the answer is the same; for a client that is streamed to, and for one that is not.
/// - A good end only where the service has told one, and results are asked for only with a call.
/// - In chunks and as a whole, the client is told the same; a failure has no finish reason and no `[DONE]`.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn responses_events(input: &[u8]) {
    // A bit that also has a say in the pieces.
    let streamed = input.first().is_some_and(|options| options & 32 == 0);
    let translator = |policy| fuzzing::responses::translator(policy, streamed);
    check(input, translator, "response.");
}

/// The same for a classic agent.
///
/// # Panics
///
/// Where a property does not hold.
pub fn threads_events(input: &[u8]) {
    check(input, fuzzing::threads::translator, "thread.run.");
}

fn check(
    input: &[u8],
    translator: impl Fn(ApprovalPolicy) -> Box<dyn Translator>,
    ends_begin_with: &str,
) {
    let Some((&options, stream)) = input.split_first() else {
        return;
    };
    let policy = || ApprovalPolicy {
        approve: if options & 4 == 0 {
            Vec::new()
        } else {
            vec!["docs".to_owned()]
        },
        otherwise: match options & 3 {
            0 => None,
            1 => Some(Unlisted::Fail),
            2 => Some(Unlisted::Refuse),
            _ => Some(Unlisted::Surface),
        },
    };
    let bodies = bodies(stream);
    // A classic run counts all that it cost by itself, also after an approval.
    let sums_usage = ends_begin_with == "response.";
    check_translator(translator(policy()), &bodies, sums_usage);
    let read = |piece| {
        let reading = Reading {
            piece,
            strip_markers: options & 8 == 0,
        };
        read_answer(translator(policy()), &bodies, reading)
    };
    let events = read(usize::MAX);
    let piece = 1 + usize::from(options >> 4) * 5;
    assert_eq!(read(piece), events, "in pieces of {piece}");
    let good_end = match end_of(&events) {
        Some(End::Completed) => Some("completed"),
        Some(End::ToolCalls) => Some(""),
        _ => None,
    };
    let is_call = |event: &Event| matches!(event, Event::ToolCall { .. });
    assert!(
        good_end != Some("") || events.iter().any(is_call),
        "results are asked for, and no call: {events:?}"
    );
    if let Some(word) = good_end {
        assert!(
            is_told(&bodies, ends_begin_with, word),
            "a good end that nobody told: {events:?}"
        );
    }
    events_to_client::check(&events, options & 16 == 0);
}

fn bodies(stream: &[u8]) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    let mut rest = stream;
    while let Some(at) = memchr::memmem::find(rest, NEXT_BODY) {
        let (body, after) = rest.split_at(at);
        bodies.push(body);
        rest = after.get(NEXT_BODY.len()..).unwrap_or_default();
    }
    bodies.push(rest);
    bodies
}

/// Whether an event that ends an answer well says so in its name and, if it has a status, in that.
fn is_told(bodies: &[&[u8]], prefix: &str, word: &str) -> bool {
    let mut told = false;
    for body in bodies {
        let _broken_off = Decoder::new(1 << 20).feed(body, |name, data| {
            let rest = name.strip_prefix(prefix);
            let is_good_end = rest.is_some_and(|rest| {
                ["completed", "requires_action"].contains(&rest) && rest.contains(word)
            });
            let data: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
            let ended = data.get("response").unwrap_or(&data);
            let status = ended.get("status").and_then(|status| status.as_str());
            let contradicts = ["failed", "cancelled", "expired", "incomplete"];
            told |= is_good_end && !status.is_some_and(|status| contradicts.contains(&status));
        });
    }
    told
}
