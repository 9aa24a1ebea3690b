//! Conversations that a client names: by the id that an answer told, by a header, or not at all.

use super::*;

#[tokio::test]
async fn an_id_continues_without_the_history_in_every_spelling() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in ["assistant", "asst_assistant"] {
        let first = answer_of(gateway.ask(agent, "My name is Ada.").await).await;
        let id = first["thread_id"].as_str().unwrap();
        for (field, value) in [
            ("thread_id", json!(id)),
            ("conversation", json!({"id": id})),
            ("previous_response_id", json!(id)),
        ] {
            let mut body = json!({"model": agent, "messages": [{"role": "user", "content": "What is my name?"}]});
            body[field] = value;
            let answer = answer_of(gateway.chat(body).await).await;
            assert!(
                answer["choices"][0]["message"]["content"]
                    .as_str()
                    .unwrap()
                    .contains("Ada"),
                "{agent} {field}"
            );
            assert_eq!(answer["thread_id"], id);
        }
    }
    assert_eq!(emulator.journal().count("create_thread"), 0);
}

#[tokio::test]
async fn nobody_reaches_another_callers_conversation() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_API_KEYS", TWO_CALLERS)],
    )
    .await;
    let send = |key: &'static str, body: Value| {
        let request = gateway
            .http
            .post(gateway.url("/v1/chat/completions"))
            .bearer_auth(key);
        request.body(body.to_string()).send()
    };
    let question = json!({"role": "user", "content": "My name is Ada."});
    let body = json!({"model": "assistant", "messages": [question]});
    let first = answer_of(send("web-key-0123456789ab", body).await.unwrap()).await;
    for id in [first["thread_id"].as_str().unwrap(), "thread_made_up"] {
        let body = json!({"model": "assistant", "thread_id": id, "messages": [{"role": "user", "content": "What is my name?"}]});
        let (status, error) = error_of(send("app-key-0123456789ab", body).await.unwrap()).await;
        assert_eq!(
            (status, &error["code"]),
            (404, &"conversation_not_found".into())
        );
        assert!(!error.to_string().contains(id), "{error}");
    }
    // The same history from the other caller is a conversation of its own.
    let history = json!([question, first["choices"][0]["message"], {"role": "user", "content": "What is my name?"}]);
    answer_of(
        send(
            "app-key-0123456789ab",
            json!({"model": "assistant", "messages": history}),
        )
        .await
        .unwrap(),
    )
    .await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")).len(),
        3,
        "replayed whole"
    );
}

#[tokio::test]
async fn names_keep_chats_with_the_same_beginning_apart() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let send = |name: &'static str, messages: Value| {
        let body = json!({"model": "assistant", "messages": messages}).to_string();
        let request = gateway
            .http
            .post(gateway.url("/v1/chat/completions"))
            .bearer_auth(crate::support::KEY);
        request
            .header("x-openwebui-chat-id", name)
            .body(body)
            .send()
    };
    let question = json!({"role": "user", "content": "hi"});
    let first = answer_of(send("chat-1", json!([question])).await.unwrap()).await;
    let history =
        json!([question, first["choices"][0]["message"], {"role": "user", "content": "more"}]);
    answer_of(send("chat-2", history.clone()).await.unwrap()).await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")).len(), 3);
    answer_of(send("chat-1", history).await.unwrap()).await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["more"]);
    let by_id = json!({"model": "assistant", "thread_id": first["thread_id"], "messages": [{"role": "user", "content": "and"}]});
    answer_of(gateway.chat(by_id).await).await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["and"],
        "an id means the same under every name"
    );
}

#[tokio::test]
async fn off_keeps_nothing() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let off = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_CONTINUITY", "off")],
    )
    .await;
    let by_header = gateway
        .http
        .post(gateway.url("/v1/chat/completions"))
        .bearer_auth(crate::support::KEY);
    let body =
        json!({"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let by_header = by_header
        .header("x-gateway-continuity", "off")
        .body(body)
        .send()
        .await
        .unwrap();
    for response in [off.ask("assistant", "hi").await, by_header] {
        assert!(response.headers().get("x-thread-id").is_none());
        assert!(answer_of(response).await.get("thread_id").is_none());
        assert_eq!(last(&emulator, "create_response").body["store"], false);
    }
    let body = json!({"model": "assistant", "thread_id": "t", "messages": [{"role": "user", "content": "hi"}]});
    let (status, error) = error_of(off.chat(body).await).await;
    assert_eq!((status, &error["param"]), (400, &"thread_id".into()));
}

#[tokio::test]
async fn explicit_leaves_the_history_alone() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_CONTINUITY", "explicit")],
    )
    .await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("one").await;
    chat.say("two").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")).len(), 3);
}
