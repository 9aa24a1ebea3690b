//! What a turn costs: operations on the store and calls to the service, for each way a conversation goes on.

use std::sync::Arc;

use foundry_gateway::continuity::store::{clock::SystemClock, memory::MemoryStore};

use super::*;
use crate::support::{FaultyStore, emulator};

/// A gateway whose store and service are counted.
struct Counted {
    emulator: Emulator,
    gateway: Gateway,
    store: Arc<FaultyStore>,
    agent: &'static str,
}

impl Counted {
    async fn with(agent: &'static str, settings: &[(&str, &str)]) -> Self {
        let emulator = emulator(foundry_emulator::Behaviour::default()).await;
        let rows = MemoryStore::new(1_000, Arc::new(SystemClock));
        let store = FaultyStore::around(Arc::new(rows));
        let endpoint = emulator.project_endpoint();
        let gateway = Gateway::with_store(&endpoint, settings, Arc::clone(&store) as _).await;
        Self {
            emulator,
            gateway,
            store,
            agent,
        }
    }

    /// The answer to `fields`, and what it cost.
    async fn turn(&self, fields: Value) -> (Value, usize, Vec<String>) {
        self.emulator.journal().clear();
        let before = self.store.operations();
        let mut body = fields;
        body["model"] = json!(self.agent);
        let answer = answer_of(self.gateway.chat(body).await).await;
        let operations = self.store.operations() - before;
        let requests = self.emulator.journal().requests();
        let calls = requests.into_iter().map(|request| request.operation);
        (answer, operations, calls.collect())
    }

    /// A conversation's cost in its ways: new, continued, forked, by its id alone, by its id with its history, lost.
    async fn ways(&self) -> Vec<(&'static str, usize, Vec<String>)> {
        let asked = |text: &str| json!({"role": "user", "content": text});
        let one = asked("My name is Ada.");
        let mut costs = Vec::new();
        let (first, operations, calls) = self.turn(json!({"messages": [one]})).await;
        costs.push(("new", operations, calls));
        let history = [one, first["choices"][0]["message"].clone()];
        let with = |text: &str| [&history[..], &[asked(text)]].concat();

        let (second, operations, calls) = self.turn(json!({"messages": with("two")})).await;
        costs.push(("continued", operations, calls));
        let (forked, operations, calls) = self.turn(json!({"messages": with("two, again")})).await;
        costs.push(("forked", operations, calls));
        let (_, operations, calls) = self
            .turn(json!({"messages": [asked("three")], "thread_id": forked["thread_id"]}))
            .await;
        costs.push(("by id", operations, calls));

        let other = asked("Another conversation.");
        let (answer, ..) = self.turn(json!({"messages": [other]})).await;
        let shown = [
            other,
            answer["choices"][0]["message"].clone(),
            asked("four"),
        ];
        let (_, operations, calls) = self
            .turn(json!({"messages": shown, "thread_id": answer["thread_id"]}))
            .await;
        costs.push(("by id with history", operations, calls));

        let two = [&with("two")[..], &[second["choices"][0]["message"].clone()]].concat();
        let unknown = [
            &two[..],
            &[json!({"role": "assistant", "content": "?"}), asked("five")],
        ];
        let (_, operations, calls) = self.turn(json!({"messages": unknown.concat()})).await;
        costs.push(("lost", operations, calls));
        costs
    }
}

fn named(costs: Vec<(&'static str, usize, Vec<String>)>) -> Vec<(&'static str, usize, String)> {
    let row = |(way, operations, calls): (_, _, Vec<String>)| (way, operations, calls.join(" "));
    costs.into_iter().map(row).collect()
}

#[tokio::test]
async fn a_turn_of_a_new_agent_takes_one_call_and_at_most_four_store_operations() {
    let counted = Counted::with("assistant", &[]).await;
    let one_call = |way, operations| (way, operations, "create_response".to_owned());
    assert_eq!(
        named(counted.ways().await),
        [
            one_call("new", 2),
            one_call("continued", 3),
            one_call("forked", 3),
            one_call("by id", 2),
            one_call("by id with history", 4),
            one_call("lost", 3),
        ]
    );
}

#[tokio::test]
async fn a_turn_of_a_classic_agent_takes_one_call_and_at_most_five_store_operations() {
    let counted = Counted::with("asst_assistant", &[]).await;
    let row = |way, operations, call: &str| (way, operations, call.to_owned());
    assert_eq!(
        named(counted.ways().await),
        [
            row("new", 2, "create_thread_and_run"),
            row("continued", 4, "create_run"),
            row("forked", 3, "create_thread_and_run"),
            row("by id", 5, "create_run"),
            row("by id with history", 5, "create_run"),
            row("lost", 3, "create_thread_and_run"),
        ]
    );
}

#[tokio::test]
async fn the_documented_costs_are_the_costs() {
    let document = std::fs::read_to_string("docs/conversations.md").unwrap();
    let new = Counted::with("assistant", &[]).await.ways().await;
    let classic = Counted::with("asst_assistant", &[]).await.ways().await;
    for ((way, operations, calls), (_, of_classic, classic_calls)) in new.iter().zip(&classic) {
        let row = format!(
            "| {way} | {} | {operations} | {} | {of_classic} |",
            calls.len(),
            classic_calls.len()
        );
        assert!(
            document.contains(&row),
            "docs/conversations.md lacks the row\n{row}"
        );
    }
}

#[tokio::test]
async fn a_head_that_the_service_lost_costs_one_call_more() {
    let counted = Counted::with("assistant", &[]).await;
    let asked = json!({"role": "user", "content": "hi"});
    let (first, ..) = counted.turn(json!({"messages": [asked]})).await;
    super::lost::delete_everything(&counted.emulator, &counted.gateway).await;
    let history = [asked.clone(), first["choices"][0]["message"].clone(), asked];
    let (_, operations, calls) = counted.turn(json!({"messages": history})).await;
    assert_eq!(
        (operations, calls),
        (3, vec!["create_response".to_owned(); 2])
    );
}

#[tokio::test]
async fn without_continuity_the_store_is_left_alone() {
    let counted = Counted::with("assistant", &[("GATEWAY_CONTINUITY", "off")]).await;
    let (_, operations, calls) = counted
        .turn(json!({"messages": [{"role": "user", "content": "hi"}]}))
        .await;
    assert_eq!((operations, calls), (0, vec!["create_response".to_owned()]));
}
