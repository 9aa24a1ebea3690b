//! Events that no service should send.

use super::*;

#[test]
fn a_response_that_failed_does_not_end_well_because_its_status_says_so() {
    for name in [
        "response.failed",
        "response.cancelled",
        "response.incomplete",
    ] {
        let events = translate_all([(name, json!({"response": {"status": "completed"}}))]);
        assert_eq!(
            kind_of_end(&events),
            Some(FailureKind::Unreadable),
            "{name}"
        );
    }
}

#[test]
fn an_item_that_ends_the_answer_is_the_last_one_also_where_only_the_end_tells_it() {
    let consent = json!({"type": "oauth_consent_request", "consent_link": "https://c.example"});
    let message = json!({"type": "message", "content": [{"type": "output_text", "text": "hi"}]});
    let events = translate_all([completed(
        json!({"status": "completed", "output": [consent, message]}),
    )]);
    assert_eq!(kind_of_end(&events), Some(FailureKind::ConsentRequired));
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn numbers_without_measure_end_at_the_largest_there_is() {
    let annotation = json!({
        "type": "url_citation", "url": "https://e.example",
        "start_index": usize::MAX, "end_index": usize::MAX,
    });
    let usage = json!({"input_tokens": u64::MAX, "output_tokens": 1, "total_tokens": u64::MAX});
    let delta = json!({"output_index": 0, "content_index": 0, "delta": "a"});
    let other = json!({"output_index": 1, "content_index": 0, "delta": "b"});
    let added = json!({"output_index": 1, "content_index": 0, "annotation": annotation});
    let whole = json!({"status": "completed", "usage": usage});
    let events = translate_all([
        ("response.output_text.delta", delta),
        ("response.output_text.delta", other),
        ("response.output_text.annotation.added", added),
        completed(whole),
    ]);
    let cited = events.iter().find_map(|event| match event {
        Event::Citation(citation) => Some(citation.end),
        _ => None,
    });
    assert_eq!(cited, Some(usize::MAX));
    let mut twice = event::Usage {
        total: u64::MAX,
        ..event::Usage::default()
    };
    twice += twice;
    assert_eq!(twice.total, u64::MAX);
}
