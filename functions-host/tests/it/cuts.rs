//! Streams that are cut: by silence, by `functionTimeout`, by the handler, by the client.

use std::time::Duration;

use functions_host::{FrontEnd, Host, LogLevel};
use http::StatusCode;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{
    A_MOMENT, App, SOON, assert_empty, eventually, get, is_open, post, read_until,
    read_until_reset, stream_is_gone, stream_is_open,
};

/// Makes the 240 s of the proxy 600 ms.
const SCALE: u32 = 400;

async fn start_scaled(app: &App, front_end: FrontEnd) -> Host {
    let mut options = app.options();
    options.time_scale = SCALE;
    options.front_end = front_end;
    Host::start(options).await.unwrap()
}

/// Opens a stream through the host and reads its first event.
async fn open_stream(host: &Host, name: &str) -> TcpStream {
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    let request = format!("GET /v1/streams/{name} HTTP/1.1\r\nhost: h\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    push(host, name).await;
    read_until(&mut client, "9\r\ndata: 1\n\n\r\n").await;
    client
}

async fn push(host: &Host, name: &str) {
    let path = format!("/v1/streams/{name}");
    let pushed = post(host.handler_address(), &path, "data: 1\n\n").await;
    assert_eq!(pushed.status(), StatusCode::OK);
}

#[tokio::test]
async fn silence_before_the_first_byte_is_a_500_of_the_host_and_a_502_of_the_front_end() {
    let app = App::new();
    let host = start_scaled(&app, FrontEnd::Absent).await;
    let answer = get(host.address(), "/v1/silence").await;
    assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
    let host = start_scaled(&app, FrontEnd::Azure).await;
    let answer = get(host.address(), "/v1/silence").await;
    assert_empty(&answer, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn silence_within_a_stream_resets_the_client_and_releases_the_handler() {
    let app = App::new();
    let host = start_scaled(&app, FrontEnd::Absent).await;
    let mut client = open_stream(&host, "one").await;
    assert_eq!(read_until_reset(&mut client).await, "");
    stream_is_gone(&host, "one").await;
}

#[tokio::test]
async fn heartbeats_keep_a_stream_alive() {
    let app = App::new();
    let host = start_scaled(&app, FrontEnd::Absent).await;
    let mut client = open_stream(&host, "one").await;
    // Eight beats are longer than the patience of the host, one is much shorter.
    let mut beat = tokio::time::interval(Duration::from_millis(150));
    for _ in 0..8 {
        beat.tick().await;
        push(&host, "one").await;
        read_until(&mut client, "9\r\ndata: 1\n\n\r\n").await;
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_costs_the_handler_its_life_but_is_no_crash() {
    let app = App::new();
    let limit = "AzureFunctionsJobHost__functionTimeout";
    let host = Host::start(app.options().setting(limit, "00:00:00.4"))
        .await
        .unwrap();
    for restarts in 1..=4 {
        let pid = host.handler_pid();
        let slow = get(host.address(), "/v1/streams/slow");
        let bystander = async {
            stream_is_open(&host, "slow").await;
            // Begun later, so that it is not the bystander whose time is over first.
            tokio::time::sleep(A_MOMENT).await;
            let mut client = open_stream(&host, "bystander").await;
            read_until_reset(&mut client).await
        };
        let (answer, cut) = tokio::join!(slow, bystander);
        assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(cut, "");
        eventually("a successor", async || {
            host.restarts() == restarts && host.start_duration().is_some()
        })
        .await;
        assert_ne!(host.handler_pid(), pid);
    }
}

#[tokio::test]
async fn a_stream_that_the_handler_breaks_resets_the_client() {
    let app = App::new();
    let host = app.start().await;
    let mut client = open_stream(&host, "one").await;
    post(host.handler_address(), "/v1/streams/one/break", "").await;
    assert_eq!(read_until_reset(&mut client).await, "");
    assert_eq!(host.errors().len(), 1, "{:?}", host.errors());
}

#[tokio::test]
async fn a_stream_that_the_handler_breaks_before_its_first_byte_is_a_500() {
    let app = App::new();
    let host = app.start().await;
    let break_off = async {
        stream_is_open(&host, "one").await;
        post(host.handler_address(), "/v1/streams/one/break", "").await
    };
    let (answer, _) = tokio::join!(get(host.address(), "/v1/streams/one"), break_off);
    assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_client_that_goes_releases_the_handler_within_a_stream_and_before_it() {
    let app = App::new();
    let host = app.start().await;
    let streaming = open_stream(&host, "streaming").await;
    let mut waiting = TcpStream::connect(host.address()).await.unwrap();
    waiting
        .write_all(b"GET /v1/streams/waiting HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    stream_is_open(&host, "waiting").await;
    assert!(is_open(&host, "streaming").await);

    drop(streaming);
    stream_is_gone(&host, "streaming").await;
    drop(waiting);
    stream_is_gone(&host, "waiting").await;
    let expected = "The client disconnected while the function was processing the request.";
    let mut seen = 0;
    let both = host.wait_for_log(
        |line| {
            seen += usize::from(line.text == expected && line.level == LogLevel::Information);
            seen >= 2
        },
        SOON,
    );
    assert!(both.await, "{:?}", host.log_lines());
    assert_eq!(host.errors(), []);
}

#[tokio::test]
async fn a_client_that_goes_within_its_own_body_is_no_error() {
    let app = App::new();
    let host = app.start().await;
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    let request = "POST /v1/echo HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhello";
    client.write_all(request.as_bytes()).await.unwrap();
    drop(client);
    let disconnected = host.wait_for_log(|line| line.text.contains("client disconnected"), SOON);
    assert!(disconnected.await, "{:?}", host.log_lines());
    assert_eq!(host.errors(), []);
}
