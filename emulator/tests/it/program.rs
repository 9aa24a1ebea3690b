//! The program `foundry-emulator` itself.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::support::{http_client, read};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_foundry-emulator"))
}

/// A running program, killed when the test ends.
struct Running {
    child: Child,
    /// What it said before it served.
    greeting: Vec<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child = program()
            .args(arguments)
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = lines.by_ref().take(5).map(Result::unwrap).collect();
        // The rest is drained, so that the program never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Running { child, greeting }
    }

    fn url(&self) -> &str {
        self.greeting[0].strip_prefix("listening on ").unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn it_says_where_it_listens_and_serves() {
    let mut running = Running::start(&["--answer-words", "2"]);
    assert!(running.url().starts_with("http://127.0.0.1:"));
    assert!(running.greeting[1].ends_with("/api/projects/emulated"));
    assert!(
        running.greeting[3].contains("fail-cut"),
        "{:?}",
        running.greeting
    );
    let hello = read(http_client().get(running.url())).await.ok();
    assert_eq!(hello.header("server"), Some("foundry-emulator"));
    let behaviour = format!("{}/emulator/behaviour", running.url());
    let behaviour = read(http_client().get(behaviour)).await.ok().json();
    assert_eq!(behaviour["answer_words"], 2);
    running.child.kill().unwrap();
    let mut errors = String::new();
    running
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(errors, "");
}

#[tokio::test]
async fn it_serves_https_with_its_own_authority() {
    let path = std::env::temp_dir().join(format!("foundry-emulator-ca-{}.pem", std::process::id()));
    let running = Running::start(&["--https", "--ca-file", path.to_str().unwrap()]);
    let certificate = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let certificate = reqwest::Certificate::from_pem(&certificate).unwrap();
    // The first client makes sure that there is cryptography.
    http_client();
    let trusting = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    let port = running.url().rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}/");
        let hello = read(trusting.get(&url)).await.ok();
        assert_eq!(hello.header("server"), Some("foundry-emulator"), "{host}");
        assert!(http_client().get(&url).send().await.is_err(), "{host}");
    }
}

#[test]
fn help_and_version_are_what_people_expect() {
    let help = program().arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.status.success() && text.contains("--ca-file") && text.contains("--token-delay-ms")
    );
    let version = program().arg("--version").output().unwrap();
    let text = String::from_utf8(version.stdout).unwrap();
    assert_eq!(
        text,
        format!("foundry-emulator {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let failed = program().args(["--port", &port]).output().unwrap();
    assert!(!failed.status.success());
    let text = String::from_utf8(failed.stderr).unwrap();
    assert!(text.contains(&port) && text.contains("--port"), "{text}");
}
