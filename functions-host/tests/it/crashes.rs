//! How the handler's process ends, and what the host does then.

use functions_host::{Host, HostError};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    App, SOON, assert_empty, eventually, get, post, read_until, read_until_reset,
};

/// Lets the handler end with `code`, asking it without the host between, and waits until its process is gone.
pub(crate) async fn exit(host: &Host, code: i32) {
    let pid = host.handler_pid();
    let mut handler = TcpStream::connect(host.handler_address()).await.unwrap();
    let request = format!("POST /v1/exit/{code} HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
    handler.write_all(request.as_bytes()).await.unwrap();
    // The process ends without an answer; whether that is an end or a reset is up to the kernel.
    drop(handler.read(&mut [0]).await);
    eventually("the process is gone", async || host.handler_pid() != pid).await;
}

async fn is_listening(host: &Host) -> bool {
    TcpStream::connect(host.handler_address()).await.is_ok()
}

#[tokio::test]
async fn two_crashes_are_followed_by_restarts_and_the_third_stops_the_host() {
    let app = App::new();
    let host = app.start().await;
    for restarts in 1..=2 {
        exit(&host, 1).await;
        host.ready().await.unwrap();
        assert_eq!(host.restarts(), restarts);
        assert_eq!(
            get(host.address(), "/v1/echo").await.status(),
            StatusCode::OK
        );
    }
    exit(&host, 1).await;
    let stopped = tokio::time::timeout(SOON, host.stopped()).await.unwrap();
    let expected = "Exceeded http worker restart retry count. Shutting down Functions Host";
    assert_eq!(stopped.to_string(), expected);
    assert_eq!(host.errors().last().unwrap().text, expected);
    eventually("nobody listens", async || {
        TcpStream::connect(host.address()).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn an_exit_with_200_is_a_restart_that_costs_nothing() {
    let app = App::new();
    let host = app.start().await;
    for restarts in 1..=4 {
        exit(&host, 200).await;
        host.ready().await.unwrap();
        assert_eq!(host.restarts(), restarts);
    }
    assert_eq!(
        get(host.address(), "/v1/echo").await.status(),
        StatusCode::OK
    );
    assert_eq!(host.errors(), []);
}

#[tokio::test]
async fn an_exit_with_0_is_never_followed_by_a_restart() {
    let app = App::new();
    let host = app.start().await;
    exit(&host, 0).await;
    let answer = get(host.address(), "/v1/echo").await;
    assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((host.handler_pid(), host.restarts()), (None, 0));
}

#[tokio::test]
async fn a_handler_that_never_gets_up_stops_the_host() {
    let app = App::new();
    let options = app.options().setting("HANDLER_EXITS_WITH", "3");
    let stopped = Host::start(options).await.unwrap_err();
    assert!(matches!(stopped, HostError::Stopped { .. }), "{stopped:?}");
}

#[tokio::test]
async fn a_kill_within_a_stream_resets_the_client_and_a_successor_serves() {
    let app = App::new();
    let host = app.start().await;
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    client
        .write_all(b"GET /v1/streams/one HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    post(host.handler_address(), "/v1/streams/one", "data: 1\n\n").await;
    read_until(&mut client, "9\r\ndata: 1\n\n\r\n").await;

    let pid = host.handler_pid();
    host.kill_handler().await;
    assert_eq!(read_until_reset(&mut client).await, "");
    assert_eq!(
        get(host.address(), "/v1/echo").await.status(),
        StatusCode::OK
    );
    assert_eq!(host.restarts(), 1);
    assert_ne!(host.handler_pid(), pid);
}

#[tokio::test]
async fn a_shutdown_kills_the_handler_and_resets_the_clients() {
    let app = App::new();
    let host = app.start().await;
    let handler = host.handler_address();
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    client
        .write_all(b"GET /v1/streams/one HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    post(handler, "/v1/streams/one", "data: 1\n\n").await;
    read_until(&mut client, "9\r\ndata: 1\n\n\r\n").await;
    host.shutdown().await;
    assert!(TcpStream::connect(handler).await.is_err());
    assert_eq!(read_until_reset(&mut client).await, "");
}

#[tokio::test]
async fn a_dropped_host_leaves_no_process_behind() {
    let app = App::new();
    let host = app.start().await;
    assert!(is_listening(&host).await);
    let handler = host.handler_address();
    drop(host);
    eventually("nobody listens", async || {
        TcpStream::connect(handler).await.is_err()
    })
    .await;
}
