//! An agent that a caller may not use is one that does not exist.

use serde_json::{Value, json};

use crate::support::{Gateway, SOON, emulator_and_gateway};

const KEYS: &str = "web=web-key-0123456789ab,app=app-key-0123456789ab";
const WEB: &str = "web-key-0123456789ab";
const APP: &str = "app-key-0123456789ab";
const ALIASES: &str = r#"{"aliases": {"gpt-4o": "assistant", "mine": {"agent": "echo", "overrides": "ignore"}, "org/x": "echo"}}"#;
const POLICIES: &str = r#"{"callers": {"web": {"agents": ["assistant", "stall-*"]}}}"#;

async fn gateway(endpoint: &str) -> Gateway {
    let settings = [
        ("GATEWAY_API_KEYS", KEYS),
        ("GATEWAY_AGENTS", ALIASES),
        ("GATEWAY_CALLERS", POLICIES),
    ];
    Gateway::in_front_of(endpoint, &settings).await
}

/// Status, headers that do not differ between any two answers, and body.
async fn answer(request: reqwest::RequestBuilder, key: &str) -> (u16, Vec<String>, String) {
    let response = request.bearer_auth(key).send().await.unwrap();
    let headers = response.headers().iter();
    let headers = headers
        .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"));
    let (status, headers) = (response.status().as_u16(), headers.collect());
    (status, headers, response.text().await.unwrap())
}

async fn ids(gateway: &Gateway, key: &str) -> Vec<String> {
    let (status, _, body) = answer(gateway.http.get(gateway.url("/v1/models")), key).await;
    assert_eq!(status, 200, "{body}");
    let list: Value = serde_json::from_str(&body).unwrap();
    let models = list["data"].as_array().unwrap().iter();
    models
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_list_has_what_the_caller_may_use() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = gateway(&emulator.project_endpoint()).await;
    let everything = ids(&gateway, APP).await;
    let allowed =
        |id: &&String| ["gpt-4o", "assistant"].contains(&id.as_str()) || id.starts_with("stall-");
    let some: Vec<_> = everything.iter().filter(allowed).cloned().collect();
    assert!(
        2 < some.len() && some.len() < everything.len() / 2,
        "{everything:?}"
    );
    assert_eq!(ids(&gateway, WEB).await, some);
}

#[tokio::test]
async fn an_agent_that_is_not_allowed_is_answered_byte_for_byte_like_one_that_does_not_exist() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = gateway(&emulator.project_endpoint()).await;
    let user = json!([{"role": "user", "content": "hi"}]);
    let shapes = [
        json!({"messages": user}),
        json!({"messages": user, "stream": true}),
        json!({"messages": user, "temperature": 0.5}),
        json!({"messages": user, "temperature": "warm"}),
        json!({"messages": user, "tools": [{"type": "function", "function": {"name": "f"}}]}),
        json!({"messages": user, "response_format": {"type": "json_object"}}),
        json!({"messages": user, "temperature": 0.5, "thread_id": "thread_0000000000000000000000000000", "tool_choice": "none"}),
        json!({"messages": []}),
        json!({"messages": user, "thread_id": "thread_0000000000000000000000000000"}),
        json!({"messages": user, "stream": true, "conversation": "thread_0000000000000000000000000000"}),
    ];
    // Names of the same form: an agent, a version, an alias, a classic one, and other spellings.
    let names = [
        ("echo", "ecko"),
        ("echo:1", "ecko:1"),
        ("mine", "mind"),
        ("org/x", "org/y"),
        ("asst_echo", "asst_ecko"),
        ("azure_ai/agents/echo", "azure_ai/agents/ecko"),
        ("azure_ai/agents/asst_echo", "azure_ai/agents/asst_ecko"),
    ];
    for (forbidden, missing) in names {
        for shape in &shapes {
            let ask = |model: &str| {
                let mut body = shape.clone();
                body["model"] = json!(model);
                let request = gateway.http.post(gateway.url("/v1/chat/completions"));
                request.body(body.to_string())
            };
            emulator.journal().clear();
            let refused = answer(ask(forbidden), WEB).await;
            assert_eq!(emulator.journal().requests(), [], "{forbidden} {shape}");
            let (status, headers, body) = answer(ask(missing), WEB).await;
            let expected = (status, headers, body.replace(missing, forbidden));
            assert_eq!(refused, expected, "{forbidden} {shape}");
            assert!([400, 404].contains(&refused.0), "{refused:?}");
        }
        let one = |model: &str| {
            gateway
                .http
                .get(gateway.url(&format!("/v1/models/{model}")))
        };
        let refused = answer(one(forbidden), WEB).await;
        let (status, headers, body) = answer(one(missing), WEB).await;
        assert_eq!(
            refused,
            (status, headers, body.replace(missing, forbidden)),
            "{forbidden}"
        );
        assert_eq!(refused.0, 404);
        let allowed = answer(ask_plainly(&gateway, forbidden), APP).await;
        assert_eq!(allowed.0, 200, "{forbidden}: {}", allowed.2);
    }
}

#[tokio::test]
async fn an_agent_that_is_allowed_answers_under_every_name_that_leads_to_it() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = gateway(&emulator.project_endpoint()).await;
    for model in [
        "assistant",
        "assistant:1",
        "gpt-4o",
        "azure_ai/agents/assistant",
    ] {
        let asked = answer(ask_plainly(&gateway, model), WEB);
        let (status, _, body) = tokio::time::timeout(SOON, asked).await.unwrap();
        assert_eq!(status, 200, "{model}: {body}");
    }
}

fn ask_plainly(gateway: &Gateway, model: &str) -> reqwest::RequestBuilder {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
    gateway
        .http
        .post(gateway.url("/v1/chat/completions"))
        .body(body.to_string())
}
