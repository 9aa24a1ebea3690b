//! The journal, and the control endpoints.

use std::time::Duration;

use foundry_emulator::{Ending, RecordedRequest};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Service, ask_body, read, run_body};

/// How soon a client that went away must be noticed.
const PROMPTLY: Duration = Duration::from_millis(50);

#[tokio::test]
async fn requests_are_recorded() {
    let service = Service::start().await;
    service.ask("echo", &json!("Hello")).await.ok();
    service.get("/agents?api-version=v1&limit=1").await.ok();
    let journal = service.emulator.journal();
    assert!(
        journal
            .wait_for(
                |requests| requests.iter().all(|request| request.ending.is_some()),
                PATIENCE
            )
            .await
    );
    let requests = journal.requests();
    assert_eq!(requests.len(), 2);
    let asked = &requests[0];
    assert_eq!(
        (asked.operation.as_str(), asked.method.as_str()),
        ("create_response", "POST")
    );
    assert_eq!(asked.path, "/api/projects/emulated/openai/v1/responses");
    assert_eq!(asked.headers["authorization"], "Bearer token");
    assert_eq!(asked.body, ask_body("echo", &json!("Hello"), false));
    assert_eq!(
        (asked.status, asked.ending),
        (Some(200), Some(Ending::Completed))
    );
    assert_eq!(requests[1].query, "api-version=v1&limit=1");
    assert_eq!(requests[1].body, Value::Null);
    assert_eq!(journal.count("list_agents"), 1);
    journal.clear();
    assert!(journal.requests().is_empty());
}

/// Starts a stream that never ends by itself and drops it after the first bytes; returns when that is recorded.
async fn drop_in_mid_stream(service: &Service, path: &str, body: &Value) {
    let mut response = service
        .request(Method::POST, path, body)
        .send()
        .await
        .unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    let journal = service.emulator.journal();
    assert_eq!(journal.requests().last().unwrap().ending, None);
    drop(response);
    let closed = |requests: &[RecordedRequest]| {
        requests
            .last()
            .is_some_and(|request| request.ending == Some(Ending::ClientClosed))
    };
    assert!(journal.wait_for(closed, PROMPTLY).await);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_promptly() {
    let service = Service::start().await;
    let body = ask_body("stall-middle", &json!("Hello"), true);
    drop_in_mid_stream(&service, "/openai/v1/responses", &body).await;
    let body = run_body("asst_stall_middle", "Hello", true);
    drop_in_mid_stream(&service, "/threads/runs?api-version=v1", &body).await;
    // Also while it waits for the next piece.
    service
        .emulator
        .behaviour()
        .set(serde_json::from_value(json!({"token_delay_ms": 60_000})).unwrap());
    let body = ask_body("assistant", &json!("Hello"), true);
    drop_in_mid_stream(&service, "/openai/v1/responses", &body).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_headers_is_noticed_promptly() {
    let service = Service::start().await;
    let body = ask_body("stall-headers", &json!("Hello"), true);
    let request = service.request(Method::POST, "/openai/v1/responses", &body);
    let journal = service.emulator.journal().clone();
    let waiting = tokio::time::timeout(Duration::from_secs(60), request.send());
    tokio::select! {
        _ = waiting => panic!("stall-headers answered"),
        seen = journal.wait_for(|requests| !requests.is_empty(), PATIENCE) => assert!(seen),
    }
    let closed = |requests: &[RecordedRequest]| requests[0].ending == Some(Ending::ClientClosed);
    assert!(journal.wait_for(closed, PROMPTLY).await);
    assert_eq!(journal.requests()[0].status, None);
}

#[tokio::test]
async fn faults_are_recorded_as_such() {
    let service = Service::start().await;
    for agent in ["fail-cut", "fail-reset", "fail-error-event"] {
        let body = ask_body(agent, &json!("Hello"), true);
        let _ = service.raw_post("/openai/v1/responses", &body).await;
        let faulty = |requests: &[RecordedRequest]| {
            requests
                .last()
                .is_some_and(|request| request.ending == Some(Ending::Fault))
        };
        assert!(
            service.emulator.journal().wait_for(faulty, PATIENCE).await,
            "{agent}"
        );
    }
}

#[tokio::test]
async fn tests_in_other_languages_use_http() {
    let service = Service::start().await;
    let url = |path: &str| format!("{}{path}", service.emulator.url());
    let hello = read(service.http.get(url("/"))).await.ok().json();
    assert_eq!(hello["name"], "foundry-emulator");

    let behaviour = json!({"answer_words": 3, "faults": [
        {"operation": "list_agents", "stage": "headers", "fault": {"status": {"status": 418, "headers": {"x-a": "b"}, "body": {"tea": true}}}, "times": 1},
    ]});
    let put = service
        .http
        .put(url("/emulator/behaviour"))
        .body(behaviour.to_string());
    let set = read(put).await.ok().json();
    assert_eq!(set["answer_words"], 3);
    let teapot = service.get("/agents?api-version=v1").await;
    assert_eq!(
        (teapot.status.as_u16(), teapot.header("x-a")),
        (418, Some("b"))
    );
    assert_eq!(teapot.json(), json!({"tea": true}));
    service.get("/agents?api-version=v1").await.ok();
    let now = read(service.http.get(url("/emulator/behaviour")))
        .await
        .json();
    assert_eq!(now["faults"][0]["times"], 0);
    let wrong = service
        .http
        .put(url("/emulator/behaviour"))
        .body("{\"latency\": 1}");
    assert_eq!(read(wrong).await.status, 400);
    assert_eq!(
        read(service.http.delete(url("/emulator/behaviour")))
            .await
            .status,
        204
    );
    assert_eq!(
        service.emulator.behaviour().get(),
        foundry_emulator::Behaviour::default()
    );

    let journal = read(service.http.get(url("/emulator/journal")))
        .await
        .json();
    assert_eq!(journal.as_array().unwrap().len(), 2);
    assert_eq!(journal[0]["operation"], "list_agents");
    assert_eq!(
        read(service.http.delete(url("/emulator/journal")))
            .await
            .status,
        204
    );
    let journal = read(service.http.get(url("/emulator/journal")))
        .await
        .json();
    assert_eq!(journal, json!([]));
    assert_eq!(
        read(service.http.post(url("/emulator/journal")))
            .await
            .status,
        405
    );
}
