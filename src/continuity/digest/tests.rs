use super::*;

fn scope() -> ScopeKey {
    ScopeKey::new(b"secret", "web", "helper", "")
}

fn said(text: &str) -> Message {
    Message::Assistant {
        text: Some(text.to_owned()),
        tool_calls: Vec::new(),
    }
}

fn asked(parts: &[&str]) -> Message {
    Message::User {
        parts: parts
            .iter()
            .map(|part| UserPart::Text((*part).to_owned()))
            .collect(),
    }
}

fn chain(messages: Vec<Message>) -> Chain {
    Chain::of(
        &Turn {
            messages,
            ..Turn::default()
        },
        &scope(),
    )
    .unwrap()
}

#[test]
fn what_clients_do_to_texts_changes_nothing() {
    let as_answered = "  First line\r\n\n<think>a\nb</think>second【3:0†source】 line ";
    for as_resent in [
        "First line second line",
        "First line\n\nsecond line",
        "First line\r\n\n<think>\na\nb\n</think>second line",
    ] {
        let fingerprints = [as_answered, as_resent].map(|text| scope().after([0; 32], &said(text)));
        assert_eq!(fingerprints[0], fingerprints[1], "{as_resent}");
    }
    let fingerprints =
        [asked(&["a", "b"]), asked(&["a\nb"])].map(|message| scope().after([0; 32], &message));
    assert_eq!(fingerprints[0], fingerprints[1], "text and parts");
}

#[test]
fn calls_are_known_by_their_ids_and_by_what_their_arguments_say() {
    let calling = |call_id: &str, arguments: &str| {
        let call = ToolCall {
            call_id: call_id.to_owned(),
            name: "f".to_owned(),
            arguments: arguments.to_owned(),
        };
        let message = Message::Assistant {
            text: None,
            tool_calls: vec![call],
        };
        scope().after([0; 32], &message)
    };
    let known = calling("a", r#"{"city":"Zürich"}"#);
    assert_eq!(known, calling("a", r#"{ "city": "Z\u00fcrich" }"#));
    assert_ne!(known, calling("b", r#"{"city":"Zürich"}"#));
    assert_ne!(known, calling("a", r#"{"city":"Bern"}"#));
    assert_ne!(calling("a", "{broken"), calling("a", "{broken too"));
}

#[test]
fn an_edit_of_indentation_is_an_edit() {
    let texts = ["if a:\n  b", "if a:\n    b", "if a:\r\n  b\r\n"];
    let links = texts.map(|text| scope().after([0; 32], &asked(&[text])));
    assert_ne!(links[0], links[1]);
    assert_eq!(
        links[0], links[2],
        "line ends and blanks around are the client's"
    );
}

#[test]
fn what_was_said_changes_everything() {
    let messages = [
        said("a"),
        said("b"),
        said("a b"),
        said("ab"),
        asked(&["a"]),
        Message::ToolResult {
            call_id: "a".to_owned(),
            output: String::new(),
        },
        Message::ToolResult {
            call_id: String::new(),
            output: "a".to_owned(),
        },
    ];
    let mut links: Vec<_> = messages
        .iter()
        .map(|message| scope().after([0; 32], message))
        .collect();
    links.sort_unstable();
    links.dedup();
    assert_eq!(links.len(), messages.len());
}

#[test]
fn callers_agents_names_and_secrets_are_apart() {
    let scopes = [
        scope(),
        ScopeKey::new(b"other", "web", "helper", ""),
        ScopeKey::new(b"secret", "app", "helper", ""),
        ScopeKey::new(b"secret", "web", "helper:2", ""),
        ScopeKey::new(b"secret", "web", "helper", "chat"),
        ScopeKey::new(b"secret", "webh", "elper", ""),
    ];
    let mut links: Vec<_> = scopes
        .iter()
        .map(|scope| scope.after([0; 32], &asked(&["hi"])))
        .collect();
    links.sort_unstable();
    links.dedup();
    assert_eq!(links.len(), scopes.len());
}

#[test]
fn instructions_are_no_part_of_the_chain_and_the_last_answer_is_known() {
    let instruction = |text: &str| Message::Instruction {
        text: text.to_owned(),
    };
    let plain = chain(vec![asked(&["a"]), said("b"), asked(&["c"])]);
    let instructed = chain(vec![
        instruction("x"),
        asked(&["a"]),
        said("b"),
        instruction("y"),
        asked(&["c"]),
    ]);
    assert_eq!((plain.root, plain.all), (instructed.root, instructed.all));
    assert_eq!(plain.known.unwrap().0, instructed.known.unwrap().0);
    assert_eq!(
        (plain.known.unwrap().1, instructed.known.unwrap().1),
        (2, 3)
    );
    assert_eq!(chain(vec![asked(&["a"])]).known, None);
    assert!(
        Chain::of(
            &Turn {
                messages: vec![instruction("x")],
                ..Turn::default()
            },
            &scope()
        )
        .is_none()
    );
}

#[test]
fn keys_are_hex_of_at_most_64_characters() {
    let chain = chain(vec![asked(&["a"])]);
    for key in [
        scope().key(chain.root, chain.all),
        scope().id_key("thread_1"),
    ] {
        for part in [key.partition, key.row] {
            assert_eq!(part.len(), 64);
            assert!(part.chars().all(|c| c.is_ascii_hexdigit()));
        }
    }
}

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
    let other = ScopeKey::new(b"secret", "app", "helper", "");
    assert_ne!(public, other.public());
}

#[test]
fn the_row_of_a_waiting_run_is_found_by_the_id_of_its_call() {
    let keys = [
        scope().call_key("call_1"),
        scope().call_key("call_2"),
        ScopeKey::new(b"secret", "app", "helper", "").call_key("call_1"),
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
