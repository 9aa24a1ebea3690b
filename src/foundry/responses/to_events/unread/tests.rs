use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    agent::{End, Translator},
    config::approvals::ApprovalPolicy,
    sse::Decoder,
};

const RECORDED: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/recordings/new/prompt_agent_stream.preview.sse"
));

/// What a client is told that is not streamed to.
fn read(events: &[(&str, Value)]) -> Vec<Event> {
    let mut translator = ResponsesTranslator::new(ApprovalPolicy::default(), None, false);
    let mut told = VecDeque::new();
    for (name, data) in events {
        translator
            .translate(name, &data.to_string(), &mut told)
            .unwrap();
    }
    told.into()
}

fn said(texts: &[&str]) -> Vec<Event> {
    let texts = texts.iter().map(|text| Event::Text((*text).to_owned()));
    [Event::Started].into_iter().chain(texts).collect()
}

fn delta(part: u64, delta: &str) -> (&'static str, Value) {
    (
        "response.output_text.delta",
        json!({"output_index": 0, "content_index": part, "delta": delta}),
    )
}

fn done(part: u64, text: &str) -> (&'static str, Value) {
    (
        "response.output_text.done",
        json!({"output_index": 0, "content_index": part, "text": text}),
    )
}

fn completed() -> (&'static str, Value) {
    (
        "response.completed",
        json!({"response": {"status": "completed"}}),
    )
}

#[test]
fn the_recorded_answer_is_told_in_two_pieces() {
    let mut translator = ResponsesTranslator::new(ApprovalPolicy::default(), None, false);
    let mut told = VecDeque::new();
    Decoder::new(1 << 20)
        .feed(RECORDED.as_bytes(), |name, data| {
            translator.translate(name, data, &mut told).unwrap();
        })
        .unwrap();
    told.retain(|event| !matches!(event, Event::Usage(_)));
    let mut expected = said(&["The", " capital of France is Paris."]);
    expected.push(Event::End(End::Completed));
    assert_eq!(Vec::from(told), expected);
}

#[test]
fn what_a_closing_event_leaves_out_is_read_from_the_deltas() {
    let deltas = [delta(0, "a"), delta(0, "b"), delta(0, "c")];
    for closing in [done(0, ""), done(0, "a"), done(0, "xyz"), completed()] {
        let mut told = read(&[deltas.as_slice(), &[closing]].concat());
        told.retain(|event| !matches!(event, Event::End(_)));
        assert_eq!(told, said(&["a", "b", "c"]));
    }
}

#[test]
fn an_empty_first_delta_and_an_empty_text_are_no_loss() {
    assert_eq!(
        read(&[delta(0, ""), delta(0, "b"), done(0, "b")]),
        said(&["b"])
    );
    assert_eq!(
        read(&[delta(0, ""), delta(0, "b"), done(0, "")]),
        said(&["b"])
    );
}

#[test]
fn deltas_of_another_part_are_told_once() {
    let events = [
        delta(0, "a"),
        delta(0, "b"),
        delta(1, "c"),
        delta(1, "d"),
        done(1, "cde"),
    ];
    // The part that is closed is not the one that waits, so the deltas are read, and what they told is not told again.
    assert_eq!(read(&events), said(&["a", "b", "c", "d"]));
    let events = [delta(0, "a"), delta(1, "c"), done(0, "ab"), done(1, "cd")];
    assert_eq!(read(&events), said(&["a", "b", "cd"]));
}

#[test]
fn deltas_wait_up_to_their_bound() {
    let long = "x".repeat(1000);
    let count = 2 * MAX_UNREAD_BYTES / long.len();
    let mut events = vec![delta(0, "first"); 1];
    events.extend((0..count).map(|_| delta(0, &long)));
    let mut translator = ResponsesTranslator::new(ApprovalPolicy::default(), None, false);
    let (mut told, mut most) = (VecDeque::new(), 0);
    for (name, data) in &events {
        translator
            .translate(name, &data.to_string(), &mut told)
            .unwrap();
        let unread = translator
            .part
            .as_ref()
            .and_then(|part| part.unread.as_ref());
        most = most.max(unread.map_or(0, |unread| unread.others.len()));
    }
    assert!((MAX_UNREAD_BYTES / 2..=MAX_UNREAD_BYTES).contains(&most));
    // Whatever the closing event says: all of it has been told.
    let (name, data) = done(0, "first and last");
    translator
        .translate(name, &data.to_string(), &mut told)
        .unwrap();
    let told: usize = told
        .iter()
        .map(|event| match event {
            Event::Text(text) => text.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(told, "first".len() + count * long.len());
}

#[test]
fn a_delta_that_cannot_be_read_is_told_where_it_is_read() {
    let read = |broken| {
        let mut translator = ResponsesTranslator::new(ApprovalPolicy::default(), None, false);
        let mut told = VecDeque::new();
        let mut translate = |name, data: &str| translator.translate(name, data, &mut told).is_ok();
        let (name, data) = delta(0, "a");
        assert!(translate(name, &data.to_string()));
        let at_once = translate(name, broken);
        let (name, data) = completed();
        (at_once, translate(name, &data.to_string()))
    };
    assert_eq!(read("{]}"), (true, false));
    let (cut_off, _) = read(r#"{"output_index":0,"content_index":0,"delta":"b"#);
    assert!(!cut_off);
}

proptest! {
    /// However a text is cut, and whichever events close its part, it is told whole.
    #[test]
    fn a_text_is_told_whole(
        pieces in prop::collection::vec("[a-zπ😄\"\\\\\n]{0,5}", 1..20),
        closing in 0..4_u8,
        annotated in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let text = pieces.concat();
        let mut events: Vec<_> = pieces.iter().map(|piece| delta(0, piece)).collect();
        if let Some(at) = annotated {
            let annotation = json!({
                "output_index": 0, "content_index": 0,
                "annotation": {"type": "url_citation", "url": "https://example.com", "start_index": 0, "end_index": 1},
            });
            let at = at.index(events.len() + 1);
            events.insert(at, ("response.output_text.annotation.added", annotation));
        }
        let part = json!({"type": "output_text", "text": text});
        match closing {
            0 => events.push(done(0, &text)),
            1 => events.push((
                "response.content_part.done",
                json!({"output_index": 0, "content_index": 0, "part": part}),
            )),
            2 => events.push((
                "response.output_item.done",
                json!({"output_index": 0, "item": {"type": "message", "content": [part]}}),
            )),
            _ => {}
        }
        events.push(completed());
        let told: String = read(&events)
            .into_iter()
            .filter_map(|event| match event {
                Event::Text(text) => Some(text),
                _ => None,
            })
            .collect();
        prop_assert_eq!(told, text);
    }
}
