//! Runs that are cancelled, dropped or in the way.

use foundry_emulator::Behaviour;
use serde_json::{Value, json};

use super::{VERSION, get, path_of, post, run, thread};
use crate::support::{Service, names};

#[tokio::test]
async fn a_thread_has_one_run_at_a_time() {
    let service = Service::start().await;
    let thread = thread(&service, "Hello").await;
    let active = run(&service, &thread, "asst_stall_created").await;
    let (thread_id, run_id) = (
        active["thread_id"].as_str().unwrap(),
        active["id"].as_str().unwrap(),
    );
    let body = json!({"assistant_id": "asst_assistant"});
    let second = service
        .post(&format!("{thread}/runs?{VERSION}"), &body)
        .await;
    assert_eq!(
        second.refusal(),
        (
            400,
            json!({
                "message": format!("Thread {thread_id} already has an active run {run_id}."),
                "type": "invalid_request_error",
                "param": null,
                "code": null,
            })
        )
    );
    let message = json!({"role": "user", "content": "More"});
    let (status, error) = service
        .post(&format!("{thread}/messages?{VERSION}"), &message)
        .await
        .refusal();
    assert_eq!(status, 400);
    assert_eq!(
        error["message"],
        format!("Can't add messages to {thread_id} while a run {run_id} is active.")
    );

    let cancelling = post(
        &service,
        &format!("{}/cancel", path_of(&active)),
        &Value::Null,
    )
    .await;
    assert_eq!(cancelling["status"], "cancelling");
    let cancelled = get(&service, &path_of(&active)).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["cancelled_at"].is_number());
    post(&service, &format!("{thread}/messages"), &message).await;
    let (status, error) = service
        .post(
            &format!("{}/cancel?{VERSION}", path_of(&active)),
            &Value::Null,
        )
        .await
        .refusal();
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("Cannot cancel run with status 'cancelled'."))
    );
}

#[tokio::test]
async fn a_streamed_run_can_be_cancelled() {
    let service = Service::with(Behaviour {
        token_delay_ms: 60_000,
        ..Behaviour::default()
    })
    .await;
    let thread = thread(&service, "Tell me something long").await;
    let body = json!({"assistant_id": "asst_assistant", "stream": true});
    let request = service.request(
        reqwest::Method::POST,
        &format!("{thread}/runs?{VERSION}"),
        &body,
    );
    let mut response = request.send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("thread.message.delta") {
        seen.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    let active = get(&service, &format!("{thread}/runs")).await["data"][0].clone();
    assert_eq!(active["status"], "in_progress");
    post(
        &service,
        &format!("{}/cancel", path_of(&active)),
        &Value::Null,
    )
    .await;
    seen.push_str(&response.text().await.unwrap());
    let events = crate::support::events(&seen);
    let cut = names(&events)
        .iter()
        .position(|name| *name == "thread.run.cancelling")
        .unwrap();
    assert_eq!(
        names(&events)[cut..],
        [
            "thread.run.cancelling",
            "thread.message.incomplete",
            "thread.run.step.cancelled",
            "thread.run.cancelled",
            "done",
        ]
    );
}

#[tokio::test]
async fn a_run_goes_on_when_its_stream_is_dropped() {
    let service = Service::with(Behaviour {
        token_delay_ms: 5,
        ..Behaviour::default()
    })
    .await;
    let thread = thread(&service, "Hello").await;
    let body = json!({"assistant_id": "asst_assistant", "stream": true});
    let request = service.request(
        reqwest::Method::POST,
        &format!("{thread}/runs?{VERSION}"),
        &body,
    );
    let mut response = request.send().await.unwrap();
    response.chunk().await.unwrap();
    drop(response);
    let finished = async {
        loop {
            let run = get(&service, &format!("{thread}/runs")).await["data"][0].clone();
            if run["status"] == "completed" {
                break run;
            }
        }
    };
    let run = tokio::time::timeout(crate::support::PATIENCE, finished)
        .await
        .unwrap();
    assert!(run["usage"].is_object());
}
