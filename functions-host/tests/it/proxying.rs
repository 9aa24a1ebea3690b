//! What the proxying mode changes on the way in and out, and that it streams.

use std::fmt::Write;

use functions_host::{FrontEnd, Host};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    A_MOMENT, App, Connection, assert_empty, get, json, post, read_until, send, stream_is_open,
};

async fn echoed(host: &Host, request: Request<String>) -> Value {
    json(&send(host.address(), request).await)
}

#[tokio::test]
async fn headers_are_rewritten_and_the_clients_own_pass() {
    let app = App::new();
    let host = app.start().await;
    let request = Request::get("/v1/echo")
        .header("host", "gateway.example:8443")
        .header("authorization", "Bearer key")
        .header("cookie", "a=b")
        .header("accept-encoding", "gzip")
        .header("user-agent", "OpenAI/Python")
        .header(
            "traceparent",
            "00-11111111111111111111111111111111-2222222222222222-00",
        )
        .header("x-forwarded-for", "198.51.100.1")
        .header("x-forwarded-prefix", "/app")
        .header("forwarded", "for=198.51.100.1")
        .header("x-ms-invocation-id", "forged")
        .header("te", "trailers")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic eA==")
        .header("upgrade-insecure-requests", "1")
        .body(String::new())
        .unwrap();
    let mut headers = echoed(&host, request).await["headers"].take();
    let id = headers["x-ms-invocation-id"].take();
    let same_id = headers["x-azure-functions-invocationid"].take();
    assert_eq!((id[0].as_str().unwrap().len(), &id), (36, &same_id));
    assert_eq!(
        headers,
        json!({
            "accept-encoding": ["gzip"],
            "authorization": ["Bearer key"],
            "cookie": ["a=b"],
            "host": [host.handler_address().to_string()],
            "traceparent": ["00-11111111111111111111111111111111-2222222222222222-00"],
            "user-agent": ["OpenAI/Python"],
            "x-azure-functions-hostversion": ["4.1048.0"],
            "x-azure-functions-invocationid": null,
            "x-forwarded-for": ["127.0.0.1"],
            "x-forwarded-host": ["gateway.example:8443"],
            "x-forwarded-proto": ["http"],
            "x-ms-invocation-id": null,
        })
    );
}

#[tokio::test]
async fn a_trace_begins_at_the_host_when_the_client_has_none() {
    let app = App::new();
    let host = app.start().await;
    let echo = json(&get(host.address(), "/v1/echo").await);
    let traceparent = echo["headers"]["traceparent"][0].as_str().unwrap();
    let lengths: Vec<usize> = traceparent.split('-').map(str::len).collect();
    assert_eq!((lengths, &traceparent[53..]), (vec![2, 32, 16, 2], "01"));
}

#[tokio::test]
async fn the_front_end_adds_its_headers() {
    let app = App::new();
    let mut options = app.options();
    options.front_end = FrontEnd::Azure;
    let host = Host::start(options).await.unwrap();
    let headers = json(&get(host.address(), "/v1/echo").await)["headers"].take();
    assert_eq!(headers["disguised-host"], json!(["gateway.example"]));
    assert_eq!(headers["x-appservice-proto"], json!(["https"]));
    assert_eq!(headers["max-forwards"], json!(["10"]));
    for name in ["x-arr-log-id", "client-ip"] {
        assert!(headers[name][0].is_string(), "{name}");
    }
}

#[tokio::test]
async fn path_and_query_arrive_as_sent_but_for_the_encoded_slash() {
    let app = App::new();
    let host = app.start().await;
    let path = "/v1/models/org%2Fname%20x?a=1&a=2&b=%2F+c";
    assert_eq!(
        json(&get(host.address(), path).await)["target"],
        "/v1/models/org%252Fname%20x?a=1&a=2&b=%2F+c"
    );
}

#[tokio::test]
async fn a_body_keeps_its_length_or_stays_chunked() {
    let app = App::new();
    let host = app.start().await;
    let echo = json(&post(host.address(), "/v1/echo", "hello").await);
    assert_eq!(echo["body"], "hello");
    assert_eq!(echo["headers"]["content-length"], json!(["5"]));
    assert!(echo["headers"].get("transfer-encoding").is_none());

    let echo = send_chunked(&host, "/v1/echo", &["hel", "lo"]).await;
    assert!(echo.contains(r#""body":"hello""#), "{echo}");
    assert!(
        echo.contains(r#""transfer-encoding":["chunked"]"#),
        "{echo}"
    );
    assert!(!echo.contains(r#""content-length""#), "{echo}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let app = App::new();
    let options = app
        .options()
        .setting("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "10");
    let host = Host::start(options).await.unwrap();
    assert_eq!(
        post(host.address(), "/v1/echo", "0123456789")
            .await
            .status(),
        StatusCode::OK
    );
    let refused = post(host.address(), "/v1/echo", "0123456789a").await;
    assert_empty(&refused, StatusCode::PAYLOAD_TOO_LARGE);
    let refused = send_chunked(&host, "/v1/echo", &["01234", "56789a"]).await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
}

/// Sends a chunked body, asks for the connection to be closed, and returns the raw answer.
async fn send_chunked(host: &Host, path: &str, chunks: &[&str]) -> String {
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    for chunk in chunks {
        write!(request, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
    }
    request.push_str("0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn headers_of_one_connection_do_not_reach_the_client() {
    let app = App::new();
    let host = app.start().await;
    let answer = get(host.address(), "/v1/odd-headers").await;
    assert_eq!(answer.headers()["x-kept"], "yes");
    assert_eq!(answer.headers()["content-length"], "3");
    for name in [
        "keep-alive",
        "proxy-authenticate",
        "strict-transport-security",
        "alt-svc",
    ] {
        assert!(answer.headers().get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn the_head_is_withheld_until_the_first_byte_and_then_all_is_streamed() {
    let app = App::new();
    let host = app.start().await;
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    client
        .write_all(b"GET /v1/streams/one HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    stream_is_open(&host, "one").await;
    let nothing = tokio::time::timeout(A_MOMENT, client.read_u8()).await;
    assert!(
        nothing.is_err(),
        "something came before the first byte of the body"
    );

    post(host.handler_address(), "/v1/streams/one", "data: 1\n\n").await;
    let head = read_until(&mut client, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("x-stream: open\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert_eq!(
        read_until(&mut client, "\n\n\r\n").await,
        "9\r\ndata: 1\n\n\r\n"
    );

    post(host.handler_address(), "/v1/streams/one", "data: 2\n\n").await;
    assert_eq!(
        read_until(&mut client, "\n\n\r\n").await,
        "9\r\ndata: 2\n\n\r\n"
    );
    let end = Request::delete("/v1/streams/one")
        .body(String::new())
        .unwrap();
    send(host.handler_address(), end).await;
    assert_eq!(read_until(&mut client, "\r\n\r\n").await, "0\r\n\r\n");
    assert_eq!(host.errors(), []);
}

#[tokio::test]
async fn an_answer_without_body_comes_at_its_end() {
    let app = App::new();
    let host = app.start().await;
    let end = Request::delete("/v1/streams/empty")
        .body(String::new())
        .unwrap();
    send(host.handler_address(), end).await;
    let answer = get(host.address(), "/v1/streams/empty").await;
    assert_eq!(answer.headers()["x-stream"], "open");
    assert_empty(&answer, StatusCode::OK);

    let head = Request::head("/v1/odd-headers")
        .body(String::new())
        .unwrap();
    let answer = send(host.address(), head).await;
    assert_eq!(answer.headers()["content-length"], "3");
    assert_empty(&answer, StatusCode::OK);
}

#[tokio::test]
async fn a_client_connection_carries_one_request_after_another() {
    let app = App::new();
    let host = app.start().await;
    let mut connection = Connection::open(host.address()).await;
    for body in ["one", "two"] {
        let request = Request::post("/v1/echo").body(body.to_owned()).unwrap();
        let answer = connection
            .send(request)
            .await
            .into_body()
            .collect()
            .await
            .unwrap();
        let echo: Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
        assert_eq!(echo["body"], body);
    }
    assert_eq!(host.errors(), []);
    assert!(
        !host
            .log_lines()
            .iter()
            .any(|line| line.text.contains("disconnected"))
    );
}
