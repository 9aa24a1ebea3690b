//! Answers of the agent service that are one JSON document, and break: of a bounded size, and told for what they are.

use serde_json::json;

use super::{
    aftermath,
    outcome::{get, post},
    proxy::{How, Place, Proxy, Security, WireFault},
};
use crate::support::{Gateway, KEY, emulator, error_of};

/// What happens to the answer, and what is told.
const FAULTS: [(How, u16, &str); 6] = [
    (How::Oversized, 502, "upstream_unreadable"),
    (How::Html, 502, "upstream_unreadable"),
    (How::Cut, 502, "upstream_broken_off"),
    (How::Garbage, 502, "upstream_broken_off"),
    (How::Stall, 504, "upstream_timeout"),
    (How::Status(500), 502, "upstream_failed"),
];

/// A gateway with a short first-byte timeout, whose requests with `only` in their first line break.
async fn behind_a_fault(
    how: How,
    only: &'static str,
) -> (foundry_emulator::Emulator, Proxy, Gateway) {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let mut proxy = Proxy::in_front_of(emulator.address(), Security::Clear).await;
    let fault = WireFault::OnAnswer(Place::Head, how);
    proxy.strike(fault, only).await;
    let endpoint = format!("{}/api/projects/emulated", proxy.origin());
    let short = [("GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS", "2")];
    let gateway = Gateway::in_front_of(&endpoint, &short).await;
    (emulator, proxy, gateway)
}

#[tokio::test]
async fn a_thread_that_cannot_be_made_is_told_as_what_went_wrong() {
    for (how, status, code) in FAULTS {
        let only = "POST /api/projects/emulated/threads?";
        let (_emulator, mut proxy, gateway) = behind_a_fault(how, only).await;
        // The system text is why a thread is made by a call of its own.
        let body = json!({"model": "asst_echo", "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
        ]});
        let told = error_of(post(&gateway, KEY, &body).await).await;
        assert_eq!((told.0, &told.1["code"]), (status, &code.into()), "{how:?}");
        aftermath::permits_are_back(&gateway).await.unwrap();
        aftermath::spent_connections_are_closed(&proxy, |_| false)
            .await
            .unwrap();
        proxy.heal().await;
        assert_eq!(post(&gateway, KEY, &body).await.status(), 200, "{how:?}");
        aftermath::no_task_is_left(&gateway).await.unwrap();
    }
}

#[tokio::test]
async fn a_list_of_agents_that_cannot_be_read_is_told_as_what_went_wrong() {
    for (how, status, code) in FAULTS {
        let only = "GET /api/projects/emulated/agents";
        let (_emulator, mut proxy, gateway) = behind_a_fault(how, only).await;
        let told = error_of(get(&gateway, KEY, "/v1/models").await).await;
        assert_eq!((told.0, &told.1["code"]), (status, &code.into()), "{how:?}");
        aftermath::spent_connections_are_closed(&proxy, |_| false)
            .await
            .unwrap();
        proxy.heal().await;
        assert_eq!(
            get(&gateway, KEY, "/v1/models").await.status(),
            200,
            "{how:?}"
        );
        aftermath::no_task_is_left(&gateway).await.unwrap();
    }
}
