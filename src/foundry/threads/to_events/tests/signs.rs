//! What events tell beside the text: that the agent works, where it works, and what it cites.

use super::*;

#[test]
fn a_step_or_a_message_is_a_sign_of_work_and_a_run_in_progress_is_none() {
    for name in [
        "thread.message.created",
        "thread.message.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
    ] {
        assert_eq!(
            translate_all([(name, json!({}))]),
            [Event::Started],
            "{name}"
        );
    }
    for name in ["thread.run.queued", "thread.run.in_progress"] {
        assert_eq!(translate_all([(name, run("x", json!({})))]), [], "{name}");
    }
}

#[test]
fn thread_and_run_are_known_from_the_events_or_from_the_run_that_is_read_on() {
    let mut translator = ThreadsTranslator::default();
    let created = json!({"id": "thread_1"}).to_string();
    translator
        .translate("thread.created", &created, &mut VecDeque::new())
        .unwrap();
    let ids = translator.upstream_ids();
    assert_eq!(ids.thread_id.as_deref(), Some("thread_1"));
    assert_eq!(ids.run_id, None);
    translator.reads_on_in(&WaitingRun {
        thread_id: "thread_2".to_owned(),
        run_id: "run_2".to_owned(),
    });
    let ids = translator.upstream_ids();
    assert_eq!(ids.thread_id.as_deref(), Some("thread_2"));
    assert_eq!(ids.run_id.as_deref(), Some("run_2"));
}

#[test]
fn an_annotation_is_told_once_and_counts_from_the_start_of_its_message() {
    let url = |url: &str| json!({"type": "url_citation", "start_index": 1, "end_index": 2, "url_citation": {"url": url, "title": ""}});
    let content = |text: &str, annotations: Value| json!([{"type": "text", "text": {"value": text, "annotations": annotations}}]);
    let delta = |text: &str, annotations: Value| {
        let content = content(text, annotations);
        (
            "thread.message.delta",
            json!({"delta": {"content": content}}),
        )
    };
    let completed = |text: &str, annotations: Value| {
        (
            "thread.message.completed",
            json!({"content": content(text, annotations)}),
        )
    };
    let events = translate_all([
        delta("ab", json!([])),
        completed("ab", json!([])),
        delta("cd", json!([url("https://x")])),
        completed("cd", json!([url("https://x"), url("https://y")])),
    ]);
    let places: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Citation(Citation {
                start,
                end,
                source: Source::Url { url, .. },
            }) => Some((*start, *end, url.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(places, [(5, 6, "https://x"), (5, 6, "https://y")]);
}

#[test]
fn an_unfinished_answer_says_why_in_the_log() {
    let details = json!({"incomplete_details": {"reason": "out of luck"}});
    let events = translate_all([("thread.run.incomplete", run("incomplete", details))]);
    let failure = failure(&events).unwrap();
    assert_eq!(failure.message, "the agent did not finish its answer");
    assert_eq!(failure.detail.as_deref(), Some("incomplete: out of luck"));
}
