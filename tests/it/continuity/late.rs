//! Turns that could not be remembered at once, and turns that nothing continues.

use std::{sync::Arc, time::Duration};

use foundry_gateway::continuity::store::{
    ConversationStore, Upstream, clock::SystemClock, memory::MemoryStore,
};

use super::*;
use crate::support::{FaultyStore, LateStore, Weather, emulator};

async fn with_faulty_store() -> (Emulator, Gateway, Arc<MemoryStore>, Arc<FaultyStore>) {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let rows = Arc::new(MemoryStore::new(1_000, Arc::new(SystemClock)));
    let store = FaultyStore::around(Arc::clone(&rows) as _);
    let endpoint = emulator.project_endpoint();
    let gateway = Gateway::with_store(&endpoint, &[], Arc::clone(&store) as _).await;
    (emulator, gateway, rows, store)
}

async fn row_count(rows: &MemoryStore) -> usize {
    rows.expired(u64::MAX, None, 100).await.unwrap().rows.len()
}

async fn rows_are(rows: &MemoryStore, expected: usize) {
    while row_count(rows).await != expected {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_the_store_does_not_take_at_once_is_written_later() {
    let (emulator, gateway, rows, store) = with_faulty_store().await;
    store.set(0, Weather::Down);
    let first = answer_of(gateway.ask("assistant", "My name is Ada.").await).await;
    assert_eq!(row_count(&rows).await, 0);
    store.set(0, Weather::Fair);
    tokio::time::timeout(SOON, rows_are(&rows, 2))
        .await
        .unwrap();
    let body = json!({"model": "assistant", "thread_id": first["thread_id"], "messages": [{"role": "user", "content": "What is my name?"}]});
    let answer = answer_of(gateway.chat(body).await).await.to_string();
    assert!(answer.contains("Ada"), "{answer}");
    gateway.stop().await;
    assert_eq!(emulator.journal().count("delete_response"), 0);
}

#[tokio::test]
async fn a_response_that_the_store_never_takes_is_deleted_upstream() {
    let (emulator, gateway, rows, store) = with_faulty_store().await;
    store.set(0, Weather::Down);
    answer_of(gateway.ask("assistant", "hi").await).await;
    // The gateway does not end before it has given up, and cleaned up.
    gateway.stop().await;
    assert_eq!(emulator.journal().count("delete_response"), 1);
    assert_eq!(row_count(&rows).await, 0);
}

/// Its row may have been written and taken by a turn that went on, which the row, written again, would not know.
#[tokio::test]
async fn a_row_that_names_a_thread_is_never_written_later() {
    let (emulator, gateway, rows, store) = with_faulty_store().await;
    store.set(0, Weather::Down);
    let first = answer_of(gateway.ask("asst_assistant", "My name is Ada.").await).await;
    store.set(0, Weather::Fair);
    let history = json!([{"role": "user", "content": "My name is Ada."}, first["choices"][0]["message"], {"role": "user", "content": "What is my name?"}]);
    // The row of the id is written later; the row that it points to is not.
    tokio::time::timeout(SOON, rows_are(&rows, 1))
        .await
        .unwrap();
    let answer = gateway
        .chat(json!({"model": "asst_assistant", "messages": history}))
        .await;
    assert!(
        answer_of(answer).await.to_string().contains("Ada"),
        "replayed"
    );
    gateway.stop().await;
    assert_eq!(emulator.journal().count("create_thread_and_run"), 2);
    assert_eq!(emulator.journal().count("delete_thread"), 0);
    assert_eq!(row_count(&rows).await, 3);
}

#[tokio::test]
async fn a_later_turn_is_not_overwritten_by_an_earlier_one_that_was_late() {
    for agent in ["assistant", "asst_assistant"] {
        let (emulator, gateway, rows, store) = with_faulty_store().await;
        let mut chat = Chat::new(&gateway, agent);
        let first = answer_of(gateway.chat(chat.asking("one")).await).await;
        chat.messages
            .push(json!({"role": "user", "content": "one"}));
        chat.messages.push(first["choices"][0]["message"].clone());
        let id = &first["thread_id"];
        store.set(0, Weather::Down);
        let mut late = chat.asking("My name is Bob.");
        late["thread_id"] = id.clone();
        answer_of(gateway.chat(late).await).await;
        store.set(0, Weather::Fair);
        let by_id = |text: &str| json!({"model": agent, "thread_id": id, "messages": [{"role": "user", "content": text}]});
        answer_of(gateway.chat(by_id("My name is Ada.")).await).await;
        assert_eq!(
            row_count(&rows).await,
            2,
            "{agent}: the late turn is not written yet"
        );
        gateway.stop().await;
        let rows_in_the_end = if agent == "assistant" { 3 } else { 2 };
        assert_eq!(row_count(&rows).await, rows_in_the_end, "{agent}");
        let endpoint = emulator.project_endpoint();
        let gateway = Gateway::with_store(&endpoint, &[], store as _).await;
        let answer = answer_of(gateway.chat(by_id("What is my name?")).await).await;
        assert!(answer.to_string().contains("Ada"), "{agent}: {answer}");
    }
}

#[tokio::test]
async fn an_answer_cut_at_its_limit_is_continued_where_it_was_cut() {
    for agent in ["fail-length", "asst_fail_length"] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let mut chat = Chat::new(&gateway, agent);
        chat.say("one").await;
        chat.say("go on").await;
        let requests = emulator.journal().requests();
        let sent = requests
            .iter()
            .rfind(|request| request.operation.starts_with("create_"))
            .unwrap();
        assert_eq!(texts_sent(sent), ["go on"], "{agent} {}", sent.operation);
    }
}

#[tokio::test]
async fn a_response_that_failed_or_was_left_is_not_kept_upstream() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in ["fail-error-event-middle", "fail-content-filter-output"] {
        emulator.journal().clear();
        gateway.ask(agent, "hi").await;
        let deleted = |requests: &[RecordedRequest]| {
            requests
                .iter()
                .any(|request| request.operation == "delete_response" && request.ending.is_some())
        };
        assert!(emulator.journal().wait_for(deleted, SOON).await, "{agent}");
    }
    let page = gateway.app.store.expired(u64::MAX, None, 10).await.unwrap();
    let heads = page.rows.into_iter().filter_map(|row| row.row);
    assert_eq!(
        heads
            .filter(|row| matches!(row.upstream, Upstream::Response { .. }))
            .count(),
        0
    );
}

/// A client that gave a turn up, and asks anew, goes on from what it asked last, though the other turn ends later.
#[tokio::test]
async fn of_turns_at_a_time_the_id_goes_on_from_the_one_that_began_last() {
    let quick = emulator(foundry_emulator::Behaviour::default()).await;
    let slow = foundry_emulator::Behaviour {
        first_delta_ms: 500,
        ..foundry_emulator::Behaviour::default()
    };
    let slow = emulator(slow).await;
    let rows: Arc<dyn ConversationStore> = Arc::new(MemoryStore::new(1_000, Arc::new(SystemClock)));
    let on = async |emulator: &Emulator| {
        // What it is made of without that is not the same for two endpoints.
        let key = ("GATEWAY_CONTINUITY_KEY", "the same for both of them");
        Gateway::with_store(&emulator.project_endpoint(), &[key], Arc::clone(&rows)).await
    };
    for agent in ["assistant", "asst_assistant"] {
        let (quick_gateway, slow_gateway) = (on(&quick).await, on(&slow).await);
        let first = answer_of(quick_gateway.ask(agent, "hi").await).await;
        let user = |text: &str| json!({"role": "user", "content": text});
        let by_id = |messages: &[Value]| json!({"model": agent, "thread_id": first["thread_id"], "messages": messages});
        let with_history = |text: &str| {
            let answer = first["choices"][0]["message"].clone();
            by_id(&[user("hi"), answer, user(text)])
        };

        let given_up = slow_gateway.chat(with_history("My name is Bob."));
        let meanwhile = async {
            let has_begun = |requests: &[RecordedRequest]| !requests.is_empty();
            assert!(slow.journal().wait_for(has_begun, SOON).await, "{agent}");
            let answer = quick_gateway.chat(with_history("My name is Ada.")).await;
            (answer_of(answer).await, tokio::time::Instant::now())
        };
        let (given_up, (_, ended)) = tokio::join!(
            async { (answer_of(given_up.await).await, tokio::time::Instant::now()) },
            meanwhile
        );
        assert!(ended < given_up.1, "{agent}: the earlier turn ends later");

        let question = by_id(&[user("What is my name?")]);
        let answer = answer_of(quick_gateway.chat(question).await).await;
        assert!(answer.to_string().contains("Ada"), "{agent}: {answer}");
        slow.journal().clear();
    }
}

/// A write may outlive the connection on which the gateway has given it up. The one of the first turn, too.
#[tokio::test]
async fn a_write_that_is_carried_out_late_puts_no_older_head_back() {
    for agent in ["assistant", "asst_assistant"] {
        for held_turn in [1, 2] {
            let emulator = emulator(foundry_emulator::Behaviour::default()).await;
            let rows = Arc::new(MemoryStore::new(1_000, Arc::new(SystemClock)));
            let store = LateStore::around(rows);
            let endpoint = emulator.project_endpoint();
            let gateway = Gateway::with_store(&endpoint, &[], Arc::clone(&store) as _).await;

            if held_turn == 1 {
                store.hold();
            }
            let first = answer_of(gateway.ask(agent, "hi").await).await;
            let say = |text: &str| {
                let messages = json!([{"role": "user", "content": text}]);
                let id = &first["thread_id"];
                gateway.chat(json!({"model": agent, "thread_id": id, "messages": messages}))
            };
            if held_turn == 2 {
                store.hold();
                answer_of(say("hello").await).await;
            }
            let late = store.let_go();
            assert!(0 < late.len());
            // What failed is tried again; a thread that was never named has to be shown its history.
            let until_written = async {
                while store.written() == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(SOON, until_written).await.unwrap();
            let named = say("My name is Ada.").await;
            if named.status() == 200 {
                store.carry_out(late).await;
                let answer = answer_of(say("What is my name?").await).await.to_string();
                assert!(
                    answer.contains("Ada"),
                    "{agent}, turn {held_turn}: {answer}"
                );
            } else {
                assert_eq!(agent, "asst_assistant", "turn {held_turn}: {named:?}");
            }
            gateway.stop().await;
        }
    }
}
