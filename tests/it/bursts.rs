//! What arrives from the agent at once leaves at once, not in one write for each event; but the first words do not wait
//! for the rest.

use std::fmt::Write as _;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Gateway, KEY, SOON};

/// Deltas of the answer.
const DELTAS: usize = 50;

/// A whole answer of a new agent, each event in a chunk of its own, as the service sends them.
fn answer() -> String {
    let response = |status: &str| json!({"id": "resp_1", "status": status});
    let mut answer =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_owned();
    let mut event = |name: &str, data: serde_json::Value| {
        let event = format!("event: {name}\ndata: {data}\n\n");
        write!(answer, "{:x}\r\n{event}\r\n", event.len()).unwrap();
    };
    event(
        "response.created",
        json!({"response": response("in_progress")}),
    );
    for index in 0..DELTAS {
        event(
            "response.output_text.delta",
            json!({"output_index": 0, "content_index": 0, "delta": format!("{index} ")}),
        );
    }
    event(
        "response.completed",
        json!({"response": response("completed")}),
    );
    answer.push_str("0\r\n\r\n");
    answer
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let until = async {
        while !read.ends_with(end.as_bytes()) {
            assert!(0 < stream.read_buf(&mut read).await.unwrap(), "closed");
        }
    };
    tokio::time::timeout(SOON, until).await.unwrap();
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_burst_of_events_leaves_in_two_chunks_of_which_the_first_has_the_first_words() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/api/projects/p", upstream.local_addr().unwrap());
    let gateway = Gateway::in_front_of(&endpoint, &[]).await;
    let body =
        json!({"model": "a", "stream": true, "messages": [{"role": "user", "content": "hi"}]})
            .to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\napi-key: {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = TcpStream::connect(gateway.address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let (mut agent, _) = upstream.accept().await.unwrap();
    read_until(&mut agent, "}").await;
    agent.write_all(answer().as_bytes()).await.unwrap();

    let answered = read_until(&mut client, "0\r\n\r\n").await;
    let (_, body) = answered.split_once("\r\n\r\n").unwrap();
    assert!(
        body.contains(&format!(r#""content":"{} ""#, DELTAS - 1)),
        "{body}"
    );
    assert!(body.contains("[DONE]"), "{body}");
    // What is between two lines with a length is a chunk; before the first is nothing, after the last the end.
    let is_length = |line: &&str| u32::from_str_radix(line, 16).is_ok();
    let lines: Vec<&str> = body.lines().collect();
    let chunks: Vec<usize> = lines
        .split(is_length)
        .map(|chunk| {
            chunk
                .iter()
                .filter(|line| line.starts_with("data: "))
                .count()
        })
        .filter(|events| 0 < *events)
        .collect();
    // Role and first words; the other deltas, the end, and `[DONE]`.
    assert_eq!(chunks, [2, DELTAS - 1 + 2], "{body}");
}
