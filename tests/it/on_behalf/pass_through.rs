//! The caller's own token for Foundry, as it is.

use serde_json::{Value, json};

use super::Scene;
use crate::{
    entra::{ADA, APPLICATION, BOB, Signer, attacks, of_application, of_user, with},
    support::{SOON, error_of},
};

const MODE: (&str, &str) = ("GATEWAY_UPSTREAM_IDENTITY", "pass-through");

fn for_foundry(claims: Value) -> Value {
    with(claims, "aud", json!("https://ai.azure.com"))
}

#[tokio::test]
async fn everything_that_a_caller_causes_goes_with_its_own_token() {
    let scene = Scene::with(None, &[MODE]).await;
    let function = json!([{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]);
    let user =
        json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]);
    for object_id in [ADA, BOB] {
        let token = scene.key.token(&for_foundry(of_user(object_id)));
        for agent in ["assistant", "asst_assistant"] {
            for stream in [false, true] {
                let body = json!({"model": agent, "messages": user, "stream": stream});
                let answer = scene.chat(&token, body).await;
                assert_eq!(answer.status(), 200, "{agent}");
                drop(answer.text().await);
            }
        }
        // Definitions, lists, single agents, and what is deleted afterwards.
        let body = json!({"model": "assistant", "messages": user, "tools": function});
        assert_eq!(scene.chat(&token, body).await.status(), 200);
        let headers = [("x-gateway-continuity", "off")];
        let stateless = scene
            .gateway
            .http
            .post(scene.gateway.url("/v1/chat/completions"));
        let body = json!({"model": "asst_assistant", "messages": user}).to_string();
        let stateless = stateless
            .header(headers[0].0, headers[0].1)
            .bearer_auth(&token)
            .body(body);
        assert_eq!(stateless.send().await.unwrap().status(), 200);
        let deleted = scene.emulator.journal();
        let deleted = deleted.wait_for(
            |requests| {
                requests
                    .iter()
                    .any(|request| request.operation == "delete_thread")
            },
            SOON,
        );
        assert!(deleted.await);
        assert_eq!(scene.models(&token).await.status(), 200);
        let one = scene
            .gateway
            .http
            .get(scene.gateway.url("/v1/models/echo:1"));
        assert_eq!(one.bearer_auth(&token).send().await.unwrap().status(), 200);
        let upstream = scene.tokens_upstream();
        assert!(10 < upstream.len(), "{}", upstream.len());
        assert!(upstream.iter().all(|used| *used == token));
    }
    assert_eq!(scene.authority.tokens_asked(), [], "nobody signs in");
}

#[tokio::test]
async fn what_was_read_for_one_caller_is_shown_to_no_other() {
    let ada = Signer::named("tenant").token(&for_foundry(of_user(ADA)));
    let scene = Scene::with(Some(&ada), &[MODE]).await;
    assert_eq!(scene.models(&ada).await.status(), 200);
    assert_eq!(scene.ask(&ada, "assistant").await.status(), 200);
    let tools = json!({"model": "assistant", "messages": [{"role": "user", "content": "hi"}], "response_format": {"type": "json_object"}});
    assert_eq!(scene.chat(&ada, tools.clone()).await.status(), 200);
    let bob = scene.key.token(&for_foundry(of_user(BOB)));
    let one = scene.gateway.http.get(scene.gateway.url("/v1/models/echo"));
    for response in [
        scene.models(&bob).await,
        one.bearer_auth(&bob).send().await.unwrap(),
        scene.ask(&bob, "assistant").await,
        scene.ask(&bob, "asst_assistant").await,
        scene.chat(&bob, tools).await,
    ] {
        assert_eq!(
            response.headers()["www-authenticate"],
            "Bearer error=\"invalid_token\""
        );
        let (status, error) = error_of(response).await;
        assert_eq!((status, &error["code"]), (401, &"invalid_token".into()));
        assert!(
            error["message"].as_str().unwrap().contains("your token"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_conversation_of_one_user_is_unknown_to_another_and_a_forged_token_reaches_nothing() {
    let scene = Scene::with(None, &[MODE]).await;
    let ada = scene.key.token(&for_foundry(of_user(ADA)));
    let answer = scene.ask(&ada, "assistant").await;
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let follow_up = json!({
        "model": "assistant", "thread_id": answer["thread_id"],
        "messages": [{"role": "user", "content": "And?"}],
    });
    let next_token = with(for_foundry(of_user(ADA)), "nbf", json!(0));
    let next_token = scene.key.token(&next_token);
    assert_eq!(
        scene.chat(&next_token, follow_up.clone()).await.status(),
        200
    );
    let bob = scene.key.token(&for_foundry(of_user(BOB)));
    let (status, error) = error_of(scene.chat(&bob, follow_up.clone()).await).await;
    assert_eq!(
        (status, &error["code"]),
        (404, &"conversation_not_found".into())
    );

    scene.emulator.journal().clear();
    // Who says to be Ada without the tenant's signature.
    let stranger = Signer::named("stranger");
    let forged = stranger.sign(&scene.key.header(), &for_foundry(of_user(ADA)));
    let (status, error) = error_of(scene.chat(&forged, follow_up).await).await;
    assert_eq!((status, &error["code"]), (401, &"invalid_token".into()));
    for attack in attacks(&scene.key, &scene.authority.host()) {
        assert_eq!(
            scene.models(&attack.token).await.status(),
            401,
            "{}",
            attack.name
        );
    }
    assert_eq!(scene.emulator.journal().requests(), []);
}

#[tokio::test]
async fn a_token_for_anything_but_foundry_is_refused_and_an_application_needs_no_role_here() {
    let scene = Scene::with(None, &[MODE]).await;
    let (status, error) = error_of(scene.models(&scene.key.token(&of_user(ADA))).await).await;
    assert_eq!((status, &error["code"]), (401, &"invalid_token".into()));
    let application = with(
        of_application(&scene.authority.host()),
        "roles",
        Value::Null,
    );
    let application = scene.key.token(&for_foundry(application));
    assert_eq!(scene.models(&application).await.status(), 200);
    assert_eq!(scene.tokens_upstream()[0], application);
    let allowed = (
        "GATEWAY_ENTRA_ALLOWED_CLIENTS",
        "22222222-0000-0000-0000-000000000009",
    );
    let scene = Scene::with(None, &[MODE, allowed]).await;
    let ada = scene.key.token(&for_foundry(of_user(ADA)));
    assert_eq!(
        scene.models(&ada).await.status(),
        403,
        "{APPLICATION} is not allowed"
    );
}

#[tokio::test]
async fn ready_means_that_the_project_answers_whomever_it_lets_in() {
    let scene = Scene::with(Some("a-token-of-somebody"), &[MODE]).await;
    let report = scene
        .gateway
        .http
        .get(scene.gateway.url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(report.status(), 200);
    let report: Value = serde_json::from_str(&report.text().await.unwrap()).unwrap();
    assert_eq!(report["callers"]["upstream_identity"], "pass-through");
    assert_eq!(report["callers"]["entra"], true);
    let nowhere = crate::support::Gateway::in_front_of(
        "http://127.0.0.1:9/api/projects/p",
        &[
            MODE,
            ("GATEWAY_API_KEYS", ""),
            ("GATEWAY_CONTINUITY_KEY", crate::entra::CONTINUITY_KEY),
            ("GATEWAY_ENTRA_TENANT_ID", crate::entra::TENANT_ID),
        ],
    );
    let nowhere = nowhere.await;
    assert_eq!(nowhere.get("/readyz").await.status(), 503);
}
