//! Commits a fault on one connection. Afterwards it is left to the gateway to close it, which is what is looked at.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{How, relay::Stream};

/// Between two bytes of a slow answer.
pub(super) const SLOW_PAUSE: Duration = Duration::from_millis(50);
/// More than any answer may have that is read whole.
const PADDING_BYTES: usize = 12 << 20;

/// Ends a connection, or leaves it hanging.
pub(super) async fn end(stream: impl Stream, how: How) {
    match how {
        // Dropped so, it is reset.
        How::Reset => drop(stream.tcp().set_zero_linger()),
        How::Stall => until_closed(stream).await,
        _ => close(stream, b"").await,
    }
}

/// Says this and closes its side.
pub(super) async fn close(mut stream: impl Stream, last: &[u8]) {
    drop(stream.write_all(last).await);
    drop(stream.shutdown().await);
    until_closed(stream).await;
}

/// Waits until the other side has closed the connection.
pub(super) async fn until_closed(mut stream: impl AsyncRead + Unpin) {
    let mut ignored = vec![0; 16 << 10];
    while !matches!(stream.read(&mut ignored).await, Ok(0) | Err(_)) {}
}

/// Answers in place of the service, whose answer begins with `first`.
pub(super) async fn in_place_of_head(
    mut client: impl Stream,
    service: TcpStream,
    first: &[u8],
    how: How,
) {
    match how {
        How::Reset | How::Close | How::Stall => end(client, how).await,
        How::Slow => slowly(client, service, first).await,
        How::Garbage => {
            drop(
                client
                    .write_all(b"\x00\xff\x13 this is no HTTP \x80\r\n\r\n")
                    .await,
            );
            until_closed(client).await;
        }
        How::Truncated => close(client, &first[..first.len().min(20)]).await,
        How::Cut => close(client, &first[..first.len() - 1]).await,
        How::HugeHead => {
            let line = format!("x-padding: {}\r\n", "x".repeat(8000));
            let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
            head.extend_from_slice(&line.as_bytes().repeat(256));
            drop(client.write_all(&head).await);
            until_closed(client).await;
        }
        How::Oversized => {
            drop(client.write_all(&padded(first)).await);
            until_closed(client).await;
        }
        How::Status(status) => {
            let body = r#"{"error":{"code":"fault","message":"a fault of the test"}}"#;
            answer(client, status, "application/json", body).await;
        }
        How::Html => answer(client, 200, "text/html", "<html>Sign in first.</html>").await,
        How::NotUtf8 | How::Flood => unreachable!("only within a stream"),
    }
}

/// Goes on between two chunks of a stream of events.
pub(super) async fn within_stream(mut client: impl Stream, how: How) {
    match how {
        How::Garbage => {
            drop(client.write_all(b"\x00\xff this is no chunk\r\n").await);
            until_closed(client).await;
        }
        How::Truncated => close(client, b"1f4\r\nevent: message\ndata: {\"half\": \"of").await,
        How::NotUtf8 => {
            drop(
                client
                    .write_all(&chunk(b"event: message\ndata: \xff\xfe\n\n"))
                    .await,
            );
            until_closed(client).await;
        }
        How::Flood => {
            let comments = chunk(&b": \n\n".repeat(64));
            while client.write_all(&comments).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        _ => end(client, how).await,
    }
}

fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// The same JSON with padding before its first field, so that it would be a good answer if it were read.
fn padded(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let fields = match text.split_once("\r\n\r\n{") {
        Some((_, fields)) if !fields.starts_with('}') => format!(", {fields}"),
        _ => "}".to_owned(),
    };
    let padding = "x".repeat(PADDING_BYTES);
    let body = format!("{{\"padding\": \"{padding}\"{fields}");
    let size = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn answer(client: impl Stream, status: u16, content_type: &str, body: &str) {
    let size = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Fault\r\ncontent-type: {content_type}\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n{body}"
    );
    close(client, answer.as_bytes()).await;
}

async fn slowly(mut client: impl Stream, mut service: TcpStream, first: &[u8]) {
    let mut bytes = first.to_vec();
    loop {
        for byte in &bytes {
            let mut ignored = [0; 1024];
            tokio::select! {
                () = tokio::time::sleep(SLOW_PAUSE) => {}
                // Nothing more is asked on this connection before the answer is there.
                _ = client.read(&mut ignored) => return,
            }
            if client.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
        bytes.resize(16 << 10, 0);
        let size = service.read(&mut bytes).await.unwrap_or_default();
        if size == 0 {
            return end(client, How::Close).await;
        }
        bytes.truncate(size);
    }
}
