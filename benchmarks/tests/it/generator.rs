//! The load generator sees what is wrong with an answer.

use std::net::SocketAddr;

use axum::{Router, http::StatusCode, routing::post};
use benchmarks::{
    load::{answer::Dialect, summary::Summary},
    upstream::answer_text,
};

use crate::support::{DELTAS, Generator, Servers, plan};

/// A server whose stream is made of the text that would be right.
async fn server(servers: &mut Servers, stream: fn(&str) -> (u16, String)) -> SocketAddr {
    let answer = move |body: String| async move {
        let begin = body.rfind("#q").unwrap();
        let (status, body) = stream(&answer_text(&body[begin..begin + 9], DELTAS));
        (StatusCode::from_u16(status).unwrap(), body)
    };
    let router = Router::new().fallback(post(answer));
    servers
        .other(|listener| async move { axum::serve(listener, router).await.unwrap() })
        .await
}

fn chunks(text: &str, end: &str, done: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n\
         data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"{end}\"}}]}}\n\n{done}"
    )
}

async fn seen(stream: fn(&str) -> (u16, String)) -> Summary {
    let mut servers = Servers::default();
    let address = server(&mut servers, stream).await;
    Generator::run(&plan(address, Dialect::Chat, "instant", true)).await
}

const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn a_right_answer_is_right() {
    let summary = seen(|text| (200, chunks(text, "stop", DONE))).await;
    assert_eq!(summary.not_right(), 0, "{summary:?}");
    assert!(0 < summary.right);
}

/// Answers a text with a status and a body.
type Liar = fn(&str) -> (u16, String);

#[tokio::test]
async fn whatever_is_wrong_is_counted_by_its_kind() {
    let liars: [(&str, Liar); 6] = [
        ("missing [DONE]", |text| (200, chunks(text, "stop", ""))),
        ("text", |text| {
            (200, chunks(&text.replace("tok3", "tok4"), "stop", DONE))
        }),
        ("text", |_| {
            (200, chunks(&answer_text("#q9999999", DELTAS), "stop", DONE))
        }),
        ("ending", |text| (200, chunks(text, "length", DONE))),
        ("status", |text| (503, chunks(text, "stop", DONE))),
        ("unreadable", |text| {
            (200, format!("data: {text}\n\n{DONE}"))
        }),
    ];
    for (kind, liar) in liars {
        let summary = seen(liar).await;
        let kinds: Vec<_> = summary.wrong.keys().map(String::as_str).collect();
        assert_eq!((summary.right, kinds), (0, vec![kind]), "{summary:?}");
        assert!(summary.example.is_some());
    }
}
