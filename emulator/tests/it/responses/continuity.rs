//! Responses that go on: from a stored one, in a conversation, in the background.

use serde_json::{Value, json};

use super::{PATH, output_text};
use crate::support::{Service, ask_body, text_of};

#[tokio::test]
async fn a_response_is_continued_unless_it_was_not_stored() {
    let service = Service::start().await;
    let first = service
        .ask("assistant", &json!("My name is Ada"))
        .await
        .ok()
        .json();
    let mut body = ask_body("assistant", &json!("What is my name?"), false);
    body["previous_response_id"] = first["id"].clone();
    let second = service.post(PATH, &body).await.ok().json();
    assert_eq!(output_text(&second), "Your name is Ada.");
    assert_eq!(second["previous_response_id"], first["id"]);
    let id = second["id"].as_str().unwrap();
    assert_eq!(
        service.get(&format!("{PATH}/{id}")).await.ok().json(),
        second
    );
    let items = service
        .get(&format!("{PATH}/{id}/input_items"))
        .await
        .ok()
        .json();
    assert_eq!(items["data"][0]["content"][0]["text"], "What is my name?");

    let mut body = ask_body("assistant", &json!("My name is Grace"), false);
    body["store"] = json!(false);
    let unstored = service.post(PATH, &body).await.ok().json();
    let id = unstored["id"].as_str().unwrap();
    assert_eq!(service.get(&format!("{PATH}/{id}")).await.status, 404);
    let mut body = ask_body("assistant", &json!("What is my name?"), false);
    body["previous_response_id"] = json!(id);
    let (status, error) = service.post(PATH, &body).await.refusal();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("previous_response_not_found"))
    );
}

#[tokio::test]
async fn a_deleted_response_is_gone() {
    let service = Service::start().await;
    let response = service.ask("assistant", &json!("Hello")).await.ok().json();
    let path = format!("{PATH}/{}", response["id"].as_str().unwrap());
    assert_eq!(service.delete(&path).await.ok().json()["deleted"], true);
    assert_eq!(service.delete(&path).await.status, 404);
}

#[tokio::test]
async fn a_conversation_remembers() {
    let service = Service::start().await;
    let conversation = service
        .post("/openai/v1/conversations", &json!({"metadata": {"a": "b"}}))
        .await
        .ok()
        .json();
    let id = conversation["id"].as_str().unwrap();
    for (text, expected) in [
        ("My name is Ada", None),
        ("What is my name?", Some("Your name is Ada.")),
    ] {
        let mut body = ask_body("assistant", &json!(text), expected.is_some());
        body["conversation"] = json!({"id": id});
        let answer = service.post(PATH, &body).await.ok();
        if let Some(expected) = expected {
            assert_eq!(text_of(&answer.events()), expected);
        }
    }
    let path = format!("/openai/v1/conversations/{id}");
    let items = service
        .get(&format!("{path}/items?order=asc"))
        .await
        .ok()
        .json();
    let roles: Vec<&str> = items["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    let item = format!("{path}/items/{}", items["first_id"].as_str().unwrap());
    assert_eq!(
        service.get(&item).await.ok().json()["content"][0]["text"],
        "My name is Ada"
    );
    service.delete(&item).await.ok();
    assert_eq!(service.get(&item).await.status, 404);
    let deleted = service.delete(&path).await.ok().json();
    assert_eq!(deleted["object"], "conversation.deleted");
    let mut body = ask_body("assistant", &json!("Hello"), false);
    body["conversation"] = json!(id);
    assert_eq!(service.post(PATH, &body).await.status, 404);
}

#[tokio::test]
async fn a_conversation_in_use_is_locked() {
    let service = Service::start().await;
    let conversation = service
        .post("/openai/v1/conversations", &json!({}))
        .await
        .ok()
        .json();
    let mut body = ask_body("stall-middle", &json!("Hello"), true);
    body["conversation"] = conversation["id"].clone();
    let mut stalled = service
        .request(reqwest::Method::POST, PATH, &body)
        .send()
        .await
        .unwrap();
    stalled.chunk().await.unwrap();
    let mut second = ask_body("assistant", &json!("Hello"), false);
    second["conversation"] = conversation["id"].clone();
    let (status, error) = service.post(PATH, &second).await.refusal();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("conversation_locked"))
    );
    drop(stalled);
    let closed = |requests: &[foundry_emulator::RecordedRequest]| {
        requests
            .iter()
            .any(|request| request.ending == Some(foundry_emulator::Ending::ClientClosed))
    };
    assert!(
        service
            .emulator
            .journal()
            .wait_for(closed, crate::support::PATIENCE)
            .await
    );
    service.post(PATH, &second).await.ok();
}

#[tokio::test]
async fn a_background_response_is_fetched_later_or_cancelled() {
    let service = Service::start().await;
    let mut body = ask_body("assistant", &json!("repeat exactly: done"), false);
    body["background"] = json!(true);
    let started = service.post(PATH, &body).await.ok().json();
    assert_eq!(
        (&started["status"], &started["background"]),
        (&json!("in_progress"), &json!(true))
    );
    let path = format!("{PATH}/{}", started["id"].as_str().unwrap());
    let finished = service.get(&path).await.ok().json();
    assert_eq!(finished["status"], "completed");
    assert_eq!(output_text(&finished), "done");
    let started = service.post(PATH, &body).await.ok().json();
    let path = format!("{PATH}/{}", started["id"].as_str().unwrap());
    let cancelled = service
        .post(&format!("{path}/cancel"), &Value::Null)
        .await
        .ok()
        .json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(service.get(&path).await.ok().json()["status"], "cancelled");
    let whole = service.ask("assistant", &json!("Hello")).await.json();
    let path = format!("{PATH}/{}/cancel", whole["id"].as_str().unwrap());
    assert_eq!(service.post(&path, &Value::Null).await.status, 400);
}
