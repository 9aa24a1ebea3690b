//! SIGTERM and SIGINT: no new connections, open answers are finished, the exit code says what comes next.

use std::net::SocketAddr;

use foundry_emulator::Behaviour;
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::serve;
use crate::support::{Program, SOON, emulator, text_of};

async fn nobody_listens_on(address: SocketAddr) {
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(SOON, refused).await.unwrap();
}

/// Long enough to send a signal while the answer is still to come.
const PAUSE_BEFORE_THE_TEXT_MS: u64 = 1500;

#[tokio::test]
async fn open_streams_are_finished_before_a_signal_ends_the_program() {
    let slow = Behaviour {
        first_delta_ms: PAUSE_BEFORE_THE_TEXT_MS,
        ..Behaviour::default()
    };
    let emulator = emulator(slow).await;
    let rows = [
        (("PORT", "0"), "TERM", 0),
        (("PORT", "0"), "INT", 0),
        // After 0 the host would never start another process.
        (("FUNCTIONS_CUSTOMHANDLER_PORT", "0"), "TERM", 200),
    ];
    let ended = rows.map(|(port, signal, code)| {
        let emulator = &emulator;
        async move {
            let (program, client) = Program::serve(&emulator.project_endpoint(), &[port]).await;
            let streams = join_all((0..20).map(|_| async {
                let mut stream = client.ask_streamed("echo", "to the end").await;
                let role = stream.chunk().await.unwrap().unwrap();
                assert_eq!(text_of(std::str::from_utf8(&role).unwrap()), "");
                stream
            }));
            let streams = streams.await;
            program.signal(signal).await;
            nobody_listens_on(client.address).await;
            for stream in streams {
                let rest = stream.text().await.unwrap();
                assert_eq!(text_of(&rest), "to the end");
                assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
            }
            let ended = program.ended().await;
            assert_eq!(
                (ended.code, ended.stderr.as_str()),
                (Some(code), ""),
                "{signal}"
            );
        }
    });
    join_all(ended).await;
}

#[tokio::test]
async fn a_stream_that_does_not_end_is_cut_when_the_grace_is_over() {
    let (_emulator, program, client) = serve(&[("GATEWAY_SHUTDOWN_SECONDS", "0.2")]).await;
    let mut stream = client.ask_streamed("stall-middle", "hi").await;
    stream.chunk().await.unwrap().unwrap();
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(
        ended.stdout.contains("stopped with answers still open"),
        "{}",
        ended.stdout
    );
    let cut = async {
        while stream.chunk().await?.is_some() {}
        reqwest::Result::Ok(())
    };
    assert!(
        cut.await.is_err(),
        "a stream that was cut must not look like one that ended"
    );
}

/// A connection that has had an answer and may be used again.
async fn used_connection(address: SocketAddr) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        answer.push(connection.read_u8().await.unwrap());
    }
    connection
}

async fn is_closed(mut connection: TcpStream) {
    let read = tokio::time::timeout(SOON, connection.read(&mut [0])).await;
    assert_eq!(read.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn idle_connections_are_closed_at_once_and_answers_in_the_making_are_finished() {
    let emulator = emulator(Behaviour {
        first_delta_ms: PAUSE_BEFORE_THE_TEXT_MS,
        ..Behaviour::default()
    })
    .await;
    let (program, client) = Program::serve(&emulator.project_endpoint(), &[]).await;
    let used = used_connection(client.address).await;
    let unused = TcpStream::connect(client.address).await.unwrap();
    let mut answers = std::pin::pin!(join_all((0..5).map(|_| client.ask("echo", "to the end"))));
    let asked = emulator
        .journal()
        .wait_for(|requests| requests.len() == 5, SOON);
    tokio::select! {
        asked = asked => assert!(asked),
        answers = &mut answers => panic!("answered already: {answers:?}"),
    }
    program.signal("TERM").await;
    let closed = async {
        is_closed(used).await;
        is_closed(unused).await;
        nobody_listens_on(client.address).await;
    };
    tokio::select! {
        () = closed => {}
        answers = &mut answers => panic!("they waited for answers: {answers:?}"),
    }
    for answer in answers.await {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["connection"], "close");
        assert!(answer.text().await.unwrap().contains("to the end"));
    }
    let ended = program.ended().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}
