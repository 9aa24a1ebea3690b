//! What every request meets first: sign-in, paths, versions; and what every answer carries.

use foundry_emulator::{Emulator, Options};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, Service, http_client, read};

#[tokio::test]
async fn tokens_are_checked() {
    let service = Service::start().await;
    let url = format!(
        "{}/assistants?api-version=v1",
        service.emulator.project_endpoint()
    );
    let audience = json!({
        "code": "Unauthorized",
        "message": "Unauthorized. Access token is missing, invalid, audience is incorrect (https://ai.azure.com), or have expired.",
    });
    let without = read(service.http.post(&url)).await;
    assert_eq!(without.refusal(), (401, audience.clone()));
    let wrong = read(service.http.post(&url).bearer_auth("wrong-audience")).await;
    assert_eq!(wrong.refusal(), (401, audience));
    let denied = read(service.http.post(&url).bearer_auth("no-permission")).await;
    let (status, error) = denied.refusal();
    assert_eq!((status, &error["code"]), (401, &json!("PermissionDenied")));
    let message = error["message"].as_str().unwrap();
    for part in [
        "Microsoft.CognitiveServices/accounts/AIServices/agents/write",
        "`POST /api/projects/{projectName}/assistants`",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(error.get("type"), None);
}

#[tokio::test]
async fn a_token_of_its_own_can_be_demanded() {
    let options = Options {
        access_token: Some("mine".to_owned()),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let url = format!("{}/agents?api-version=v1", emulator.project_endpoint());
    let http = http_client();
    assert_eq!(read(http.get(&url).bearer_auth("other")).await.status, 401);
    assert_eq!(read(http.get(&url).bearer_auth("mine")).await.status, 200);
}

#[tokio::test]
async fn the_api_version_is_demanded_where_the_service_does() {
    let service = Service::start().await;
    for path in [
        "/agents",
        "/threads",
        "/openai/conversations",
        "/agents/echo/endpoint/protocols/openai/conversations",
    ] {
        let (status, error) = service.send(Method::POST, path, &json!({})).await.refusal();
        assert_eq!(
            (status, &error["code"]),
            (400, &json!("MissingApiVersionParameter")),
            "{path}"
        );
    }
    let (status, error) = service.get("/agents?api-version=latest").await.refusal();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("UnsupportedApiVersion"))
    );
    for version in ["v1", "2025-05-01", "2025-11-15-preview"] {
        service
            .get(&format!("/agents?api-version={version}"))
            .await
            .ok();
    }
    service
        .post("/openai/v1/conversations", &json!({}))
        .await
        .ok();
}

#[tokio::test]
async fn what_is_not_emulated_is_refused_by_name() {
    let service = Service::start().await;
    for (path, name) in [
        ("/vector_stores?api-version=v1", "vector_stores"),
        ("/deployments?api-version=v1", "deployments"),
        ("/openai/v1/evals", "evals"),
        ("/openai/v1/chat/completions", "model_chat_completions"),
        (
            "/agents/echo/endpoint/sessions?api-version=v1",
            "agent_sessions_and_publishing",
        ),
    ] {
        let (status, error) = service.post(path, &json!({})).await.refusal();
        assert_eq!(
            (status, &error["code"]),
            (501, &json!("NotEmulated")),
            "{path}"
        );
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
    }
    assert_eq!(service.get("/nothing?api-version=v1").await.status, 404);
    assert_eq!(
        service
            .send(Method::PUT, "/threads?api-version=v1", &json!({}))
            .await
            .status,
        405
    );
    let elsewhere = format!("{}/elsewhere", service.emulator.url());
    assert_eq!(read(service.http.get(elsewhere)).await.status, 404);
}

#[tokio::test]
async fn broken_bodies_are_refused() {
    let service = Service::start().await;
    for body in ["{", "[]", "\"text\""] {
        let request = service
            .request(Method::POST, "/openai/v1/responses", &Value::Null)
            .body(body);
        let (status, error) = read(request).await.refusal();
        assert_eq!(
            (status, &error["type"]),
            (400, &json!("invalid_request_error")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn answers_carry_the_services_headers() {
    let service = Service::start().await;
    let answer = service.ask("assistant", &json!("Hello")).await.ok();
    assert_eq!(answer.header("server"), Some("foundry-emulator"));
    for name in [
        "api-supported-versions",
        "apim-request-id",
        "openai-processing-ms",
        "x-ms-region",
        "x-ratelimit-limit-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens",
    ] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
}

#[tokio::test]
async fn a_schema_refusal_names_the_request() {
    let service = Service::start().await;
    let body = json!({
        "agent_reference": {"type": "agent_reference", "name": "assistant"},
        "input": "Hello",
        "tools": [],
    });
    let answer = service.post("/openai/v1/responses", &body).await;
    let request_id = answer.header("x-request-id").unwrap().to_owned();
    assert_eq!(
        answer.refusal(),
        (
            400,
            json!({
                "code": "invalid_payload",
                "message": "Not allowed when agent is specified.",
                "param": "tools",
                "type": "invalid_request_error",
                "details": [],
                "additionalInfo": {"request_id": request_id},
            })
        )
    );
}

#[tokio::test]
async fn files_are_kept_and_read_back() {
    let service = Service::start().await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n\
                --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"notes.txt\"\r\n\r\nπ\r\n--x--\r\n";
    let upload = |path: &str| {
        service
            .request(Method::POST, path, &Value::Null)
            .header("content-type", "multipart/form-data; boundary=x")
            .body(form)
    };
    for (files, query) in [("/files", "?api-version=v1"), ("/openai/v1/files", "")] {
        let file = read(upload(&format!("{files}{query}"))).await.ok().json();
        assert_eq!(
            (&file["filename"], &file["bytes"]),
            (&json!("notes.txt"), &json!(2))
        );
        let id = file["id"].as_str().unwrap();
        assert!(id.starts_with("assistant-"), "{id}");
        let content = service
            .get(&format!("{files}/{id}/content{query}"))
            .await
            .ok();
        assert_eq!(content.text, "π");
        let deleted = service
            .delete(&format!("{files}/{id}{query}"))
            .await
            .ok()
            .json();
        assert_eq!(deleted["deleted"], true);
        assert_eq!(
            service.get(&format!("{files}/{id}{query}")).await.status,
            404
        );
    }
}

#[tokio::test]
async fn huge_bodies_are_refused() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.emulator.address())
        .await
        .unwrap();
    let head = format!(
        "POST /api/projects/p/openai/v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        64 * 1024 * 1024 + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(service.emulator.journal().requests().is_empty());
}

#[tokio::test]
async fn a_dropped_emulator_closes_its_port() {
    let service = Service::start().await;
    let address = service.emulator.address();
    drop(service);
    let closed = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
}
