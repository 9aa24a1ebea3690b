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

/// The digests were computed apart from this code. Others would forget every conversation that is stored, and let
/// instances of two versions not find each other's.
#[test]
fn rows_are_where_earlier_versions_put_them() {
    let at = |partition: &str, row: &str| Key {
        partition: partition.to_owned(),
        row: row.to_owned(),
    };
    let chain = chain(vec![asked(&["hi"]), said("hello")]);
    assert_eq!(
        scope().key(chain.root, chain.all),
        at(
            "576764a865b8410d2256c3661099448994f13c68f6619e780a766f97eef61909",
            "ec4ca1fb3d09df2cb6c5a69bf8c865c7362f43031553bf0c193e0a4eefd2e703"
        )
    );
    assert_eq!(
        scope().id_key("thread_1"),
        at(
            "b206539863287c0ae5baf77dfa6465a5cb49cb858cb80d866108b72db6fcf211",
            "d01fa3aba686efe100aa1e47339c84ad287887c64051345e3bac301775885c90"
        )
    );
    assert_eq!(
        scope().call_key("call_1"),
        at(
            "02aee63304f5f7bf9031ab8ae2ae4c9bcac4edf8c175192431996114e052f78b",
            "392518f8a5a73073c5cd446d1b54da809784eea08a7d56c17026e010ef88b7ac"
        )
    );
    assert_eq!(
        scope().public(),
        "395754a1583c23534ab1bc0ab07e7e50ca21778a4b23f704926a031d0fad1af0"
    );
}

#[test]
fn the_links_of_a_row_are_read_from_its_key_and_from_no_other() {
    let chain = chain(vec![asked(&["hi"]), said("hello")]);
    let key = scope().key(chain.root, chain.all);
    assert_eq!(links_of(&key), Some((chain.root, chain.all)));
    let digits = key.row.as_str();
    for row in ["", &digits[..62], &format!("{digits}00"), &"z".repeat(64)] {
        let row = row.to_owned();
        assert_eq!(links_of(&Key { row, ..key.clone() }), None);
    }
}
