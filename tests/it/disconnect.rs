//! Disconnect means stop: when the client goes, the agent is stopped and the permit is free again.

use std::time::Duration;

use foundry_emulator::{Ending, RecordedRequest};
use tokio::time::Instant;

use crate::support::{Gateway, SOON, emulator_and_gateway};

/// From the client's leaving to the service's knowing it.
const PROMPTLY: Duration = Duration::from_millis(100);

async fn leave_in_mid_stream(gateway: &Gateway, agent: &str) {
    let mut response = gateway.ask_streamed(agent, "hi").await;
    assert_eq!(response.status(), 200);
    response.chunk().await.unwrap().unwrap();
}

fn closed(operation: &'static str) -> impl Fn(&[RecordedRequest]) -> bool {
    move |requests| {
        requests.iter().any(|request| {
            request.operation == operation && request.ending == Some(Ending::ClientClosed)
        })
    }
}

fn ended(operation: &'static str) -> impl Fn(&[RecordedRequest]) -> bool {
    move |requests| {
        requests
            .iter()
            .any(|request| request.operation == operation && request.ending.is_some())
    }
}

#[tokio::test]
async fn a_new_agents_stream_is_closed() {
    let (emulator, gateway) = emulator_and_gateway().await;
    leave_in_mid_stream(&gateway, "stall-middle").await;
    let left = Instant::now();
    assert!(
        emulator
            .journal()
            .wait_for(closed("create_response"), SOON)
            .await
    );
    assert!(left.elapsed() < PROMPTLY * 10, "{:?}", left.elapsed());
    assert!(
        emulator
            .journal()
            .wait_for(ended("delete_response"), SOON)
            .await,
        "what was stored of it is deleted"
    );
}

#[tokio::test]
async fn a_classic_agents_run_is_cancelled_and_its_thread_deleted() {
    let (emulator, gateway) = emulator_and_gateway().await;
    leave_in_mid_stream(&gateway, "asst_stall_middle").await;
    assert!(emulator.journal().wait_for(ended("cancel_run"), SOON).await);
    assert!(
        emulator
            .journal()
            .wait_for(ended("delete_thread"), SOON)
            .await
    );
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_stops_the_agent_too() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in ["stall-headers", "stall-created"] {
        emulator.journal().clear();
        let asked = gateway.ask(agent, "hi");
        let arrived = emulator
            .journal()
            .wait_for(|requests| !requests.is_empty(), SOON);
        tokio::select! {
            response = asked => panic!("{agent} answered {response:?}"),
            arrived = arrived => assert!(arrived),
        }
        assert!(
            emulator
                .journal()
                .wait_for(closed("create_response"), SOON)
                .await,
            "{agent}"
        );
    }
}

#[tokio::test]
async fn the_permit_is_free_again() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_MAX_CONCURRENT_REQUESTS", "1")],
    )
    .await;
    for _ in 0..3 {
        leave_in_mid_stream(&gateway, "stall-middle").await;
        let free = async {
            while gateway.app.in_flight.available_permits() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, free).await.unwrap();
    }
    assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
}
