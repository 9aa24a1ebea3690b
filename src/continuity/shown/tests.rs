use super::*;
use crate::{
    agent::{Message, UserPart},
    continuity::digest::Chain,
    hash::MacKey,
};

fn key(partition: &str, row: &str) -> Key {
    Key {
        partition: partition.to_owned(),
        row: row.to_owned(),
    }
}

fn row(upstream: Upstream, history: Option<Key>) -> Row {
    Row {
        upstream,
        agent: "helper:3".to_owned(),
        scope: "ab".to_owned(),
        instructions_digest: String::new(),
        thread_id: "thread_1".to_owned(),
        history,
        session: None,
        began_at: 1,
        expires_at: u64::MAX,
    }
}

fn response() -> Upstream {
    Upstream::Response {
        id: "resp_1".to_owned(),
    }
}

fn turn(messages: &[Message]) -> Turn {
    Turn {
        messages: messages.to_vec(),
        ..Turn::default()
    }
}

fn user(text: &str) -> Message {
    Message::User {
        parts: vec![UserPart::Text(text.to_owned())],
    }
}

fn assistant(text: &str) -> Message {
    Message::Assistant {
        text: Some(text.to_owned()),
        tool_calls: Vec::new(),
    }
}

#[test]
fn what_is_shown_is_compared_with_what_led_to_the_newest_head() {
    let newest = key("p", "newest");
    let by_name = row(response(), Some(newest.clone()));
    let by_row = row(
        Upstream::Row {
            key: newest.clone(),
        },
        None,
    );
    for row in [&by_name, &by_row] {
        assert_eq!(compare(row, Some(&newest)), Shown::Whole);
        assert_eq!(compare(row, Some(&key("p", "older"))), Shown::Elsewhere);
        assert_eq!(compare(row, Some(&key("q", "newest"))), Shown::Unknown);
        assert_eq!(compare(row, None), Shown::Unknown);
    }
    // Where the row tells both, the history counts.
    let both = row(Upstream::Row { key: key("p", "x") }, Some(newest.clone()));
    assert_eq!(compare(&both, Some(&newest)), Shown::Whole);
    assert_eq!(
        compare(&row(response(), None), Some(&newest)),
        Shown::Unknown
    );
}

#[test]
fn a_turn_without_an_answer_goes_on_from_the_newest_head() {
    let scope = ScopeKey::new(&MacKey::new(b"secret"), "alice", "helper", "");
    let before = [user("one"), assistant("two")];
    let next = user("three");
    let chain = Chain::of(&turn(&before), &scope).unwrap();
    let named = row(response(), Some(scope.key(chain.root, chain.all)));

    let whole = [before.as_slice(), std::slice::from_ref(&next)].concat();
    let whole = Chain::of(&turn(&whole), &scope).unwrap();
    assert_eq!(
        chain_after(&named, &turn(std::slice::from_ref(&next)), &scope),
        Some((whole.root, whole.all))
    );
    // One that shows an answer has a history of its own.
    let shows = turn(&[assistant("two"), next.clone()]);
    assert_eq!(chain_after(&named, &shows, &scope), None);
    // Nobody knows what led to these.
    let next = turn(&[next]);
    assert_eq!(chain_after(&row(response(), None), &next, &scope), None);
    let foreign = row(response(), Some(key("p", "r")));
    assert_eq!(chain_after(&foreign, &next, &scope), None);
}
