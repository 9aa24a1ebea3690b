//! Every fault at every stage, as the bytes on the connection show it.

use std::io::ErrorKind;
use std::time::Duration;

use foundry_emulator::{Behaviour, Fault, FaultRule, Stage};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Event, Service, ask_body, events, names, run_body};

/// The end of a chunked body.
const LAST_CHUNK: &str = "\r\n0\r\n\r\n";
const RESPONSES: &str = "/openai/v1/responses";
const RUNS: &str = "/threads/runs?api-version=v1";

fn rule(operation: &str, stage: Stage, fault: Fault) -> FaultRule {
    FaultRule {
        operation: operation.to_owned(),
        stage,
        fault,
        times: None,
    }
}

async fn with_fault(operation: &str, stage: Stage, fault: Fault) -> Service {
    Service::with(Behaviour {
        faults: vec![rule(operation, stage, fault)],
        ..Behaviour::default()
    })
    .await
}

/// The body of a chunked answer, as far as it came.
fn body_of(raw: &str) -> String {
    let (_, mut rest) = raw.split_once("\r\n\r\n").unwrap_or_default();
    let mut body = Vec::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        let end = size.min(after.len());
        body.extend_from_slice(&after.as_bytes()[..end]);
        rest = after.get(end + 2..).unwrap_or_default();
    }
    String::from_utf8(body).unwrap()
}

fn question() -> Value {
    json!("Please tell me a story about a lamp.")
}

#[tokio::test]
async fn connections_end_before_anything_is_read() {
    for (fault, kind) in [
        (Fault::Reset, Some(ErrorKind::ConnectionReset)),
        (Fault::Close, None),
    ] {
        let service = with_fault("any", Stage::Accept, fault).await;
        let (raw, ended) = service
            .raw_post(RESPONSES, &ask_body("echo", &question(), true))
            .await;
        assert_eq!(raw, "");
        // Bytes that were sent into a closed connection are answered with a reset, too.
        if let Some(kind) = kind {
            assert_eq!(ended.err().map(|error| error.kind()), Some(kind));
        }
        assert!(service.emulator.journal().requests().is_empty());
    }
}

#[tokio::test]
async fn connections_end_before_the_headers() {
    for (fault, kind) in [
        (Fault::Reset, Some(ErrorKind::ConnectionReset)),
        (Fault::Close, None),
        (Fault::Eof, None),
    ] {
        let service = with_fault("create_response", Stage::Headers, fault).await;
        let (raw, ended) = service
            .raw_post(RESPONSES, &ask_body("echo", &question(), true))
            .await;
        assert_eq!(raw, "");
        assert_eq!(ended.err().map(|error| error.kind()), kind);
        service.get("/agents?api-version=v1").await.ok();
    }
}

/// What came of a stream of either dialect that a fault hits.
async fn hit(service: &Service, path: &str) -> (String, Option<ErrorKind>) {
    let body = if path == RUNS {
        run_body("asst_assistant", question().as_str().unwrap(), true)
    } else {
        ask_body("assistant", &question(), true)
    };
    let (raw, ended) = service.raw_post(path, &body).await;
    assert!(raw.starts_with("HTTP/1.1 200 OK\r\n"), "{raw}");
    (raw, ended.err().map(|error| error.kind()))
}

/// The last event before a fault of this stage, in the new and the classic dialect.
fn last_before(stage: Stage) -> [&'static str; 2] {
    match stage {
        Stage::Created => ["response.created", "thread.run.created"],
        Stage::Middle => ["response.output_text.delta", "thread.message.delta"],
        _ => ["response.output_item.done", "thread.run.step.completed"],
    }
}

#[tokio::test]
async fn streams_end_early() {
    for stage in [Stage::Created, Stage::Middle, Stage::End] {
        for fault in [Fault::Reset, Fault::Close, Fault::Eof] {
            for (path, last) in [RESPONSES, RUNS].into_iter().zip(last_before(stage)) {
                let service = with_fault("any", stage, fault.clone()).await;
                let (raw, ended) = hit(&service, path).await;
                let case = format!("{stage:?} {fault:?} {path}");
                let seen = events(&body_of(&raw));
                // A thread that is made on the way comes before its run.
                let last = match (stage, path) {
                    (Stage::Created, RUNS) => "thread.created",
                    _ => last,
                };
                assert_eq!(names(&seen).last(), Some(&last), "{case}");
                let expected = (fault == Fault::Reset).then_some(ErrorKind::ConnectionReset);
                assert_eq!(ended, expected, "{case}");
                assert_eq!(raw.ends_with(LAST_CHUNK), fault == Fault::Eof, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn odd_events_come_and_the_stream_goes_on() {
    for stage in [Stage::Headers, Stage::Created, Stage::Middle, Stage::End] {
        for (fault, name) in [
            (Fault::Malformed, ""),
            (Fault::UnknownEvent, "emulator.unknown"),
            (Fault::Oversized { bytes: 100_000 }, "emulator.oversized"),
        ] {
            for (path, end) in [(RESPONSES, "response.completed"), (RUNS, "done")] {
                let service = with_fault("any", stage, fault.clone()).await;
                let (raw, ended) = hit(&service, path).await;
                assert_eq!(ended, None);
                let seen = events(&body_of(&raw));
                assert_eq!(seen.last().unwrap().name, end);
                // Broken JSON comes in an event that every client reads.
                let name = match (name, path) {
                    ("", RESPONSES) => "response.output_text.delta",
                    ("", _) => "thread.message.delta",
                    (name, _) => name,
                };
                let is_broken = |event: &Event| serde_json::from_str::<Value>(&event.data).is_err();
                let odd = seen
                    .iter()
                    .position(|event| {
                        event.name == name && (fault != Fault::Malformed || is_broken(event))
                    })
                    .unwrap();
                if let Fault::Oversized { bytes } = fault {
                    assert!(seen[odd].data.len() > bytes);
                }
                assert_eq!(is_broken(&seen[odd]), fault == Fault::Malformed);
                assert_eq!(odd == 0, stage == Stage::Headers);
            }
        }
    }
}

#[tokio::test]
async fn an_error_event_ends_the_stream() {
    let service = with_fault("any", Stage::Middle, Fault::ErrorEvent).await;
    let (raw, _) = hit(&service, RESPONSES).await;
    let seen = events(&body_of(&raw));
    let error = seen.last().unwrap().json();
    assert_eq!(error["type"], "error");
    let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["type", "code", "message", "param", "sequence_number"]
    );
    assert!(raw.ends_with(LAST_CHUNK));

    let (raw, _) = hit(&service, RUNS).await;
    let seen = events(&body_of(&raw));
    let [.., error, done] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (error.name.as_str(), done.data.as_str()),
        ("error", "[DONE]")
    );
    assert_eq!(error.json()["code"], "server_error");
}

#[tokio::test]
async fn a_stalled_stream_says_nothing_more() {
    for (stage, last) in [
        (Stage::Created, "response.created"),
        (Stage::Middle, "response.output_text.delta"),
    ] {
        let service = with_fault("create_response", stage, Fault::Stall).await;
        let body = ask_body("assistant", &question(), true);
        let request = service.request(reqwest::Method::POST, RESPONSES, &body);
        let mut response = request.send().await.unwrap();
        let mut seen = String::new();
        let quiet = loop {
            match tokio::time::timeout(Duration::from_millis(200), response.chunk()).await {
                Ok(chunk) => seen.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap()),
                Err(quiet) => break quiet,
            }
        };
        assert_eq!(names(&events(&seen)).last(), Some(&last), "{quiet}");
    }
}

#[tokio::test]
async fn a_slow_stream_trickles() {
    let service = with_fault("create_response", Stage::Created, Fault::Slow).await;
    let body = ask_body("assistant", &question(), true);
    let request = service.request(reqwest::Method::POST, RESPONSES, &body);
    let mut response = request.send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: response.created\n"));
    let started = Instant::now();
    for _ in 0..3 {
        assert_eq!(response.chunk().await.unwrap().unwrap().len(), 1);
    }
    assert!(
        started.elapsed() >= Duration::from_millis(290),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn answers_without_events_break_in_the_middle() {
    let whole = {
        let service = Service::start().await;
        service.ask("assistant", &question()).await.ok().text
    };
    for (fault, kind, ends_well) in [
        (Fault::Reset, Some(ErrorKind::ConnectionReset), false),
        (Fault::Close, None, false),
        (Fault::Eof, None, true),
    ] {
        let service = with_fault("create_response", Stage::Middle, fault).await;
        let body = ask_body("assistant", &question(), false);
        let (raw, ended) = service.raw_post(RESPONSES, &body).await;
        let got = body_of(&raw);
        assert!(!got.is_empty() && got.len() < whole.len(), "{got}");
        assert!(serde_json::from_str::<Value>(&got).is_err());
        assert_eq!(ended.err().map(|error| error.kind()), kind);
        assert_eq!(raw.ends_with(LAST_CHUNK), ends_well);
    }
    let service = with_fault("create_response", Stage::Middle, Fault::Malformed).await;
    let answer = service.ask("assistant", &question()).await.ok();
    assert!(serde_json::from_str::<Value>(&answer.text).is_err());
    let service = with_fault("create_response", Stage::Middle, Fault::UnknownEvent).await;
    assert_eq!(
        service.ask("assistant", &question()).await.json()["status"],
        "completed"
    );
}

#[tokio::test]
async fn splitting_changes_the_chunks_and_not_the_bytes() {
    let service = Service::with(Behaviour {
        split_bytes: Some(7),
        ..Behaviour::default()
    })
    .await;
    let (raw, _) = hit(&service, RUNS).await;
    let (_, body) = raw.split_once("\r\n\r\n").unwrap();
    assert!(
        body.starts_with("7\r\nevent: \r\n7\r\nthread.\r\n"),
        "{body:.80}"
    );
    let seen = events(&body_of(&raw));
    assert_eq!(seen.last().unwrap().data, "[DONE]");
    for event in seen.iter().take(seen.len() - 1) {
        assert!(event.json().is_object());
    }
}

#[tokio::test]
async fn answers_take_the_time_they_are_told_to() {
    let service = Service::with(Behaviour {
        latency_ms: 60,
        first_delta_ms: 80,
        token_delay_ms: 20,
        answer_words: Some(4),
        ..Behaviour::default()
    })
    .await;
    let started = Instant::now();
    let seen = service.ask_streaming("assistant", &json!("Hello")).await;
    let pieces = seen
        .iter()
        .filter(|event| event.name == "response.output_text.delta")
        .count();
    let least = Duration::from_millis(60 + 80 + 20 * (u64::try_from(pieces).unwrap() - 1));
    assert!(
        started.elapsed() >= least,
        "{:?} for {pieces} pieces",
        started.elapsed()
    );
    assert_eq!(crate::support::text_of(&seen).split_whitespace().count(), 4);
}
