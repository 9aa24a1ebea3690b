//! Images and files in a user's message.

use foundry_emulator::Emulator;
use foundry_gateway::foundry::{self, Call};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{OTHER, get, id_of, two_callers, upload};
use crate::support::{Gateway, KEY, SOON, emulator_and_gateway, error_of};

const PIXEL: &str = "data:image/png;base64,iVBORw0KGgo=";

async fn ask(gateway: &Gateway, model: &str, parts: Value) -> reqwest::Response {
    gateway
        .chat(json!({"model": model, "messages": [{"role": "user", "content": parts}]}))
        .await
}

fn sent(emulator: &Emulator, operation: &str) -> Value {
    let mut requests = emulator.journal().requests().into_iter();
    requests
        .rfind(|request| request.operation == operation)
        .unwrap()
        .body
}

#[tokio::test]
async fn images_reach_both_kinds_of_agents() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let parts = json!([{"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": PIXEL}}]);
    assert_eq!(
        ask(&gateway, "assistant", parts.clone()).await.status(),
        200
    );
    let input = sent(&emulator, "create_response")["input"].clone();
    assert_eq!(
        input[0]["content"],
        json!([{"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": "https://example.com/cat.png", "detail": "low"},
            {"type": "input_image", "image_url": PIXEL}])
    );
    assert_eq!(
        ask(&gateway, "asst_assistant", parts.clone())
            .await
            .status(),
        200
    );
    let message = sent(&emulator, "create_thread_and_run")["thread"]["messages"][0].clone();
    assert_eq!(message["content"], parts);
}

#[tokio::test]
async fn an_uploaded_file_is_read_by_its_id() {
    let (emulator, gateway) = two_callers().await;
    let document = upload(&gateway, KEY, "notes.md", "x").await;
    let table = upload(&gateway, KEY, "table.csv", "x").await;
    let part = |file: &Value| json!({"type": "file", "file": {"file_id": id_of(file)}});
    let parts = json!([{"type": "text", "text": "Read this."}, part(&document), part(&table)]);
    assert_eq!(
        ask(&gateway, "assistant", parts.clone()).await.status(),
        200
    );
    let content = sent(&emulator, "create_response")["input"][0]["content"].clone();
    let file_ids = [content[1]["file_id"].clone(), content[2]["file_id"].clone()];
    assert!(
        file_ids
            .iter()
            .all(|id| id.as_str().unwrap().starts_with("assistant-"))
    );
    assert_eq!(content[1]["type"], "input_file");

    assert_eq!(
        ask(&gateway, "asst_assistant", parts.clone())
            .await
            .status(),
        200
    );
    let message = sent(&emulator, "create_thread_and_run")["thread"]["messages"][0].clone();
    assert_eq!(
        message["content"],
        json!([{"type": "text", "text": "Read this."}])
    );
    assert_eq!(
        message["attachments"],
        json!([{"file_id": file_ids[0], "tools": [{"type": "file_search"}]},
            {"file_id": file_ids[1], "tools": [{"type": "code_interpreter"}]}])
    );

    let body = json!({"model": "assistant", "messages": [{"role": "user", "content": parts}]});
    let request = gateway
        .http
        .post(gateway.url("/v1/chat/completions"))
        .bearer_auth(OTHER);
    let (status, error) = error_of(request.body(body.to_string()).send().await.unwrap()).await;
    assert_eq!(
        (status, error["code"].as_str()),
        (404, Some("file_not_found"))
    );
    assert_eq!(error["param"], "messages[0].content[1].file.file_id");
    assert_eq!(
        get(&gateway, KEY, &format!("/v1/files/{}", id_of(&table)))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_file_comes_with_its_content() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let data = "data:application/pdf;base64,JVBERi0=";
    let parts = json!([{"type": "file", "file": {"filename": "a.pdf", "file_data": data}}]);
    assert_eq!(ask(&gateway, "assistant", parts).await.status(), 200);
    let content = sent(&emulator, "create_response")["input"][0]["content"].clone();
    assert_eq!(
        content,
        json!([{"type": "input_file", "filename": "a.pdf", "file_data": data}])
    );
}

#[tokio::test]
async fn a_classic_agent_gets_the_content_as_a_file_that_goes_with_its_thread() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [("GATEWAY_CONTINUITY", "off")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let file = json!({"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="});
    let parts = json!([{"type": "text", "text": "Read this."}, {"type": "file", "file": file}]);
    assert_eq!(
        ask(&gateway, "asst_assistant", parts.clone())
            .await
            .status(),
        200
    );
    let attachments =
        sent(&emulator, "create_thread_and_run")["thread"]["messages"][0]["attachments"].clone();
    assert_eq!(attachments[0]["tools"], json!([{"type": "file_search"}]));
    gateway.stop().await;
    let count = |name: &str| emulator.journal().count(name);
    assert_eq!(
        (
            count("upload_file"),
            count("delete_thread"),
            count("delete_file")
        ),
        (1, 1, 1)
    );

    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let broken = json!([{"type": "file", "file": {"filename": "a.pdf", "file_data": "?"}}]);
    let (status, error) = error_of(ask(&gateway, "asst_assistant", broken).await).await;
    assert_eq!(status, 400);
    assert!(error["message"].as_str().unwrap().contains("base64"));
    emulator.journal().clear();
    let failing = ask(&gateway, "asst_fail_server_error", parts).await;
    assert_eq!(failing.status(), 502);
    gateway.stop().await;
    assert_eq!(
        (count("upload_file"), count("delete_file")),
        (1, 1),
        "nothing is left behind"
    );
}

#[tokio::test]
async fn a_kept_file_goes_when_its_conversation_has_expired() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let own = upload(&gateway, KEY, "own.pdf", "x").await;
    let inside = json!({"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="});
    let parts = json!([{"type": "text", "text": "Read these."}, {"type": "file", "file": inside},
        {"type": "file", "file": {"file_id": id_of(&own)}}]);
    assert_eq!(ask(&gateway, "asst_assistant", parts).await.status(), 200);
    assert_eq!(emulator.journal().count("delete_file"), 0);
    let attachments =
        sent(&emulator, "create_thread_and_run")["thread"]["messages"][0]["attachments"].clone();
    let thread = emulator.journal().requests();
    assert!(
        thread
            .iter()
            .all(|request| request.operation != "delete_thread")
    );

    let call = Call {
        request_id: "clean-up".to_owned(),
        deadline: Instant::now() + SOON,
    };
    let project = gateway.app.projects.get("default").unwrap();
    let list = gateway.http.get(format!(
        "{}/threads?api-version=v1",
        emulator.project_endpoint()
    ));
    let list = list
        .bearer_auth("operator")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let thread_id = list["data"][0]["id"].as_str().unwrap();
    foundry::delete_thread(&project.foundry, thread_id, &call)
        .await
        .unwrap();
    let mut deleted = emulator.journal().requests().into_iter();
    let deleted = deleted
        .rfind(|request| request.operation == "delete_file")
        .unwrap();
    assert!(
        deleted
            .path
            .ends_with(attachments[0]["file_id"].as_str().unwrap())
    );
    assert_eq!(
        emulator.journal().count("delete_file"),
        1,
        "the caller's own file stays"
    );
}

#[tokio::test]
async fn parts_that_cannot_be_sent_are_named() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let at = "messages[0].content[0]";
    let rows = [
        (
            json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
            at.to_owned(),
            "input_audio",
        ),
        (json!({"type": "video"}), at.to_owned(), "video"),
        (
            json!({"type": "image_url"}),
            format!("{at}.image_url"),
            "required",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
            format!("{at}.image_url.url"),
            "https",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": PIXEL, "detail": "extreme"}}),
            format!("{at}.image_url.detail"),
            "auto",
        ),
        (
            json!({"type": "file", "file": {}}),
            format!("{at}.file.file_id"),
            "required",
        ),
        (
            json!({"type": "file", "file": {"file_id": "a", "file_data": "b"}}),
            format!("{at}.file"),
            "both",
        ),
    ];
    for (part, param, says) in rows {
        for model in ["assistant", "asst_assistant"] {
            let (status, error) = error_of(ask(&gateway, model, json!([part])).await).await;
            assert_eq!(
                (status, error["param"].as_str()),
                (400, Some(param.as_str())),
                "{part}"
            );
            assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        }
    }
}

#[tokio::test]
async fn a_conversation_about_an_image_goes_on() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let image = json!({"role": "user", "content": [{"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}}]});
    let ask = |messages: Value| gateway.chat(json!({"model": "assistant", "messages": messages}));
    let first: Value =
        serde_json::from_str(&ask(json!([image])).await.text().await.unwrap()).unwrap();
    let answer = &first["choices"][0]["message"];
    let more = json!({"role": "user", "content": "And its colour?"});
    assert_eq!(ask(json!([image, answer, more])).await.status(), 200);
    let request = sent(&emulator, "create_response");
    assert!(request["previous_response_id"].is_string());
    assert_eq!(request["input"].as_array().unwrap().len(), 1);

    let other = json!({"role": "user", "content": [{"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/other.png"}}]});
    assert_eq!(ask(json!([other, answer, more])).await.status(), 200);
    assert!(
        sent(&emulator, "create_response")["previous_response_id"].is_null(),
        "another image is another conversation"
    );
}
