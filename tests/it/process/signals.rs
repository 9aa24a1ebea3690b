//! SIGTERM and SIGINT: no new connections, open answers are finished, the exit code says what comes next.

use std::net::SocketAddr;

use foundry_emulator::Behaviour;
use futures_util::future::join_all;
use tokio::net::TcpStream;

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
