//! What the handler is started with, and what happens until it is ready.

use std::{fs, time::Duration};

use functions_host::{Host, HostError, ParentEnvironment};
use http::StatusCode;

use crate::support::{A_MOMENT, App, SOON, eventually, get, json, text};

#[tokio::test]
async fn the_handler_gets_its_arguments_split_and_the_app_root_as_working_directory() {
    let app = App::new();
    let host = app.start().await;
    let process = json(&get(host.address(), "/v1/process").await);
    let program = app.path().join("handler");
    let expected = [program.to_str().unwrap(), "--verbose", "two", "words"];
    assert_eq!(process["arguments"], serde_json::json!(expected));
    let working_directory = process["working_directory"].as_str().unwrap();
    assert_eq!(
        fs::canonicalize(working_directory).unwrap(),
        fs::canonicalize(app.path()).unwrap()
    );
}

#[tokio::test]
async fn the_handler_gets_five_variables_besides_the_app_settings() {
    let app = App::new();
    let host = Host::start(app.options().setting("GREETING", "hello"))
        .await
        .unwrap();
    let process = json(&get(host.address(), "/v1/process").await);
    let environment = &process["environment"];
    let names: Vec<&str> = environment
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "FUNCTIONS_APP_ROOT_PATH",
            "FUNCTIONS_CUSTOMHANDLER_PORT",
            "FUNCTIONS_CUSTOMHANDLER_WORKER_ID",
            "FUNCTIONS_HTTPWORKER_ID",
            "FUNCTIONS_HTTPWORKER_PORT",
            "GREETING",
        ]
    );
    let port = host.handler_address().port().to_string();
    assert_eq!(environment["FUNCTIONS_CUSTOMHANDLER_PORT"], port.as_str());
    assert_eq!(environment["FUNCTIONS_HTTPWORKER_PORT"], port.as_str());
    let id = &environment["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"];
    assert_eq!(
        (id.as_str().unwrap().len(), id),
        (36, &environment["FUNCTIONS_HTTPWORKER_ID"])
    );
    assert_eq!(
        environment["FUNCTIONS_APP_ROOT_PATH"],
        app.path().to_str().unwrap()
    );
}

#[tokio::test]
async fn the_parent_environment_is_inherited_unless_it_is_listed() {
    let app = App::new();
    let mut options = app.options();
    options.parent_environment = ParentEnvironment::Exactly(vec![(
        "HTTP_PROXY".to_owned(),
        "http://127.0.0.1:9".to_owned(),
    )]);
    let host = Host::start(options.clone()).await.unwrap();
    let environment = json(&get(host.address(), "/v1/process").await)["environment"].clone();
    assert_eq!(environment["HTTP_PROXY"], "http://127.0.0.1:9");
    assert!(environment.get("PATH").is_none());

    options.parent_environment = ParentEnvironment::Inherited;
    let host = Host::start(options).await.unwrap();
    let environment = json(&get(host.address(), "/v1/process").await)["environment"].clone();
    let path = std::env::var_os("PATH").unwrap();
    assert_eq!(environment["PATH"], path.to_str().unwrap());
}

#[tokio::test]
async fn a_request_is_held_until_the_handler_is_ready() {
    let app = App::new();
    let gate = app.path().join("gate");
    let options = app
        .options()
        .setting("HANDLER_WAITS_FOR", gate.to_str().unwrap());
    let host = Host::launch(options).await.unwrap();
    let request = get(host.address(), "/v1/echo");
    tokio::pin!(request);
    assert!(
        tokio::time::timeout(A_MOMENT, &mut request).await.is_err(),
        "not held"
    );
    assert_eq!(host.start_duration(), None);

    fs::write(&gate, "").unwrap();
    assert_eq!(request.await.status(), StatusCode::OK);
    assert!(host.start_duration().unwrap() > A_MOMENT);
    assert_eq!(host.restarts(), 0);
}

#[tokio::test]
async fn a_handler_that_is_not_ready_in_time_counts_as_crashed() {
    let app = App::new();
    let options = app
        .options()
        .setting("HANDLER_WAITS_FOR", "nothing")
        .setting(
            "AzureFunctionsJobHost__customHandler__initializationTimeout",
            "00:00:00.05",
        );
    let host = Host::launch(options).await.unwrap();
    let reason = host.ready().await.unwrap_err().to_string();
    assert!(
        reason.starts_with("Exceeded http worker restart retry count"),
        "{reason}"
    );
    assert_eq!(host.restarts(), 2);
    let timed_out = host.errors();
    let timed_out = timed_out
        .iter()
        .filter(|line| line.text == "Initializing HttpWorker timed out.");
    assert_eq!(timed_out.count(), 3);
}

#[tokio::test]
async fn a_handler_that_accepts_and_never_answers_stops_the_host_by_its_held_requests() {
    let app = App::new();
    let options = app.options().setting("HANDLER_STALLS", "yes").setting(
        "AzureFunctionsJobHost__customHandler__initializationTimeout",
        "00:00:00.05",
    );
    let host = Host::launch(options).await.unwrap();
    let stopped = async { host.stopped().await.to_string() };
    assert!(
        tokio::time::timeout(A_MOMENT, stopped).await.is_err(),
        "no request waits yet"
    );
    let stream = tokio::net::TcpStream::connect(host.address())
        .await
        .unwrap();
    stream.writable().await.unwrap();
    stream
        .try_write(b"GET /v1/echo HTTP/1.1\r\nhost: h\r\n\r\n")
        .unwrap();
    let reason = tokio::time::timeout(SOON, host.stopped())
        .await
        .unwrap()
        .to_string();
    assert_eq!(reason, "Initialization timed out and host is shutting down");
}

#[tokio::test]
async fn the_handler_is_pinged_as_long_as_it_lives() {
    let app = App::new();
    let mut options = app.options();
    options.time_scale = 500;
    let host = Host::start(options).await.unwrap();
    eventually("five requests for /", async || {
        let count = get(host.handler_address(), "/v1/root-requests").await;
        text(&count).parse::<u32>().unwrap() >= 5
    })
    .await;
}

#[tokio::test]
async fn the_start_is_measured_to_the_first_200() {
    let app = App::new();
    let host = app.start().await;
    let duration = host.start_duration().unwrap();
    assert!(duration > Duration::ZERO && duration < SOON, "{duration:?}");
}

#[tokio::test]
async fn a_second_instance_serves_beside_the_first() {
    let app = App::new();
    let first = Host::start(app.options().setting("GREETING", "hello"))
        .await
        .unwrap();
    let second = first.start_second_instance().await.unwrap();
    assert_ne!(first.handler_pid(), second.handler_pid());
    for host in [&first, &second] {
        let process = json(&get(host.address(), "/v1/process").await);
        assert_eq!(process["environment"]["GREETING"], "hello");
        let port = host.handler_address().port().to_string();
        assert_eq!(
            process["environment"]["FUNCTIONS_CUSTOMHANDLER_PORT"],
            port.as_str()
        );
    }
}

#[tokio::test]
async fn a_file_written_into_the_app_is_noticed() {
    let app = App::new();
    let host = app.start().await;
    assert_eq!(host.app_root_changes(), Vec::<std::path::PathBuf>::new());
    let file = app.path().join("openai").join("cache");
    fs::write(&file, "").unwrap();
    assert!(host.app_root_changes().contains(&file));
}

#[tokio::test]
async fn an_app_that_is_not_valid_does_not_start() {
    let app = App::new().http_function("bad", r#""route": "admin/agents""#);
    let refused = Host::start(app.options()).await.unwrap_err();
    assert!(matches!(refused, HostError::Config(_)), "{refused:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_does_not_start() {
    let app = App::new();
    fs::remove_file(app.path().join("handler")).unwrap();
    let refused = Host::start(app.options()).await.unwrap_err();
    assert!(matches!(refused, HostError::Spawn { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_fixed_port_that_is_taken_does_not_start() {
    let app = App::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = listener.local_addr().unwrap().port();
    let setting = "AzureFunctionsJobHost__customHandler__port";
    let options = app.options().setting(setting, taken.to_string());
    let refused = Host::start(options.clone()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("unable to bind to port {taken} on 127.0.0.1")
    );

    drop(listener);
    let host = Host::start(options).await.unwrap();
    assert_eq!(host.handler_address().port(), taken);
}
