//! Timers, which reach the handler by envelope in every mode, and the log of what the handler says.

use functions_host::{Host, InvocationError, LogLevel, LogLine, LogStream};
use http::StatusCode;
use serde_json::json;

use crate::support::{App, SOON, get, json, post};

const TIMER: &str = r#"{"bindings": [
    {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 */15 * * * *"}]}"#;

fn app() -> App {
    App::new().function("sweep", TIMER)
}

async fn invoke(settings: &[(&str, &str)]) -> Result<(), InvocationError> {
    let app = app();
    let mut options = app.options();
    for (name, value) in settings {
        options = options.setting(*name, *value);
    }
    let host = Host::start(options).await.unwrap();
    host.invoke_timer("sweep").await
}

#[tokio::test]
async fn a_timer_arrives_as_an_envelope_of_the_host_itself() {
    let app = app();
    let host = app.start().await;
    host.invoke_timer("sweep").await.unwrap();
    let mut request = json(&get(host.handler_address(), "/v1/timer-request").await);
    let mut headers = request["headers"].take();
    let id = headers["x-azure-functions-invocationid"].take();
    assert_eq!(id[0].as_str().unwrap().len(), 36);
    assert_eq!(
        headers,
        json!({
            "content-type": ["application/json; charset=utf-8"],
            "host": [host.handler_address().to_string()],
            "transfer-encoding": ["chunked"],
            "user-agent": ["Azure-Functions-Host/4.1048.0"],
            "x-azure-functions-hostversion": ["4.1048.0"],
            "x-azure-functions-invocationid": null,
        })
    );
    assert_eq!(
        (&request["method"], &request["target"]),
        (&json!("POST"), &json!("/sweep"))
    );
    let body: serde_json::Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["Data"]["timer"]["IsPastDue"], false);
    assert_eq!(body["Metadata"]["sys"]["MethodName"], "sweep");
}

#[tokio::test]
async fn nothing_and_null_hang() {
    for body in ["", "null"] {
        let hung = invoke(&[("HANDLER_TIMER_BODY", body)]).await;
        assert!(matches!(hung, Err(InvocationError::Hang)), "{hung:?}");
    }
}

#[tokio::test]
async fn a_failure_and_a_body_that_is_not_json_are_told_apart() {
    let failed = invoke(&[("HANDLER_TIMER_STATUS", "503")]).await;
    let expected = StatusCode::SERVICE_UNAVAILABLE;
    assert!(matches!(failed, Err(InvocationError::Status(status)) if status == expected));
    let invalid = invoke(&[("HANDLER_TIMER_TYPE", "text/plain")]).await;
    assert!(
        matches!(invalid, Err(InvocationError::Invalid(_))),
        "{invalid:?}"
    );
}

#[tokio::test]
async fn an_unknown_timer_is_named() {
    let app = app();
    let host = app.start().await;
    let unknown = host.invoke_timer("openai").await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the app has no timer function named openai"
    );
}

#[tokio::test]
async fn what_a_timer_logs_is_information() {
    let app = app();
    let options = app
        .options()
        .setting("HANDLER_TIMER_BODY", r#"{"Logs": ["swept 3"]}"#);
    let host = Host::start(options).await.unwrap();
    host.invoke_timer("sweep").await.unwrap();
    assert!(host.log_lines().contains(&LogLine {
        stream: LogStream::Host,
        level: LogLevel::Information,
        text: "swept 3".to_owned(),
    }));
}

#[tokio::test]
async fn stdout_is_information_and_stderr_an_error_unless_it_warns() {
    let app = App::new();
    let host = app.start().await;
    let cases = [
        (
            "stdout",
            "an error in name only",
            LogStream::Stdout,
            LogLevel::Information,
        ),
        (
            "stderr",
            "Warning: slow",
            LogStream::Stderr,
            LogLevel::Warning,
        ),
        ("stderr", "listening", LogStream::Stderr, LogLevel::Error),
    ];
    for (stream, text, source, level) in cases {
        post(host.address(), &format!("/v1/print/{stream}"), text).await;
        let expected = LogLine {
            stream: source,
            level,
            text: text.to_owned(),
        };
        let logged = host.wait_for_log(|line| *line == expected, SOON).await;
        assert!(logged, "{expected:?}");
    }
    let errors: Vec<String> = host.errors().into_iter().map(|line| line.text).collect();
    assert_eq!(errors, ["listening"]);
}
