//! The two modes that an app falls into without proxying, and what it loses in them.

use functions_host::Host;
use http::{Request, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    A_MOMENT, App, assert_empty, get, is_open, json, post, read_until, send, stream_is_open,
};

async fn start_forwarding(app: &App) -> Host {
    let section = "AzureFunctionsJobHost__customHandler__";
    let options = app
        .options()
        .setting(format!("{section}enableProxyingHttpRequest"), "false")
        .setting(format!("{section}enableForwardingHttpRequest"), "true");
    Host::start(options).await.unwrap()
}

#[tokio::test]
async fn forwarding_works_for_a_plain_request_with_other_headers() {
    let app = App::new();
    let host = start_forwarding(&app).await;
    let request = Request::post("/v1/echo?a=b").header("user-agent", "curl/8");
    let echo = send(host.address(), request.body("hello".to_owned()).unwrap()).await;
    assert_eq!(echo.status(), StatusCode::OK);
    let echo = json(&echo);
    assert_eq!(
        (&echo["target"], &echo["body"]),
        (&json!("/v1/echo?a=b"), &json!("hello"))
    );
    let headers = &echo["headers"];
    assert_eq!(
        headers["user-agent"],
        json!(["curl/8 Azure-Functions-Host/4.1048.0"])
    );
    assert_eq!(
        headers["x-azure-functions-hostversion"],
        json!(["4.1048.0"])
    );
    for absent in ["x-ms-invocation-id", "x-forwarded-for", "x-forwarded-host"] {
        assert!(headers.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn forwarding_drops_a_chunked_body() {
    let app = App::new();
    let host = start_forwarding(&app).await;
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    let request = "POST /v1/echo HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\
        transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(r#""body":"""#), "{answer}");
}

#[tokio::test]
async fn forwarding_holds_a_stream_back_until_its_end() {
    let app = App::new();
    let host = start_forwarding(&app).await;
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    client
        .write_all(b"GET /v1/streams/one HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    stream_is_open(&host, "one").await;
    post(host.handler_address(), "/v1/streams/one", "data: 1\n\n").await;
    let nothing = tokio::time::timeout(A_MOMENT, client.read_u8()).await;
    assert!(nothing.is_err(), "the stream was not held back");

    post(host.handler_address(), "/v1/streams/one", "data: 2\n\n").await;
    let end = Request::delete("/v1/streams/one")
        .body(String::new())
        .unwrap();
    send(host.handler_address(), end).await;
    let head = read_until(&mut client, "\r\n\r\n").await;
    assert!(head.contains("content-length: 18\r\n"), "{head}");
    assert_eq!(
        read_until(&mut client, "2\n\n").await,
        "data: 1\n\ndata: 2\n\n"
    );
}

#[tokio::test]
async fn forwarding_goes_on_when_the_client_has_gone() {
    let app = App::new();
    let host = start_forwarding(&app).await;
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    client
        .write_all(b"GET /v1/streams/one HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    stream_is_open(&host, "one").await;
    drop(client);
    tokio::time::sleep(A_MOMENT).await;
    assert!(is_open(&host, "one").await);
}

#[tokio::test]
async fn a_function_with_another_output_is_called_by_envelope() {
    let app = App::new().function(
        "envelope",
        r#"{"bindings": [
            {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous",
             "route": "items/{id}"},
            {"type": "http", "direction": "out", "name": "res"},
            {"type": "queue", "direction": "out", "name": "queue"}]}"#,
    );
    let host = app.start().await;
    let answer = post(host.address(), "/items/7?q=a%20b", "hello").await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["x-by"], "envelope");
    let request = json(&answer);
    assert_eq!(request["Url"], "http://gateway.example/items/7?q=a%20b");
    assert_eq!(request["Method"], "POST");
    assert_eq!(request["Query"], json!({"q": "a b"}));
    assert_eq!(request["Params"], json!({"id": "7"}));
    assert_eq!(request["Headers"]["host"], json!(["gateway.example"]));
    assert_eq!(request["Body"], "hello");
    assert!(host.log_lines().iter().any(|line| line.text == "noted"));
}

#[tokio::test]
async fn an_answer_that_is_no_result_is_a_500() {
    let app = App::new();
    let proxying = "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest";
    let host = Host::start(app.options().setting(proxying, "false"))
        .await
        .unwrap();
    // The envelope goes to `/openai`, which the handler does not know.
    let answer = get(host.address(), "/v1/echo").await;
    assert_empty(&answer, StatusCode::INTERNAL_SERVER_ERROR);
}
