//! The real program as a custom handler, behind the stand-in of the Functions host, with the files that are deployed.
//!
//! What the stand-in copies of the host is told in `functions-host/README.md`; here is what the gateway makes of it.

mod entra;
mod life;
mod surroundings;

use std::{fs, os::unix::fs::symlink, path::Path};

use foundry_emulator::{Behaviour, Emulator, Ending, RecordedRequest};
use functions_host::{FrontEnd, Host, HostOptions, ParentEnvironment};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Client, KEY, SOON, emulator, error_of, events_of, text_of};

/// A function app as it is deployed, in a temporary folder.
struct App {
    folder: TempDir,
    emulator: Emulator,
}

impl App {
    /// host.json, the functions, and a link to the program, in front of an emulated project.
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        copy_app(Path::new(env!("CARGO_MANIFEST_DIR")), folder.path());
        Self {
            folder,
            emulator: emulator(Behaviour::default()).await,
        }
    }

    /// The settings that a deployment would have, and nothing of this machine.
    fn options(&self) -> HostOptions {
        let mut options = HostOptions::new(self.folder.path())
            .setting("FUNCTIONS_WORKER_RUNTIME", "custom")
            .setting("FOUNDRY_PROJECT_ENDPOINT", self.emulator.project_endpoint())
            .setting("FOUNDRY_ACCESS_TOKEN", "test-token")
            .setting("GATEWAY_API_KEYS", format!("test={KEY}"));
        options.parent_environment = ParentEnvironment::Exactly(Vec::new());
        options
    }

    async fn start(&self) -> (Host, Client) {
        start(self.options()).await
    }
}

async fn start(options: HostOptions) -> (Host, Client) {
    let host = Host::start(options).await.unwrap();
    let client = Client::of(host.address());
    (host, client)
}

fn copy_app(from: &Path, to: &Path) {
    fs::copy(from.join("host.json"), to.join("host.json")).unwrap();
    let entries = fs::read_dir(from).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let functions: Vec<_> = folders
        .filter(|folder| folder.join("function.json").is_file())
        .collect();
    assert!(!functions.is_empty());
    for function in functions {
        let copy = to.join(function.file_name().unwrap());
        fs::create_dir(&copy).unwrap();
        fs::copy(function.join("function.json"), copy.join("function.json")).unwrap();
    }
    let host_json: Value =
        serde_json::from_slice(&fs::read(to.join("host.json")).unwrap()).unwrap();
    let program = &host_json["customHandler"]["description"]["defaultExecutablePath"];
    let program = to.join(program.as_str().unwrap());
    symlink(env!("CARGO_BIN_EXE_foundry-gateway"), program).unwrap();
}

/// Whether the service saw its client leave a request of this operation.
async fn upstream_stopped(emulator: &Emulator, operation: &str) -> bool {
    let stopped = |request: &RecordedRequest| {
        request.operation == operation && request.ending == Some(Ending::ClientClosed)
    };
    emulator
        .journal()
        .wait_for(|requests| requests.iter().any(stopped), SOON)
        .await
}

/// Reads a stream until `part` has arrived.
async fn read_until(response: &mut reqwest::Response, part: &str) -> String {
    let mut read = String::new();
    let reading = async {
        while !read.contains(part) {
            let chunk = response.chunk().await.unwrap().unwrap();
            read += std::str::from_utf8(&chunk).unwrap();
        }
    };
    let in_time = tokio::time::timeout(SOON, reading).await.is_ok();
    assert!(in_time, "waited in vain for {part:?} after {read:?}");
    read
}

#[tokio::test]
async fn every_endpoint_works_and_the_host_has_no_error_to_log() {
    let app = App::new().await;
    let (host, client) = app.start().await;
    for agent in ["assistant", "asst_assistant"] {
        let answer = client.ask(agent, "repeat exactly: whole").await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains("\"whole\""));
        let stream = client.ask_streamed(agent, "repeat exactly: in parts").await;
        assert_eq!(
            stream.headers()["content-type"],
            "text/event-stream; charset=utf-8"
        );
        let stream = stream.text().await.unwrap();
        assert_eq!(text_of(&stream), "in parts");
        assert_eq!(events_of(&stream).last().unwrap(), "[DONE]");
    }
    let models: Value =
        serde_json::from_str(&client.get("/v1/models").await.text().await.unwrap()).unwrap();
    let listed = models["data"].as_array().unwrap();
    assert!(listed.iter().any(|model| model["id"] == "echo"), "{models}");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(client.get(path).await.status(), 200, "{path}");
    }
    assert_eq!(host.errors(), []);
    assert!(host.app_root_changes().is_empty());
    assert_eq!(host.restarts(), 0);
}

#[tokio::test]
async fn what_the_gateway_refuses_arrives_in_openais_shape() {
    let app = App::new().await;
    let (host, client) = app.start().await;
    let send = |method: http::Method, path: &str| client.http.request(method, client.url(path));
    let get_chat = send(http::Method::GET, "/v1/chat/completions").bearer_auth(KEY);
    let delete_models = send(http::Method::DELETE, "/v1/models").bearer_auth(KEY);
    let rows = [
        (get_chat.send().await.unwrap(), 405, "method_not_allowed"),
        (
            delete_models.send().await.unwrap(),
            405,
            "method_not_allowed",
        ),
        (
            send(http::Method::GET, "/v1/models").send().await.unwrap(),
            401,
            "missing_api_key",
        ),
        (client.post("nonsense").await, 400, "invalid_json"),
        (client.ask("nobody", "hi").await, 404, "model_not_found"),
        (
            client.ask("fail-rate-limit", "hi").await,
            429,
            "rate_limit_exceeded",
        ),
        (
            client.ask_streamed("fail-server-error", "hi").await,
            502,
            "upstream_failed",
        ),
    ];
    for (response, status, code) in rows {
        assert!(response.headers().contains_key("x-request-id"), "{code}");
        let (got, error) = error_of(response).await;
        assert_eq!((got, &error["code"]), (status, &code.into()));
    }
    let limited = client.ask("fail-rate-limit", "hi").await;
    assert_eq!(limited.headers()["retry-after"], "7");
    assert_eq!(host.errors(), []);
}

#[tokio::test]
async fn a_model_with_a_slash_is_found_though_the_host_encodes_it_twice() {
    let app = App::new().await;
    let aliases = r#"{"aliases":{"team/helper":"echo"}}"#;
    let (_host, client) = start(app.options().setting("GATEWAY_AGENTS", aliases)).await;
    for path in ["/v1/models/team%2Fhelper", "/v1/models/team/helper"] {
        let response = client.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        let model: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(model["id"], "team/helper", "{path}");
    }
    assert_eq!(client.ask("team/helper", "hi").await.status(), 200);
}

#[tokio::test]
async fn text_arrives_while_the_agent_is_still_speaking() {
    let app = App::new().await;
    let (_host, client) = app.start().await;
    for (agent, operation) in [
        ("stall-middle", "create_response"),
        ("asst_stall_middle", "create_thread_and_run"),
    ] {
        let mut stream = client.ask_streamed(agent, "hi").await;
        // The agent never ends: a host or a gateway that collected the stream would deliver nothing.
        read_until(&mut stream, "\"content\":\"This").await;
        let running =
            |request: &RecordedRequest| request.operation == operation && request.ending.is_none();
        assert!(
            app.emulator.journal().requests().iter().any(running),
            "{agent}"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_agent() {
    let app = App::new().await;
    let (host, client) = app.start().await;
    let mut stream = client.ask_streamed("stall-middle", "hi").await;
    read_until(&mut stream, "\"content\":\"This").await;
    drop(stream);
    assert!(upstream_stopped(&app.emulator, "create_response").await);

    let mut stream = client.ask_streamed("asst_stall_middle", "hi").await;
    read_until(&mut stream, "\"content\":\"This").await;
    drop(stream);
    for operation in ["cancel_run", "delete_thread"] {
        let asked = |requests: &[RecordedRequest]| {
            requests
                .iter()
                .any(|request| request.operation == operation && request.status == Some(200))
        };
        assert!(
            app.emulator.journal().wait_for(asked, SOON).await,
            "{operation}"
        );
    }
    assert_eq!(host.errors(), []);
}

/// The 240 s of the host's patience become 600 ms, and the 230 s of the front end 575 ms.
const SCALE: u32 = 400;
/// Twice that.
const SILENCE_MS: u64 = 1200;

/// A host whose times are scaled, in front of agents that are silent for longer than its patience.
async fn start_impatient(app: &App, options: HostOptions) -> (Host, Client) {
    app.emulator.behaviour().set(Behaviour {
        first_delta_ms: SILENCE_MS,
        ..Behaviour::default()
    });
    // The time scale divides the budget for the start too.
    let budget = "AzureFunctionsJobHost__customHandler__initializationTimeout";
    let mut options = options.setting(budget, "02:00:00");
    options.time_scale = SCALE;
    start(options).await
}

#[tokio::test]
async fn heartbeats_keep_a_silent_stream_alive() {
    let app = App::new().await;
    let often = app.options().setting("GATEWAY_HEARTBEAT_SECONDS", "0.15");
    let (_host, client) = start_impatient(&app, often).await;
    let stream = client.ask_streamed("echo", "at last").await;
    let stream = stream.text().await.unwrap();
    assert!(3 < stream.matches(": keep-alive\n\n").count(), "{stream}");
    assert_eq!(text_of(&stream), "at last");

    let never = app.options().setting("GATEWAY_HEARTBEAT_SECONDS", "60");
    let (_host, client) = start_impatient(&app, never).await;
    let cut = client.ask_streamed("echo", "at last").await.text().await;
    assert!(
        cut.is_err(),
        "it is not heartbeats that kept the stream: {cut:?}"
    );
}

#[tokio::test]
async fn a_whole_answer_that_takes_too_long_is_a_504_before_the_front_end_cuts() {
    let app = App::new().await;
    let mut below = app
        .options()
        .setting("GATEWAY_RESPONSE_TIMEOUT_SECONDS", "0.3");
    below.front_end = FrontEnd::Azure;
    let (host, client) = start_impatient(&app, below).await;
    let (status, error) = error_of(client.ask("echo", "too late").await).await;
    assert_eq!((status, &error["code"]), (504, &"upstream_timeout".into()));
    assert_eq!(host.errors(), []);
}
