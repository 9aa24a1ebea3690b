//! What a good token may do: allowed applications, scopes, roles, and conversations of its own.

use serde_json::{Value, json};

use super::{ADA, APPLICATION, BOB, Scene, of_application, of_user, with};
use crate::support::error_of;

const OTHER_APPLICATION: &str = "22222222-0000-0000-0000-000000000002";

/// Whether each of three tokens gets in: a user's, an application's with a role, an application's without.
async fn let_in(settings: &[(&str, &str)]) -> [u16; 3] {
    let scene = Scene::with(settings).await;
    let application = of_application(&scene.authority.host());
    let mut statuses = [0; 3];
    for (status, claims) in statuses.iter_mut().zip([
        of_user(ADA),
        application.clone(),
        with(application, "roles", Value::Null),
    ]) {
        let response = scene.models_with(&scene.key.token(&claims)).await;
        *status = response.status().as_u16();
        let challenged = response
            .headers()
            .get("www-authenticate")
            .is_some_and(|challenge| {
                challenge
                    .to_str()
                    .unwrap()
                    .starts_with("Bearer error=\"insufficient_scope\"")
            });
        assert_eq!(challenged, *status == 403);
    }
    statuses
}

#[tokio::test]
async fn applications_scopes_and_roles_decide_who_gets_in() {
    let clients = "GATEWAY_ENTRA_ALLOWED_CLIENTS";
    let (roles, scopes) = (
        "GATEWAY_ENTRA_REQUIRED_ROLES",
        "GATEWAY_ENTRA_REQUIRED_SCOPES",
    );
    let rows: [(&[_], _); 8] = [
        (&[], [200, 200, 403]),
        (&[(clients, APPLICATION)], [200, 200, 200]),
        (&[(clients, OTHER_APPLICATION)], [403, 403, 403]),
        (&[(roles, "Gateway.Call")], [403, 200, 403]),
        (&[(roles, "Gateway.Admin")], [403, 403, 403]),
        (&[(scopes, "Agents.Other, Agents.Use")], [200, 403, 403]),
        (
            &[(scopes, "Agents.Use"), (roles, "Gateway.Call")],
            [200, 200, 403],
        ),
        (
            &[(clients, OTHER_APPLICATION), (roles, "Gateway.Call")],
            [403, 403, 403],
        ),
    ];
    for (settings, expected) in rows {
        assert_eq!(let_in(settings).await, expected, "{settings:?}");
    }
}

#[tokio::test]
async fn a_gateway_without_keys_takes_tokens_only() {
    let scene = Scene::with(&[("GATEWAY_API_KEYS", "")]).await;
    let good = scene.key.token(&of_user(ADA));
    assert_eq!(scene.models_with(&good).await.status(), 200);
    let (status, error) = error_of(scene.models_with("any-key-0123456789").await).await;
    assert_eq!((status, &error["code"]), (401, &"invalid_api_key".into()));
    let bare = scene.gateway.http.get(scene.gateway.url("/v1/models"));
    let (status, error) = error_of(bare.send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (401, &"missing_api_key".into()));
}

#[tokio::test]
async fn a_conversation_belongs_to_the_user_and_outlives_the_token() {
    let scene = Scene::with(&[]).await;
    let ask = async |claims: Value, fields: Value| {
        let mut body = json!({"model": "assistant", "messages": [{"role": "user", "content": "What is my name?"}]});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let request = scene
            .gateway
            .http
            .post(scene.gateway.url("/v1/chat/completions"));
        let request = request
            .bearer_auth(scene.key.token(&claims))
            .body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        (status, body)
    };
    let first = json!({"messages": [{"role": "user", "content": "My name is Ada."}]});
    let (status, answer) = ask(of_user(ADA), first).await;
    assert_eq!(status, 200, "{answer}");
    let id = json!({"thread_id": answer["thread_id"]});

    let later = with(of_user(ADA), "exp", json!(super::tokens::now() + 7200));
    let through_another_application = with(later, "appid", json!(OTHER_APPLICATION));
    let (status, answer) = ask(through_another_application, id.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.to_string().contains("Ada"), "{answer}");

    for stranger in [of_user(BOB), of_application(&scene.authority.host())] {
        let (status, error) = ask(stranger, id.clone()).await;
        assert_eq!(
            (status, &error["error"]["code"]),
            (404, &"conversation_not_found".into())
        );
    }
}

#[tokio::test]
async fn a_policy_is_for_an_application_or_a_role_and_counts_for_each_user() {
    let policies = format!(
        r#"{{"callers": {{
            "app:{APPLICATION}": {{"requests_per_minute": 2}},
            "role:Gateway.Admin": {{"requests_per_minute": 30}},
            "role:Gateway.Call": {{"requests_per_minute": 20}},
            "*": {{"requests_per_minute": 10}}
        }}}}"#
    );
    let scene = Scene::with(&[("GATEWAY_CALLERS", &policies)]).await;
    let elsewhere = |claims| with(claims, "appid", json!(OTHER_APPLICATION));
    let roles = json!(["Gateway.Call", "Gateway.Admin"]);
    let rows = [
        (of_user(ADA), 200, "2", "1"),
        (of_user(ADA), 200, "2", "0"),
        (of_user(ADA), 429, "2", "0"),
        (of_user(BOB), 200, "2", "1"),
        (of_application(&scene.authority.host()), 200, "2", "1"),
        (elsewhere(of_user(ADA)), 200, "10", "9"),
        (
            with(elsewhere(of_user(BOB)), "roles", json!(["Gateway.Call"])),
            200,
            "20",
            "19",
        ),
        (
            with(elsewhere(of_user(BOB)), "roles", roles),
            200,
            "30",
            "29",
        ),
        (
            with(elsewhere(of_user(BOB)), "roles", json!(["Unknown"])),
            200,
            "10",
            "9",
        ),
    ];
    for (claims, status, limit, left) in rows {
        let response = scene.models_with(&scene.key.token(&claims)).await;
        assert_eq!(response.status(), status, "{claims}");
        assert_eq!(
            response.headers()["x-ratelimit-limit-requests"],
            limit,
            "{claims}"
        );
        assert_eq!(
            response.headers()["x-ratelimit-remaining-requests"],
            left,
            "{claims}"
        );
    }
}
