//! The program as a process: its options, its port, and a module each for settings, signals, logs, secrets and `demo`.

mod demo;
mod log_lines;
mod logs;
mod secrets;
mod settings;
mod signals;

use std::net::{Ipv4Addr, SocketAddr};

use foundry_emulator::{Behaviour, Emulator};
use tokio::net::TcpListener;

use crate::support::{Client, Program, emulator};

async fn serve(settings: &[(&str, &str)]) -> (Emulator, Program, Client) {
    let emulator = emulator(Behaviour::default()).await;
    let (program, client) = Program::serve(&emulator.project_endpoint(), settings).await;
    (emulator, program, client)
}

/// A free port, for a program whose log does not tell it.
async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn help_and_version_are_what_people_expect() {
    let version = Program::start(&["--version"], &[]).ended().await;
    let expected = concat!("foundry-gateway ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((version.code, version.stdout.as_str()), (Some(0), expected));
    for arguments in [&["--help"][..], &["-h"], &["demo", "--help"]] {
        let help = Program::start(arguments, &[]).ended().await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(
            help.stdout.contains("Usage: foundry-gateway"),
            "{}",
            help.stdout
        );
    }
    let unknown = Program::start(&["--prot", "1"], &[]).ended().await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(2), ""));
    assert!(unknown.stderr.contains("--prot"), "{}", unknown.stderr);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port().to_string();
    let settings = [
        (
            "FOUNDRY_PROJECT_ENDPOINT",
            "https://a.example/api/projects/p",
        ),
        ("GATEWAY_ALLOW_ANONYMOUS", "true"),
        ("PORT", &port),
    ];
    let serving = Program::start(&[], &settings).ended().await;
    let demo = Program::start(&["demo", "--port", &port], &[])
        .ended()
        .await;
    for (ended, remedy) in [(serving, "PORT"), (demo, "--port")] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let said = format!("cannot listen on {address}");
        assert!(
            ended.stderr.contains(&said) && ended.stderr.contains(remedy),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn port_0_takes_a_free_one_on_the_loopback_and_says_which() {
    let (_emulator, program, client) = serve(&[]).await;
    assert_eq!(client.address.ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(client.get("/").await.status(), 200);
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}
