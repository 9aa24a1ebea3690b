//! Runs and the passing of time.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::{runs, submit};
use crate::error::ErrorBody;
use crate::request::{Reply, ReplyBody, ServiceRequest};
use crate::service::Context;

fn request(segments: &[&Value], body: &Value) -> ServiceRequest {
    ServiceRequest {
        segments: segments
            .iter()
            .map(|segment| segment.as_str().unwrap().to_owned())
            .collect(),
        endpoint_agent: None,
        preview: false,
        query: Vec::new(),
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
    }
}

fn json_of(reply: Reply) -> Value {
    match reply.body {
        ReplyBody::Json(body) => body,
        _ => panic!("not JSON"),
    }
}

async fn start(context: &Context, assistant: &str) -> Value {
    let body = json!({
        "assistant_id": assistant,
        "thread": {"messages": [{"role": "user", "content": "weather in Paris"}]},
    });
    let started = runs::create_thread_and_run(context, &request(&[], &body)).await;
    json_of(started.unwrap())
}

fn status(context: &Context, run: &Value) -> Value {
    let request = request(&[&run["thread_id"], &run["id"]], &json!({}));
    json_of(runs::get(context, &request).unwrap())["status"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_run_expires_after_ten_minutes() {
    let context = Context::for_test();
    let run = start(&context, "asst_stall_created").await;
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(status(&context, &run), "in_progress");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(status(&context, &run), "expired");
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_ten_hours_for_its_outputs() {
    let context = Context::for_test();
    let run = start(&context, "asst_weather").await;
    assert_eq!(status(&context, &run), "requires_action");
    tokio::time::advance(Duration::from_secs(35_998)).await;
    assert_eq!(status(&context, &run), "requires_action");
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(status(&context, &run), "expired");
    let late = request(
        &[&run["thread_id"], &run["id"]],
        &json!({"tool_outputs": []}),
    );
    let refused = submit::submit(&context, &late).await.err().unwrap();
    let ErrorBody::Json(body) = *refused.body else {
        panic!("not JSON")
    };
    assert_eq!(
        body["error"]["message"],
        "Runs in status \"expired\" do not accept tool outputs."
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_takes_the_time_that_its_pieces_take() {
    let mut context = Context::for_test();
    context.behaviour.first_delta_ms = 3_000;
    context.behaviour.token_delay_ms = 1_000;
    context.behaviour.answer_words = Some(4);
    let run = start(&context, "asst_assistant").await;
    assert_eq!(status(&context, &run), "in_progress");
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(status(&context, &run), "in_progress");
    tokio::time::advance(Duration::from_secs(8)).await;
    assert_eq!(status(&context, &run), "completed");
}
