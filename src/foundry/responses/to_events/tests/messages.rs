//! Texts, summaries and images, however their pieces come.

use super::*;

#[test]
fn a_text_that_comes_only_when_it_is_done_is_told() {
    let events = translate_all([
        (
            "response.output_text.done",
            json!({"output_index": 0, "content_index": 0, "text": "whole"}),
        ),
        (
            "response.refusal.done",
            json!({"output_index": 0, "content_index": 1, "refusal": "no"}),
        ),
    ]);
    assert_eq!(
        events,
        [
            Event::Started,
            text("whole"),
            Event::Refusal("no".to_owned())
        ]
    );
}

#[test]
fn messages_are_set_apart_and_parts_of_one_message_are_not() {
    let parts = translate_all([delta(0, 0, "a"), delta(0, 1, "b")]);
    assert_eq!(texts_of(&parts), ["a", "b"]);
    let messages = translate_all([delta(0, 0, "a"), delta(1, 0, "b")]);
    assert_eq!(texts_of(&messages), ["a", "\n\n", "b"]);
    let after_nothing = translate_all([delta(0, 0, ""), delta(1, 0, "b")]);
    assert_eq!(texts_of(&after_nothing), ["b"]);
    let responses = translate_all([
        created("resp_1"),
        delta(0, 0, "a"),
        created("resp_2"),
        delta(0, 0, "b"),
    ]);
    assert_eq!(texts_of(&responses), ["a", "\n\n", "b"]);
}

#[test]
fn a_whole_message_adds_only_what_its_deltas_had_not() {
    let cited =
        json!({"type": "url_citation", "start_index": 0, "end_index": 1, "url": "https://x"});
    let part = |text: &str, annotations: Value| json!({"type": "output_text", "text": text, "annotations": annotations});
    let message = |content: Value| json!({"type": "message", "content": content});
    let two_parts = message(json!([part("a", json!([])), part("b", json!([cited]))]));
    let events = translate_all([delta(0, 0, "a"), delta(0, 1, "b"), done(0, two_parts)]);
    assert_eq!(texts_of(&events), ["a", "b"]);
    assert!(
        matches!(
            events.last(),
            Some(Event::Citation(Citation {
                start: 1,
                end: 2,
                ..
            }))
        ),
        "{events:?}"
    );
    let other = message(json!([part("c", json!([]))]));
    let events = translate_all([delta(0, 1, "b"), done(1, other.clone())]);
    assert_eq!(texts_of(&events), ["b", "\n\n", "c"]);
    let events = translate_all([delta(0, 1, "b"), created("resp_2"), done(0, other)]);
    assert_eq!(texts_of(&events), ["b", "\n\n", "c"]);
}

#[test]
fn summaries_of_reasoning_are_told_once_with_their_parts_apart() {
    let more = |output_index: u64, summary_index: u64, delta: &str| {
        (
            "response.reasoning_summary_text.delta",
            json!({"output_index": output_index, "summary_index": summary_index, "delta": delta}),
        )
    };
    let item = |texts: &[&str]| {
        let parts = texts
            .iter()
            .map(|text| json!({"type": "summary_text", "text": text}));
        json!({"type": "reasoning", "summary": parts.collect::<Vec<_>>()})
    };
    let told = |events: &[Event]| -> String {
        let reasoning = events.iter().filter_map(|event| match event {
            Event::Reasoning(text) => Some(text.as_str()),
            _ => None,
        });
        reasoning.collect()
    };
    let events = translate_all([
        more(0, 0, "so"),
        more(0, 0, " it"),
        more(0, 1, ""),
        more(0, 1, "is"),
        done(0, item(&["so it", "is"])),
        done(1, item(&["and", "", "so"])),
    ]);
    assert_eq!(events.first(), Some(&Event::Started));
    assert_eq!(told(&events), "so it\n\nis\n\nand\n\nso");
    let events = translate_all([
        created("resp_1"),
        more(0, 0, "one"),
        created("resp_2"),
        done(0, item(&["two"])),
    ]);
    assert_eq!(told(&events), "one\n\ntwo");
}

#[test]
fn an_image_is_told_with_the_response_that_holds_it() {
    let item = json!({"type": "image_generation_call", "id": "ig_1", "result": "AAAA"});
    let events = translate_all([created("resp_1"), done(0, item)]);
    let Some(Event::File(file)) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(
        file.file,
        crate::agent::file::UpstreamFile::Image {
            response: "resp_1".to_owned(),
            item: "ig_1".to_owned()
        }
    );
}
