//! The connection alone, on paused time, so that every bound is hit to the millisecond.

use std::{
    convert::Infallible,
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, routing::get};
use bytes::Bytes;
use futures_util::stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::Instant,
};

use super::*;
use crate::config::Environment;

const HEADERS: Duration = Duration::from_secs(90);
const NEARLY_HEADERS: Duration = Duration::from_secs(89);
const WRITE: Duration = Duration::from_secs(60);
const NEARLY_WRITE: Duration = Duration::from_secs(59);
/// What lies on the way between the two ends.
const ON_THE_WAY: usize = 1 << 10;

fn limits() -> LimitsConfig {
    let limits = LimitsConfig::from_environment(&Environment::default()).unwrap();
    assert_eq!(
        (limits.request_headers, limits.response_write),
        (HEADERS, WRITE)
    );
    limits
}

/// Serves `router` to what `client` does with its end of the connection; how long the connection was there.
async fn lasts(
    router: Router,
    client: impl AsyncFnOnce(DuplexStream),
) -> (Duration, hyper::Result<()>) {
    let (server, client_end) = tokio::io::duplex(ON_THE_WAY);
    let start = Instant::now();
    let serving = async {
        let ended = connection(&limits(), server, router).await;
        (start.elapsed(), ended)
    };
    let (ended, ()) = tokio::join!(serving, client(client_end));
    ended
}

fn greeting() -> Router {
    Router::new().route("/", get(async || "hello"))
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n";

async fn read_answer(client: &mut DuplexStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        answer.push(client.read_u8().await.unwrap());
    }
}

/// Sends a byte every second, for as long as somebody is there.
async fn trickle(client: &mut DuplexStream, request: &[u8]) {
    for byte in request.iter().cycle() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if client.write_u8(*byte).await.is_err() {
            return;
        }
    }
}

const HALF_A_HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: ";
/// One header line without an end, byte by byte.
const SLOW_HEAD: &[u8] = b"x";

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed_in_time() {
    let (lasted, _) = lasts(greeting(), async |mut client| {
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(lasted, HEADERS);
}

#[tokio::test(start_paused = true)]
async fn headers_that_trickle_are_cut_off_in_time() {
    let (lasted, _) = lasts(greeting(), async |mut client| {
        client.write_all(HALF_A_HEAD).await.unwrap();
        trickle(&mut client, SLOW_HEAD).await;
    })
    .await;
    assert_eq!(lasted, HEADERS);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_connection_has_the_same_time_and_no_more() {
    let (lasted, _) = lasts(greeting(), async |mut client| {
        for _ in 0..3 {
            let (first, rest) = REQUEST.split_at(HALF_A_HEAD.len());
            client.write_all(first).await.unwrap();
            tokio::time::sleep(NEARLY_HEADERS).await;
            client.write_all(rest).await.unwrap();
            read_answer(&mut client).await;
        }
        client.write_all(HALF_A_HEAD).await.unwrap();
        trickle(&mut client, SLOW_HEAD).await;
    })
    .await;
    assert_eq!(lasted, NEARLY_HEADERS * 3 + HEADERS);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_time() {
    let idle = Duration::from_secs(30);
    let (lasted, ended) = lasts(greeting(), async |mut client| {
        client.write_all(REQUEST).await.unwrap();
        read_answer(&mut client).await;
        tokio::time::sleep(idle).await;
        client.write_all(REQUEST).await.unwrap();
        read_answer(&mut client).await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(lasted, idle + HEADERS);
    drop(ended);
}

/// A stream without an end, and how many of its frames were asked for.
fn endless(frame: &'static [u8]) -> (Router, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let answer = async move || {
        let frames = stream::repeat_with(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(frame))
        });
        Body::from_stream(frames)
    };
    (Router::new().route("/", get(answer)), asked)
}

const FRAME: &[u8] = &[b'x'; 8 << 10];
/// What waits in the gateway for a client that does not read, and on the way to it, in frames.
const MOST_FRAMES: usize = (MAX_HEAD_BYTES + ON_THE_WAY) / FRAME.len() + 1;

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_holds_back_the_answer_and_is_given_up_in_time() {
    let (router, asked) = endless(FRAME);
    let (lasted, ended) = lasts(router, async |mut client| {
        client.write_all(REQUEST).await.unwrap();
        // It stays, and takes nothing.
        tokio::time::sleep(WRITE * 2).await;
    })
    .await;
    assert_eq!(lasted, WRITE);
    assert!(ended.unwrap_err().to_string().contains("error writing"));
    let asked = asked.load(Ordering::Relaxed);
    assert!((1..=MOST_FRAMES).contains(&asked), "{asked} frames");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_little_now_and_then_is_kept_and_holds_back_the_answer() {
    let (router, asked) = endless(FRAME);
    let (lasted, _) = lasts(router, async |mut client| {
        client.write_all(REQUEST).await.unwrap();
        for _ in 0..5 {
            tokio::time::sleep(NEARLY_WRITE).await;
            client.read_u8().await.unwrap();
        }
        tokio::time::sleep(WRITE * 2).await;
    })
    .await;
    assert_eq!(lasted, NEARLY_WRITE * 5 + WRITE);
    let asked = asked.load(Ordering::Relaxed);
    assert!((1..=MOST_FRAMES).contains(&asked), "{asked} frames");
}

#[tokio::test(start_paused = true)]
async fn a_head_over_the_limit_is_refused() {
    let answered = |head: String| async move {
        let mut answer = Vec::new();
        let (_, _) = lasts(greeting(), async |client| {
            let (mut reader, mut writer) = tokio::io::split(client);
            let sent = async { drop(writer.write_all(head.as_bytes()).await) };
            let read = async {
                while !answer.ends_with(b"\r\n\r\n") {
                    match reader.read_u8().await {
                        Ok(byte) => answer.push(byte),
                        Err(_) => break,
                    }
                }
            };
            tokio::join!(sent, read);
        })
        .await;
        String::from_utf8(answer).unwrap()
    };
    let head = |value_bytes: usize, names: usize| {
        let mut head = "GET / HTTP/1.1\r\n".to_owned();
        for number in 0..names {
            write!(head, "x-{number}: {}\r\n", "v".repeat(value_bytes)).unwrap();
        }
        head + "\r\n"
    };
    for (request, expected) in [
        (head(1, MAX_HEADERS), "HTTP/1.1 200 "),
        (head(1, MAX_HEADERS + 1), "HTTP/1.1 431 "),
        (head(MAX_HEAD_BYTES - 100, 1), "HTTP/1.1 200 "),
        (head(MAX_HEAD_BYTES, 1), "HTTP/1.1 431 "),
    ] {
        let answer = answered(request).await;
        assert!(answer.starts_with(expected), "{expected}: {answer}");
    }
}
