mod places;

use proptest::prelude::*;

use super::*;

fn scope() -> ScopeKey {
    ScopeKey::new(&MacKey::new(b"secret"), "web", "helper", "")
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
        ScopeKey::new(&MacKey::new(b"other"), "web", "helper", ""),
        ScopeKey::new(&MacKey::new(b"secret"), "app", "helper", ""),
        ScopeKey::new(&MacKey::new(b"secret"), "web", "helper:2", ""),
        ScopeKey::new(&MacKey::new(b"secret"), "web", "helper", "chat"),
        ScopeKey::new(&MacKey::new(b"secret"), "webh", "elper", ""),
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

fn any_message() -> impl Strategy<Value = Message> {
    let text = "[a-c \n]{0,4}";
    prop_oneof![
        text.prop_map(|text| said(&text)),
        text.prop_map(|text| asked(&[&text])),
        text.prop_map(|text| Message::Instruction { text }),
        (text, text).prop_map(|(call_id, output)| Message::ToolResult { call_id, output }),
    ]
}

proptest! {
    /// What a turn remembers under its last link is what the next turn finds, whatever is said then.
    #[test]
    fn a_history_is_found_again_by_every_turn_that_goes_on_from_it(
        history in prop::collection::vec(any_message(), 0..5),
        next in prop::collection::vec(any_message().prop_filter("no answer", |message| !matches!(message, Message::Assistant { .. })), 0..4),
    ) {
        let answered = [vec![asked(&["hi"])], history, vec![said("answer")]].concat();
        let before = chain(answered.clone());
        let after = chain([answered.clone(), next].concat());
        prop_assert_eq!(after.root, before.root);
        prop_assert_eq!(after.known, Some((before.all, answered.len())));
    }

    #[test]
    fn instructions_change_no_link(
        messages in prop::collection::vec(any_message(), 0..5),
        instruction in "[a-c]{0,4}",
        at in 0_usize..6,
    ) {
        let messages = [vec![asked(&["hi"])], messages].concat();
        let mut instructed = messages.clone();
        instructed.insert(at.min(messages.len()), Message::Instruction { text: instruction });
        prop_assert_eq!(chain(instructed).all, chain(messages).all);
    }

    /// The parts of a scope cannot be shifted against each other.
    #[test]
    fn two_scopes_share_no_key(
        one in prop::array::uniform4("[ab]{0,2}"),
        other in prop::array::uniform4("[ab]{0,2}"),
    ) {
        let place = |[secret, caller, agent, name]: &[String; 4]| {
            let scope = ScopeKey::new(&MacKey::new(secret.as_bytes()), caller, agent, name);
            (scope.public(), scope.id_key("id"), scope.call_key("call"), scope.after([0; 32], &said("hi")))
        };
        let (left, right) = (place(&one), place(&other));
        prop_assert_eq!(one == other, left.0 == right.0);
        prop_assert_eq!(one == other, left.1 == right.1);
        prop_assert_eq!(one == other, left.2 == right.2);
        prop_assert_eq!(one == other, left.3 == right.3);
    }

    /// Texts that differ after what clients change has been settled have links of their own.
    #[test]
    fn other_words_have_another_link(one in "[a-c]{1,6}", other in "[a-c]{1,6}") {
        let link = |text: &str| scope().after([0; 32], &said(text));
        prop_assert_eq!(one == other, link(&one) == link(&other));
        let link = |text: &str| scope().after([0; 32], &asked(&[text]));
        prop_assert_eq!(one == other, link(&one) == link(&other));
    }
}
