//! What is lost, failed or expired: replayed, left behind by nobody, cleaned up.

use super::*;

#[tokio::test]
async fn what_the_service_has_forgotten_is_replayed() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in ["assistant", "asst_assistant"] {
        let mut chat = Chat::new(&gateway, agent);
        chat.say("My name is Ada.").await;
        delete_everything(&emulator, &gateway).await;
        assert!(
            chat.say("What is my name?").await.contains("Ada"),
            "{agent}"
        );
        chat.say("Thanks.").await;
        let sent = last(
            &emulator,
            if agent == "assistant" {
                "create_response"
            } else {
                "create_run"
            },
        );
        assert_eq!(
            texts_sent(&sent),
            ["Thanks."],
            "{agent}: the new head is continued"
        );
    }
}

/// Deletes all responses and threads that the journal tells of.
pub(super) async fn delete_everything(emulator: &Emulator, gateway: &Gateway) {
    let list = |path: &str| {
        gateway
            .http
            .get(format!("{}{path}", emulator.project_endpoint()))
            .bearer_auth("t")
            .send()
    };
    let threads = list("/threads?api-version=v1")
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let threads: Value = serde_json::from_str(&threads).unwrap();
    for thread in threads["data"].as_array().into_iter().flatten() {
        let path = format!(
            "{}/threads/{}?api-version=v1",
            emulator.project_endpoint(),
            thread["id"].as_str().unwrap()
        );
        gateway
            .http
            .delete(path)
            .bearer_auth("t")
            .send()
            .await
            .unwrap();
    }
    for row in gateway
        .app
        .store
        .expired(u64::MAX, None, 1000)
        .await
        .unwrap()
        .rows
    {
        if let Some(foundry_gateway::continuity::store::Upstream::Response { id }) =
            row.row.map(|row| row.upstream)
        {
            let path = format!("{}/openai/v1/responses/{id}", emulator.project_endpoint());
            gateway
                .http
                .delete(path)
                .bearer_auth("t")
                .send()
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn failed_and_abandoned_turns_leave_no_head_and_no_thread() {
    let (emulator, gateway) = emulator_and_gateway().await;
    gateway.ask("asst_fail_cut", "hi").await;
    let deleted = |requests: &[RecordedRequest]| {
        requests
            .iter()
            .any(|request| request.operation == "delete_thread" && request.ending.is_some())
    };
    assert!(emulator.journal().wait_for(deleted, SOON).await);
    gateway.ask("fail-error-event-middle", "hi").await;
    assert_eq!(
        gateway
            .app
            .store
            .expired(u64::MAX, None, 10)
            .await
            .unwrap()
            .rows
            .len(),
        0
    );
}

#[tokio::test]
async fn the_cleanup_removes_what_has_expired_here_and_upstream() {
    let (emulator, gateway) = emulator_and_gateway().await;
    gateway.ask("assistant", "hi").await;
    gateway.ask("asst_assistant", "hi").await;
    let far_future = FarFuture;
    let report = foundry_gateway::continuity::cleanup::run(
        &*gateway.app.store,
        &far_future,
        &gateway.app.projects,
        "req_1",
    );
    let report = report.await.unwrap();
    assert_eq!(
        (report.rows, report.upstream, report.failed, report.more),
        (4, 3, 0, false),
        "a response by two rows, a thread by one, to which another points"
    );
    assert!(0 < emulator.journal().count("delete_thread"));
    assert_eq!(
        gateway
            .app
            .store
            .expired(u64::MAX, None, 10)
            .await
            .unwrap()
            .rows
            .len(),
        0
    );
}

#[derive(Debug)]
struct FarFuture;

impl foundry_gateway::continuity::store::Clock for FarFuture {
    fn unix_milliseconds(&self) -> u64 {
        u64::MAX
    }
}

#[tokio::test]
async fn the_cleanup_answers_the_host_and_nobody_from_outside() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let call = |headers: &'static [(&'static str, &'static str)]| {
        let mut request = gateway
            .http
            .post(gateway.url("/thread-cleanup"))
            .body("{\"Data\":{},\"Metadata\":{}}");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send()
    };
    let from_host = call(&[("x-azure-functions-invocationid", "i")])
        .await
        .unwrap();
    assert_eq!(from_host.status(), 200);
    let envelope: Value = serde_json::from_str(&from_host.text().await.unwrap()).unwrap();
    assert!(
        envelope["Logs"][0]
            .as_str()
            .unwrap()
            .starts_with("0 expired rows removed"),
        "{envelope}"
    );
    for headers in [
        &[
            ("x-azure-functions-invocationid", "i"),
            ("x-ms-invocation-id", "i"),
        ][..],
        &[
            ("x-azure-functions-invocationid", "i"),
            ("x-forwarded-host", "h"),
        ],
        &[],
    ] {
        assert_eq!(call(headers).await.unwrap().status(), 404);
    }
}

#[tokio::test]
async fn a_store_that_is_down_or_slow_costs_a_replay_and_no_answer() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [
        (
            "THREADS_CONNECTION_STRING",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a",
        ),
        ("GATEWAY_STORE_TIMEOUT_SECONDS", "0.1"),
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("My name is Ada.").await;
    assert!(chat.say("What is my name?").await.contains("Ada"));
    let by_id = json!({"model": "assistant", "thread_id": "thread_1", "messages": [{"role": "user", "content": "hi"}]});
    let (status, error) = error_of(gateway.chat(by_id).await).await;
    assert_eq!(
        (status, &error["code"]),
        (503, &"store_unavailable".into()),
        "there is nothing to replay"
    );
    let mut with_history = chat.asking("hi");
    with_history["thread_id"] = "thread_1".into();
    assert_eq!(gateway.chat(with_history).await.status(), 200);
}

#[tokio::test]
async fn an_id_alone_whose_head_is_gone_is_not_answered_without_its_history() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in ["assistant", "asst_assistant"] {
        let mut chat = Chat::new(&gateway, agent);
        let first = answer_of(gateway.chat(chat.asking("My name is Ada.")).await).await;
        delete_everything(&emulator, &gateway).await;
        let by_id = json!({"model": agent, "thread_id": first["thread_id"],
            "messages": [{"role": "user", "content": "What is my name?"}]});
        let (status, error) = error_of(gateway.chat(by_id).await).await;
        assert_eq!(
            (status, &error["code"]),
            (404, &"conversation_not_found".into()),
            "{agent}: {error}"
        );
        chat.messages = vec![
            json!({"role": "user", "content": "My name is Ada."}),
            first["choices"][0]["message"].clone(),
        ];
        let mut with_history = chat.asking("What is my name?");
        with_history["thread_id"] = first["thread_id"].clone();
        let response = gateway.chat(with_history).await;
        assert!(
            response.status() == 200 || agent == "asst_assistant",
            "{agent}"
        );
    }
}
