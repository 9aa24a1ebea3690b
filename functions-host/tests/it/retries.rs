//! What the host tries again: only what the handler cannot have begun to read.

use std::time::Duration;

use http::{Request, StatusCode};
use tokio::time::Instant;

use crate::{
    crashes::exit,
    support::{App, assert_empty, get, post, send, text},
};

async fn break_next(host: &functions_host::Host, requests: u32) {
    let path = format!("/v1/break/{requests}");
    assert_eq!(
        post(host.handler_address(), &path, "").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_request_without_body_is_tried_again_up_to_ten_times() {
    let app = App::new();
    let host = app.start().await;
    break_next(&host, 9).await;
    assert_eq!(text(&get(host.address(), "/v1/fragile").await), "10");
    break_next(&host, 10).await;
    let answer = get(host.address(), "/v1/fragile").await;
    assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        text(&get(host.handler_address(), "/v1/fragile").await),
        "11"
    );
}

#[tokio::test]
async fn a_request_whose_body_was_sent_is_not_tried_again() {
    let app = App::new();
    let host = app.start().await;
    break_next(&host, 1).await;
    let answer = post(host.address(), "/v1/fragile", "hello").await;
    assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(&get(host.handler_address(), "/v1/fragile").await), "2");
}

#[tokio::test]
async fn attempts_are_spread_over_two_seconds_when_nobody_listens() {
    let app = App::new();
    let host = app.start().await;
    // A clean exit is not followed by a restart, so the port stays closed.
    exit(&host, 0).await;
    let started = Instant::now();
    let request = Request::post("/v1/echo")
        .body("never sent".to_owned())
        .unwrap();
    let answer = send(host.address(), request).await;
    assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(started.elapsed() >= Duration::from_millis(1850));
}

#[tokio::test]
async fn a_body_is_sent_whole_when_only_connecting_failed() {
    let app = App::new();
    let host = app.start().await;
    host.kill_handler().await;
    let answer = post(host.address(), "/v1/fragile", "hello").await;
    assert_eq!(text(&answer), "1");
}
