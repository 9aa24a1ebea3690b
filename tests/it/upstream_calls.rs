//! How often the service is called for one turn: invariant "one upstream call per turn in the common case".

use foundry_emulator::{Behaviour, Emulator, Fault, FaultRule, RecordedRequest, Stage};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Gateway, SOON, ScriptedUpstream, emulator, emulator_and_gateway};

fn operations(emulator: &Emulator) -> Vec<String> {
    emulator
        .journal()
        .requests()
        .into_iter()
        .map(|request| request.operation)
        .collect()
}

async fn turn(gateway: &Gateway, agent: &str, stream: bool, system: bool) {
    let mut messages = vec![json!({"role": "user", "content": "hi"})];
    if system {
        messages.insert(0, json!({"role": "system", "content": "be brief"}));
    }
    let response = gateway
        .chat(json!({"model": agent, "stream": stream, "messages": messages}))
        .await;
    assert_eq!(response.status(), 200);
    response.text().await.unwrap();
}

/// Without continuity nothing is kept upstream.
async fn stateless() -> (Emulator, Gateway) {
    let emulator = emulator(Behaviour::default()).await;
    let gateway = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_CONTINUITY", "off")],
    )
    .await;
    (emulator, gateway)
}

/// Waits for the background deletion, so that a call too many would be seen.
async fn deleted(emulator: &Emulator) {
    let deleted = |requests: &[foundry_emulator::RecordedRequest]| {
        requests
            .iter()
            .any(|request| request.operation == "delete_thread" && request.ending.is_some())
    };
    assert!(
        emulator.journal().wait_for(deleted, SOON).await,
        "{:?}",
        operations(emulator)
    );
}

#[tokio::test]
async fn a_new_agent_is_called_once() {
    for (stream, system) in [(false, false), (true, false), (false, true), (true, true)] {
        let (emulator, gateway) = emulator_and_gateway().await;
        turn(&gateway, "assistant", stream, system).await;
        gateway.stop().await;
        assert_eq!(operations(&emulator), ["create_response"]);
    }
}

#[tokio::test]
async fn a_classic_agent_is_called_once_or_with_system_text_twice_and_its_thread_deleted() {
    for stream in [false, true] {
        let (emulator, gateway) = stateless().await;
        turn(&gateway, "asst_assistant", stream, false).await;
        deleted(&emulator).await;
        gateway.stop().await;
        assert_eq!(
            operations(&emulator),
            ["create_thread_and_run", "delete_thread"]
        );

        let (emulator, gateway) = stateless().await;
        turn(&gateway, "asst_assistant", stream, true).await;
        deleted(&emulator).await;
        gateway.stop().await;
        assert_eq!(
            operations(&emulator),
            ["create_thread", "create_run", "delete_thread"]
        );
        let run = &emulator.journal().requests()[1];
        assert_eq!(run.body["additional_instructions"], "be brief");
    }
}

#[tokio::test]
async fn store_false_is_given_up_once_and_for_all_where_the_service_refuses_it() {
    let (emulator, gateway) = stateless().await;
    turn(&gateway, "refuses-store", false, false).await;
    turn(&gateway, "refuses-store", true, false).await;
    let stores: Vec<_> = emulator
        .journal()
        .requests()
        .iter()
        .map(|request| request.body.get("store").cloned())
        .collect();
    assert_eq!(stores, [Some(json!(false)), None, None]);
}

#[tokio::test]
async fn only_what_cannot_have_begun_is_sent_again() {
    let fault = |status: u16, headers: &[(&str, &str)]| Behaviour {
        faults: vec![FaultRule {
            operation: "create_response".to_owned(),
            stage: Stage::Headers,
            fault: Fault::Status {
                status,
                headers: headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                body: json!({"error": {"code": "x", "message": "x"}}),
            },
            times: Some(1),
        }],
        ..Behaviour::default()
    };
    let rows = [
        (fault(503, &[]), 200, 2),
        (fault(429, &[("retry-after-ms", "20")]), 200, 2),
        (fault(429, &[("retry-after", "30")]), 429, 1),
        (fault(500, &[]), 502, 1),
        (fault(502, &[]), 502, 1),
        (fault(400, &[]), 400, 1),
    ];
    for (behaviour, status, calls) in rows {
        let shown = format!("{:?}", behaviour.faults);
        let emulator = emulator(behaviour).await;
        let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &[]).await;
        assert_eq!(gateway.ask("echo", "hi").await.status(), status, "{shown}");
        assert_eq!(
            emulator.journal().count("create_response"),
            calls,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let upstream = ScriptedUpstream::start().await;
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &[]).await;
    for stream in [true, false, true, false] {
        upstream.then_stream(
            "event: response.completed\ndata: {\"response\":{\"status\":\"completed\"}}\n\n",
        );
        turn(&gateway, "assistant", stream, false).await;
    }
    let mut peers: Vec<_> = upstream
        .received()
        .iter()
        .map(|received| received.peer)
        .collect();
    assert_eq!(peers.len(), 4);
    peers.dedup();
    assert_eq!(peers.len(), 1, "one connection served all turns");
}

#[tokio::test]
async fn a_hundred_and_fifty_streams_run_side_by_side() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let opened = (0..150).map(|_| gateway.ask_streamed("stall-middle", "hi"));
    let streams = tokio::time::timeout(SOON * 3, join_all(opened))
        .await
        .expect("none waits for another");
    assert!(streams.iter().all(|stream| stream.status() == 200));
    let open = |requests: &[RecordedRequest]| {
        requests
            .iter()
            .filter(|request| request.ending.is_none())
            .count()
            == 150
    };
    assert!(emulator.journal().wait_for(open, SOON).await);
}
