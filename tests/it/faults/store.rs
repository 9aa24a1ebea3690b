//! The store of conversations breaks: Azurite behind the proxy, and the real client of Table Storage before it.

use foundry_emulator::Emulator;
use serde_json::{Value, json};

use super::{
    STARTING, aftermath,
    outcome::{DIALECTS, Dialect, Mode, Outcome, TEXT, ask_with, post},
    proxy::{Proxy, Security, WireFault},
    table::Row,
};
use crate::support::{Azurite, Gateway, KEY, emulator};

/// A conversation that a client has with the gateway.
struct Conversation {
    messages: Vec<Value>,
    thread_id: String,
}

/// Tries one cell of the table: the first turn goes well, the second meets the fault.
pub(super) async fn try_cell(
    azurite: &Azurite,
    row: Row,
    mode: Mode,
    dialect: &'static Dialect,
) -> Result<Outcome, String> {
    let starting = STARTING.acquire().await.unwrap();
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let mut proxy = Proxy::in_front_of(azurite.address(), Security::Clear).await;
    let table = table_name(&row, mode, dialect);
    // Where nothing hangs, no deadline may be what ends a request to the store.
    let budget = if row.hangs() { "2" } else { "20" };
    let gateway = gateway_with(&emulator, &proxy, &table, budget).await;
    drop(starting);
    let conversation = begin(&gateway, dialect, "the first turn").await;
    // What the store did not take in time is written a little later.
    aftermath::no_task_is_left(&gateway).await?;
    proxy.strike(WireFault::of_service(&row.fault), "").await;
    let body = match row.stage.as_str() {
        "named" => conversation.by_its_name(),
        _ => conversation.next_turn(),
    };
    let outcome = ask_with(&emulator, &gateway, mode, dialect, body.clone()).await;
    aftermath::permits_are_back(&gateway).await?;
    aftermath::spent_connections_are_closed(&proxy, |_| false).await?;
    proxy.heal().await;
    let next = ask_with(&emulator, &gateway, mode, dialect, body).await;
    if !next.is_whole() {
        return Err(format!("the next request: {next:?}"));
    }
    continues_again(&gateway, dialect).await?;
    aftermath::no_task_is_left(&gateway).await?;
    Ok(outcome)
}

async fn gateway_with(emulator: &Emulator, proxy: &Proxy, table: &str, budget: &str) -> Gateway {
    let connection = Azurite::connection_string_through(&proxy.origin());
    let settings = [
        ("THREADS_CONNECTION_STRING", connection.as_str()),
        ("THREADS_TABLE_NAME", table),
        ("GATEWAY_STORE_TIMEOUT_SECONDS", budget),
    ];
    Gateway::in_front_of(&emulator.project_endpoint(), &settings).await
}

/// A conversation that is named is found, but its thread cannot be taken: that is the store's failure, and not the use
/// that somebody else makes of it.
pub(super) async fn a_store_that_fails_halfway_is_told_as_that(azurite: &Azurite) {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let mut proxy = Proxy::in_front_of(azurite.address(), Security::Clear).await;
    let gateway = gateway_with(&emulator, &proxy, "halfway", "20").await;
    let [_, classic] = &DIALECTS;
    let conversation = begin(&gateway, classic, "the first turn").await;
    aftermath::no_task_is_left(&gateway).await.unwrap();
    proxy
        .strike(WireFault::of_service("status:503"), "DELETE ")
        .await;
    let body = conversation.by_its_name();
    let outcome = ask_with(&emulator, &gateway, Mode::Answer, classic, body).await;
    assert_eq!(outcome.told, "503 store_unavailable");
    assert_eq!(outcome.asked, 0);
    aftermath::permits_are_back(&gateway).await.unwrap();
}

async fn begin(gateway: &Gateway, dialect: &Dialect, text: &str) -> Conversation {
    let first = json!({"role": "user", "content": text});
    let body = json!({"model": dialect.agent, "messages": [first]});
    let response = post(gateway, KEY, &body).await;
    assert_eq!(response.status(), 200);
    let thread_id = response.headers()["x-thread-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let answer = &answer["choices"][0]["message"]["content"];
    let answer = json!({"role": "assistant", "content": answer});
    Conversation {
        messages: vec![first, answer],
        thread_id,
    }
}

impl Conversation {
    /// One message, and nothing of what was before it.
    fn by_its_name(&self) -> Value {
        let next = json!({"role": "user", "content": TEXT});
        json!({"thread_id": self.thread_id, "messages": [next]})
    }

    /// The whole history, and one message more.
    fn next_turn(&self) -> Value {
        let next = json!({"role": "user", "content": TEXT});
        let messages = [&self.messages[..], &[next]].concat();
        json!({"messages": messages})
    }
}

/// The store remembers again: a new conversation is recognised by its history.
async fn continues_again(gateway: &Gateway, dialect: &Dialect) -> Result<(), String> {
    let conversation = begin(gateway, dialect, "another first turn").await;
    aftermath::no_task_is_left(gateway).await?;
    let mut body = conversation.next_turn();
    body["model"] = dialect.agent.into();
    let response = post(gateway, KEY, &body).await;
    let thread_id = response.headers()["x-thread-id"].to_str().unwrap();
    // A recognised history is told another id of the same conversation.
    if thread_id.starts_with(&format!("{}_", conversation.thread_id)) {
        Ok(())
    } else {
        Err("the store works again, and a conversation is not recognised".to_owned())
    }
}

/// Three to 63 letters and digits.
fn table_name(row: &Row, mode: Mode, dialect: &Dialect) -> String {
    let all = format!("{}{}{mode:?}{}", row.stage, row.fault, dialect.agent);
    all.chars().filter(char::is_ascii_alphanumeric).collect()
}
