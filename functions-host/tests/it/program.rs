//! The program, as test suites in other languages run it.

use std::{net::SocketAddr, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
};

use crate::support::{App, SOON, eventually, get, json, post};

struct Program {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

async fn start(app: &App) -> Program {
    let mut child = Command::new(env!("CARGO_BIN_EXE_functions-host"))
        .arg("--app-root")
        .arg(app.path())
        .args(["--port", "0", "--time-scale", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = tokio::time::timeout(SOON, stdout.next_line())
            .await
            .unwrap();
        let line = line.unwrap().expect("the program is listening");
        if let Some(address) = line.strip_prefix("listening on http://") {
            break address.parse().unwrap();
        }
    };
    Program {
        child,
        stdout,
        address,
    }
}

impl Drop for Program {
    /// A failed test must leave neither the program nor its handler behind, which a SIGKILL would.
    fn drop(&mut self) {
        if let Some(pid) = self.child.id() {
            let mut kill = std::process::Command::new("kill");
            drop(kill.arg(pid.to_string()).status());
        }
    }
}

impl Program {
    async fn exit_code(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(SOON, self.child.wait()).await;
        ended.expect("the program ends").unwrap().code()
    }

    async fn stderr(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut text).await.unwrap();
        text
    }
}

async fn environment(program: &Program) -> Value {
    json(&get(program.address, "/v1/process").await)["environment"].take()
}

async fn worker_id(program: &Program) -> String {
    environment(program).await["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"].to_string()
}

async fn handler_address(program: &Program) -> SocketAddr {
    let environment = environment(program).await;
    let port = environment["FUNCTIONS_CUSTOMHANDLER_PORT"]
        .as_str()
        .unwrap();
    format!("127.0.0.1:{port}").parse().unwrap()
}

/// Makes the handler end with code 1.
async fn crash(program: &Program) {
    let mut client = TcpStream::connect(program.address).await.unwrap();
    // The body keeps the host from trying again, which would be the next crash.
    let request = "POST /v1/exit/1 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\
        content-length: 3\r\n\r\nnow";
    client.write_all(request.as_bytes()).await.unwrap();
    // Whether an answer or a reset ends the connection depends on whether the host is still there.
    let mut answer = Vec::new();
    let answered = tokio::time::timeout(SOON, client.read_to_end(&mut answer)).await;
    drop(answered.expect("an end of the connection"));
}

#[tokio::test]
async fn it_serves_until_it_is_terminated_and_takes_the_handler_along() {
    let app = App::new();
    let mut program = start(&app).await;
    let handler = handler_address(&program).await;
    post(program.address, "/v1/print/stdout", "served").await;
    eventually("the handler's line", async || {
        program.stdout.next_line().await.unwrap().as_deref() == Some("[Information] served")
    })
    .await;

    let pid = program.child.id().unwrap().to_string();
    let sent = Command::new("kill").arg(pid).status().await.unwrap();
    assert!(sent.success());
    assert_eq!(program.exit_code().await, Some(0));
    assert!(
        TcpStream::connect(handler).await.is_err(),
        "the handler outlived the program"
    );
    assert_eq!(program.stderr().await, "");
}

#[tokio::test]
async fn it_fails_when_the_handler_crashes_for_the_third_time() {
    let app = App::new();
    let mut program = start(&app).await;
    for _ in 0..2 {
        let worker = worker_id(&program).await;
        crash(&program).await;
        eventually("a successor", async || worker_id(&program).await != worker).await;
    }
    crash(&program).await;
    assert_eq!(program.exit_code().await, Some(1));
    let stderr = program.stderr().await;
    assert!(
        stderr.contains("Exceeded http worker restart retry count"),
        "{stderr}"
    );
}

#[tokio::test]
async fn it_says_what_is_wrong_with_an_app() {
    let app = App::new().http_function("bad", r#""route": "runtime""#);
    let output = Command::new(env!("CARGO_BIN_EXE_functions-host"))
        .arg("--app-root")
        .arg(app.path())
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("the route runtime conflicts"), "{stderr}");
}
