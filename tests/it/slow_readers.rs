//! Clients that read slowly or not at all: the service is read no further, memory stays flat, and who takes nothing is
//! given up. To the millisecond, and for one connection alone, that is tested beside the code (`server::tests`).

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::{CapturedLog, EndlessUpstream, Gateway, KEY, Program, SOON, resident_bytes};

/// What the system may keep for a client.
const RECEIVE_BUFFER: u32 = 32 << 10;

/// A client that asks for a stream, and does not read of it yet.
async fn asks(address: std::net::SocketAddr, agent: &str, text: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
    let mut client = socket.connect(address).await.unwrap();
    let body = format!(
        r#"{{"model":"{agent}","stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#
    );
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\napi-key: {KEY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let request = head + &body;
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// Waits for a condition, and panics with `otherwise` where it never comes.
async fn until(otherwise: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(SOON * 3, waiting).await;
    waited.unwrap_or_else(|_| panic!("{otherwise}"));
}

const SHORT: (&str, &str) = ("GATEWAY_WRITE_TIMEOUT_SECONDS", "0.5");

#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up_and_the_log_says_so() {
    let log = CapturedLog::of_this_thread();
    let upstream = EndlessUpstream::start();
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &[SHORT]).await;
    let all = gateway.app.in_flight.available_permits();
    let _client = asks(gateway.address, "endless", "hi").await;
    until("the service was not asked", || {
        upstream.answers().iter().any(|answer| 0 < answer.written())
    })
    .await;
    assert_eq!(gateway.app.in_flight.available_permits(), all - 1);
    let answer = &upstream.answers()[0];
    until("the service is still being read", || answer.is_closed()).await;
    until("the permit is not free", || {
        gateway.app.in_flight.available_permits() == all
    })
    .await;
    let lines = log.lines_with("http.route=\"/v1/chat/completions\"");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("outcome=\"cancelled\""), "{lines:?}");
    assert!(
        lines[0].contains(
            "the client took nothing of its answer for longer than GATEWAY_WRITE_TIMEOUT_SECONDS"
        ),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_was_begun_for_a_client_that_reads_nothing_is_cancelled() {
    let upstream = EndlessUpstream::start();
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &[SHORT]).await;
    let _new = asks(gateway.address, "endless", "hi").await;
    let _classic = asks(gateway.address, "asst_endless", "hi").await;
    for request in [
        "DELETE /openai/v1/responses/resp_1",
        "POST /threads/thread_1/runs/run_1/cancel",
        "DELETE /threads/thread_1",
    ] {
        until(request, || upstream.was_sent(request)).await;
    }
    assert_eq!(upstream.answers().len(), 2);
    until("an answer is still read", || {
        upstream.answers().iter().all(|answer| answer.is_closed())
    })
    .await;
}

const CLIENTS: usize = 12;
/// What the system and the gateway may take of an answer that nobody reads.
const MOST_TAKEN: usize = 24 << 20;
/// What the gateway itself may keep for it, and for its two connections.
const MOST_KEPT: usize = 1 << 20;
/// What a process takes for its first requests, however many there are.
const FOR_THE_FIRST: usize = 8 << 20;

fn written_in_all(upstream: &EndlessUpstream) -> usize {
    upstream
        .answers()
        .iter()
        .map(|answer| answer.written())
        .sum()
}

/// So much more is read of the service when a client reads on.
const READ_ON: usize = 256 << 10;

/// What the service could write in all, once that does not change any more.
async fn written_when_nothing_moves(upstream: &EndlessUpstream) -> usize {
    let standing_still = async {
        let mut before = written_in_all(upstream);
        loop {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let now = written_in_all(upstream);
            if now == before && upstream.answers().len() == CLIENTS {
                return now;
            }
            before = now;
        }
    };
    let still = tokio::time::timeout(SOON * 3, standing_still).await;
    still.unwrap_or_else(|_| {
        panic!("the service is read on and on, although nobody reads what it says")
    })
}

#[tokio::test]
async fn clients_that_do_not_read_hold_back_the_service_and_cost_little_memory() {
    let upstream = EndlessUpstream::start();
    // With continuity, the text of an answer is kept until its end, whoever reads it: that is not what is shown here.
    let settings = [("GATEWAY_CONTINUITY", "off")];
    let (program, client) = Program::serve(&upstream.project_endpoint(), &settings).await;
    assert_eq!(client.get("/healthz").await.status(), 200);
    let at_rest = resident_bytes(program.pid());
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(asks(client.address, "endless", "hi").await);
    }
    let written = written_when_nothing_moves(&upstream).await;
    for answer in upstream.answers() {
        assert!(!answer.is_closed());
        assert!(answer.written() < MOST_TAKEN, "{} bytes", answer.written());
    }
    let grown = resident_bytes(program.pid()).saturating_sub(at_rest);
    assert!(
        grown < FOR_THE_FIRST + CLIENTS * MOST_KEPT,
        "{grown} bytes more memory for {CLIENTS} clients; {written} bytes were read for them"
    );
    // One begins to read, and more is read for it.
    let mut read = vec![0; 64 << 10];
    let reading = async {
        while written_in_all(&upstream) < written + READ_ON {
            assert_ne!(clients[0].read(&mut read).await.unwrap(), 0);
        }
    };
    tokio::time::timeout(SOON * 3, reading).await.unwrap();
    let grown = resident_bytes(program.pid()).saturating_sub(at_rest);
    assert!(
        grown < FOR_THE_FIRST + CLIENTS * MOST_KEPT,
        "{grown} bytes more memory"
    );
    // All leave, and the service is told.
    drop(clients);
    until("an answer is still read", || {
        upstream.answers().iter().all(|answer| answer.is_closed())
    })
    .await;
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}
