//! What becomes of output items that are not plain text: reasoning, refusals, several messages, unknown kinds, and
//! tools that a client would have to run.

use serde_json::{Value, json};

use crate::support::{
    Gateway, Program, ScriptedUpstream, emulator, emulator_and_gateway, error_of, events_of,
    text_of,
};

async fn message_of(response: reqwest::Response) -> Value {
    let text = response.text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    answer["choices"][0]["message"].clone()
}

/// All that a stream's deltas say in this field.
fn said_in(stream: &str, field: &str) -> String {
    let chunks = events_of(stream);
    chunks
        .iter()
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"][field]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

#[tokio::test]
async fn reasoning_is_shown_where_the_operator_says_so() {
    const SUMMARY: &str = "The user wants an answer, so I give one.";
    for shown in ["true", "false"] {
        let emulator = emulator(foundry_emulator::Behaviour::default()).await;
        let settings = [("GATEWAY_REASONING_CONTENT", shown)];
        let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
        let expected = if shown == "true" { SUMMARY } else { "" };
        let message = message_of(gateway.ask("reasons", "repeat exactly: yes").await).await;
        assert_eq!(message["content"], "yes");
        assert_eq!(
            message["reasoning_content"].as_str().unwrap_or_default(),
            expected
        );
        let stream = gateway.ask_streamed("reasons", "repeat exactly: yes").await;
        let stream = stream.text().await.unwrap();
        assert_eq!(
            (
                text_of(&stream).as_str(),
                said_in(&stream, "reasoning_content").as_str()
            ),
            ("yes", expected)
        );

        // It is no part of the history, resent or not.
        let user = |text: &str| json!({"role": "user", "content": text});
        let history = [
            user("repeat exactly: yes"),
            message,
            user("repeat exactly: no"),
        ];
        emulator.journal().clear();
        let body = json!({"model": "reasons", "messages": history});
        assert_eq!(message_of(gateway.chat(body).await).await["content"], "no");
        let sent = emulator.journal().requests().pop().unwrap().body;
        assert!(sent["previous_response_id"].is_string());
    }
}

#[tokio::test]
async fn a_refusal_is_told_as_one_and_can_be_resent() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let message = message_of(gateway.ask("refuses", "Hello").await).await;
    let refusal = message["refusal"].as_str().unwrap().to_owned();
    assert_eq!(message["content"], Value::Null);
    let stream = gateway
        .ask_streamed("refuses", "Hello")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(said_in(&stream, "refusal"), refusal);
    let history = [
        json!({"role": "user", "content": "Hello"}),
        message,
        json!({"role": "user", "content": "Please"}),
    ];
    let response = gateway
        .chat(json!({"model": "refuses", "messages": history}))
        .await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn several_messages_are_one_answer_on_both_kinds_of_agents() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let joined = "This is the first message.\n\nThis is the second message.";
    for agent in ["two-messages", "asst_two_messages"] {
        let message = message_of(gateway.ask(agent, "Hello").await).await;
        assert_eq!(message["content"], joined, "{agent}");
        let stream = gateway
            .ask_streamed(agent, "Hello")
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(text_of(&stream), joined, "{agent}");
    }
}

#[tokio::test]
async fn an_unknown_item_is_left_out_and_its_kind_is_logged() {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let (program, client) = Program::serve(&emulator.project_endpoint(), &[]).await;
    let message = message_of(client.ask("unknown-events", "repeat exactly: yes").await).await;
    assert_eq!(message["content"], "yes");
    let log = program.terminate().await.stdout;
    assert!(log.contains("emulator_future_call"), "{log}");
}

#[tokio::test]
async fn a_tool_that_the_client_would_have_to_run_is_an_error_and_no_empty_answer() {
    let upstream = ScriptedUpstream::start().await;
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &[]).await;
    for kind in [
        "computer_call",
        "custom_tool_call",
        "local_shell_call",
        "apply_patch_call",
    ] {
        let item = json!({"type": kind, "id": "x_1", "call_id": "call_1", "status": "completed"});
        let done = json!({"output_index": 0, "item": item});
        let completed =
            json!({"response": {"id": "resp_1", "status": "completed", "output": [item]}});
        upstream.then_stream(&format!(
            "event: response.output_item.done\ndata: {done}\n\nevent: response.completed\ndata: {completed}\n\n"
        ));
        let (status, error) = error_of(gateway.ask("helper", "Hello").await).await;
        assert_eq!(
            (status, &error["code"]),
            (400, &json!("agent_misconfigured"))
        );
        assert!(error["message"].as_str().unwrap().contains(kind));
    }
}
