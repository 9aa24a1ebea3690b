//! Approvals of MCP calls: failed, decided by the policy, or left to the client, on both dialects.

use super::*;
use crate::support::{Gateway, emulator, events_of, text_of};

/// One agent of each kind that asks for the approval of `search_catalogue` on the server `catalogue`.
const ASKING: [&str; 2] = ["approval", "asst_approval"];
const LISTED: &str = r#"{"approve": ["catalogue/search_catalogue"]}"#;
const OTHERS_LISTED: &str = r#"{"approve": ["shop", "catalogue/buy"]}"#;

/// A gateway that offers the agent under the alias `agent` with this policy.
async fn with_policy(agent: &str, policy: &str, settings: &[(&str, &str)]) -> (Emulator, Gateway) {
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let agents =
        format!(r#"{{"aliases": {{"agent": {{"agent": "{agent}", "approvals": {policy}}}}}}}"#);
    let settings = [settings, &[("GATEWAY_AGENTS", agents.as_str())]].concat();
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    (emulator, gateway)
}

async fn text(gateway: &Gateway, stream: bool) -> String {
    let messages = [user("Find lamps")];
    let body = json!({"model": "agent", "stream": stream, "messages": messages});
    let response = gateway.chat(body).await;
    if stream {
        let stream = response.text().await.unwrap();
        assert_eq!(events_of(&stream).pop().unwrap(), "[DONE]", "{stream}");
        return text_of(&stream);
    }
    let message = message_of(response).await;
    assert_eq!(message.get("tool_calls"), None, "the client is not asked");
    message["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_not_listed_fails_and_says_what_to_do() {
    for agent in ASKING {
        for policy in ["{}", OTHERS_LISTED] {
            let (_emulator, gateway) = with_policy(agent, policy, &[]).await;
            let (status, error) = error_of(gateway.ask("agent", "Find lamps").await).await;
            assert_eq!((status, &error["code"]), (400, &json!("approval_required")));
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("catalogue/search_catalogue"), "{message}");
            assert!(message.contains("GATEWAY_APPROVALS"), "{message}");
        }
    }
}

#[tokio::test]
async fn the_policy_answers_in_the_same_turn_with_one_call_more() {
    for agent in ASKING {
        let refusing = [("GATEWAY_APPROVALS", "refuse")];
        let stateless = [("GATEWAY_CONTINUITY", "off")];
        let rows: [(&str, &[_], _); 3] = [
            (LISTED, &[], "approved"),
            (LISTED, &stateless, "approved"),
            (OTHERS_LISTED, &refusing, "denied"),
        ];
        for (policy, settings, outcome) in rows {
            for stream in [false, true] {
                let (emulator, gateway) = with_policy(agent, policy, settings).await;
                let said = text(&gateway, stream).await;
                assert_eq!(
                    said,
                    format!("search_catalogue returned: {outcome}"),
                    "{agent}"
                );
                gateway.stop().await;
                let expected = match agent {
                    "approval" => ["create_response", "create_response"],
                    _ => ["create_thread_and_run", "submit_tool_outputs"],
                };
                assert_eq!(operations(&emulator)[..2], expected);
            }
        }
    }
}

#[tokio::test]
async fn a_conversation_goes_on_after_the_policy_has_answered() {
    for agent in ASKING {
        let (emulator, gateway) = with_policy(agent, LISTED, &[]).await;
        let mut history = vec![user("Find lamps")];
        history.push(say(&gateway, "agent", &history).await);
        history.push(user("Find more"));
        operations(&emulator);
        say(&gateway, "agent", &history).await;
        let request = &emulator.journal().requests()[0];
        assert!(
            !request.body.to_string().contains("lamps"),
            "only what is new: {request:?}"
        );
    }
}

#[tokio::test]
async fn the_cost_of_both_responses_is_told() {
    let (emulator, gateway) = with_policy("approval", LISTED, &[]).await;
    let response = gateway.ask("agent", "Find lamps").await;
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let total = answer["usage"]["total_tokens"].as_u64().unwrap();
    let alone = gateway
        .chat(json!({"model": "assistant", "messages": [user("Find lamps")]}))
        .await;
    let alone: Value = serde_json::from_str(&alone.text().await.unwrap()).unwrap();
    assert!(2 * alone["usage"]["prompt_tokens"].as_u64().unwrap() < total);
    assert_eq!(emulator.journal().count("create_response"), 3);
}

/// The client is asked; gives the history with the request at its end.
async fn surfaced(gateway: &Gateway) -> (Vec<Value>, String) {
    let response = gateway.ask("agent", "Find lamps").await;
    let id = response.headers()["x-thread-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let message = message_of(response).await;
    let [call] = &calls_of(&message)[..] else {
        panic!("one request");
    };
    assert_eq!(call["function"]["name"], "mcp_approval_request");
    let asked: Value =
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    let expected = json!({"server_label": "catalogue", "name": "search_catalogue",
        "arguments": r#"{"query":"lamps"}"#});
    assert_eq!(asked, expected);
    (vec![user("Find lamps"), message], id)
}

#[tokio::test]
async fn the_client_decides_where_it_is_asked() {
    let answers = [
        (r#"{"approve": true}"#, "approved"),
        ("yes", "approved"),
        (r#"{"approve": false}"#, "denied"),
        ("Error: there is no tool mcp_approval_request", "denied"),
    ];
    for agent in ASKING {
        for (answer, outcome) in answers {
            for by_id in [false, true] {
                let (emulator, gateway) =
                    with_policy(agent, r#"{"otherwise": "surface"}"#, &[]).await;
                let (history, id) = surfaced(&gateway).await;
                let result = result(&calls_of(&history[1])[0], answer);
                operations(&emulator);
                let whole = [&history[..], std::slice::from_ref(&result)].concat();
                let body = if by_id {
                    json!({"model": "agent", "thread_id": id, "messages": [result]})
                } else {
                    json!({"model": "agent", "messages": whole})
                };
                let message = message_of(gateway.chat(body).await).await;
                let expected = format!("search_catalogue returned: {outcome}");
                assert_eq!(message["content"], expected, "{agent}");
                gateway.stop().await;
                assert_eq!(operations(&emulator).len(), 1, "on what asked");
            }
        }
    }
}

#[tokio::test]
async fn without_continuity_a_request_and_its_answer_are_replayed() {
    let settings = [
        ("GATEWAY_CONTINUITY", "off"),
        ("GATEWAY_APPROVALS", "surface"),
    ];
    let (emulator, gateway) = with_policy("approval", "{}", &settings).await;
    let message = say(&gateway, "agent", &[user("Find lamps")]).await;
    let result = result(&calls_of(&message)[0], "yes");
    let answer = say(&gateway, "agent", &[user("Find lamps"), message, result]).await;
    assert_eq!(answer["content"], "search_catalogue returned: approved");
    let sent = emulator.journal().requests().pop().unwrap().body;
    let kinds: Vec<_> = sent["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["message", "mcp_approval_request", "mcp_approval_response"]
    );
}

#[tokio::test]
async fn a_request_that_is_given_up_is_refused() {
    for agent in ASKING {
        let (emulator, gateway) = with_policy(agent, r#"{"otherwise": "surface"}"#, &[]).await;
        let (mut history, _) = surfaced(&gateway).await;
        history.push(user("Never mind"));
        let body = json!({"model": "agent", "messages": history});
        // This agent asks again whatever the user says; what matters is that it was not told yes.
        message_of(gateway.chat(body).await).await;
        let requests = emulator.journal().requests();
        assert!(
            requests
                .iter()
                .all(|request| !request.body.to_string().contains("\"approve\":true"))
        );
    }
}

#[tokio::test]
async fn consent_is_an_error_with_its_link() {
    let (_emulator, gateway) = crate::support::emulator_and_gateway().await;
    let (status, error) = error_of(gateway.ask("consent", "Hello").await).await;
    assert_eq!(
        (status, &error["code"]),
        (403, &json!("oauth_consent_required"))
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("https://consent.example.com/start?code=emulated"),
        "{message}"
    );
}
