//! Where the rows of a scope are, and what else is fingerprinted.

use super::*;

fn instructed(texts: &[&str]) -> String {
    let messages = texts.iter().map(|text| Message::Instruction {
        text: (*text).to_owned(),
    });
    let turn = Turn {
        messages: messages.collect(),
        ..Turn::default()
    };
    scope().instructions(&turn)
}

#[test]
fn other_instructions_have_another_fingerprint_and_none_have_none() {
    assert_eq!(instructed(&[]), "");
    assert_eq!(instructed(&["Rhyme."]), instructed(&["Rhyme."]));
    let texts: [&[&str]; 4] = [&["Rhyme."], &["rhyme."], &["Rhy", "me."], &["Rhyme.", ""]];
    let mut fingerprints = texts.map(instructed);
    assert!(fingerprints.iter().all(|text| text.len() == 64));
    fingerprints.sort_unstable();
    for pair in fingerprints.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

#[test]
fn the_public_part_of_a_scope_tells_callers_apart_and_nothing_else() {
    let public = scope().public();
    assert_eq!(public.len(), 64);
    assert_eq!(public, scope().public());
    let other = ScopeKey::new(&MacKey::new(b"secret"), "app", "helper", "");
    assert_ne!(public, other.public());
}

#[test]
fn the_row_of_a_waiting_run_is_found_by_the_id_of_its_call() {
    let keys = [
        scope().call_key("call_1"),
        scope().call_key("call_2"),
        ScopeKey::new(&MacKey::new(b"secret"), "app", "helper", "").call_key("call_1"),
        scope().id_key("call_1"),
    ];
    assert_eq!(keys[0], scope().call_key("call_1"));
    for other in &keys[1..] {
        assert_ne!(&keys[0], other);
    }
}

#[test]
fn parts_that_are_no_text_are_told_apart_by_what_they_hold() {
    use crate::agent::file::UpstreamFile;

    let image = |url: &str| UserPart::Image {
        url: url.to_owned(),
        detail: None,
    };
    let file = |item: &str| {
        UserPart::File(UpstreamFile::Image {
            response: "resp_1".to_owned(),
            item: item.to_owned(),
        })
    };
    let content = |name: &str, data: &str| UserPart::FileContent {
        name: name.to_owned(),
        data: data.to_owned(),
    };
    let parts = [
        image("https://x/a"),
        image("https://x/b"),
        file("a"),
        file("b"),
        content("a", "AA"),
        content("a", "BB"),
        content("b", "AA"),
        UserPart::Text(String::new()),
    ];
    let mut links = parts.map(|part| scope().after([0; 32], &Message::User { parts: vec![part] }));
    links.sort_unstable();
    for pair in links.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}
