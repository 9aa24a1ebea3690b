//! Who gets in.

use crate::support::{Gateway, KEY, emulator_and_gateway, error_of};

async fn models_with(gateway: &Gateway, header: Option<(&str, &str)>) -> reqwest::Response {
    let request = gateway.http.get(gateway.url("/v1/models"));
    let request = match header {
        Some((name, value)) => request.header(name, value),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_key_is_accepted_in_either_header_and_nothing_else_is() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let bearer = format!("Bearer {KEY}");
    assert_eq!(
        models_with(&gateway, Some(("authorization", &bearer)))
            .await
            .status(),
        200
    );
    assert_eq!(
        models_with(&gateway, Some(("api-key", KEY))).await.status(),
        200
    );
    let rows = [
        (None, "missing_api_key"),
        (
            Some(("authorization", "Bearer wrong-key-0123456789")),
            "invalid_api_key",
        ),
        (Some(("api-key", "wrong-key-0123456789")), "invalid_api_key"),
        (Some(("authorization", "Basic dGVzdA==")), "missing_api_key"),
    ];
    for (header, code) in rows {
        let response = models_with(&gateway, header).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let (status, error) = error_of(response).await;
        assert_eq!((status, &error["code"]), (401, &code.into()));
        assert!(!error.to_string().contains("0123456789"), "{error}");
    }
}

#[tokio::test]
async fn no_agent_is_asked_for_a_caller_who_is_not_known() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let body = r#"{"model":"echo","messages":[{"role":"user","content":"hi"}]}"#;
    let response = gateway
        .http
        .post(gateway.url("/v1/chat/completions"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(emulator.journal().requests().len(), 0);
}

#[tokio::test]
async fn the_gateway_is_open_only_when_asked_to_be() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [
        ("GATEWAY_API_KEYS", ""),
        ("GATEWAY_ALLOW_ANONYMOUS", "true"),
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    assert_eq!(models_with(&gateway, None).await.status(), 200);
}

#[tokio::test]
async fn request_ids_are_echoed_and_made_where_missing() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let with_id = |id: &'static str| {
        gateway
            .http
            .get(gateway.url("/healthz"))
            .header("x-request-id", id)
            .send()
    };
    assert_eq!(
        with_id("abc-123").await.unwrap().headers()["x-request-id"],
        "abc-123"
    );
    let replaced = with_id("a b\"<script>").await.unwrap();
    assert!(
        replaced.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .starts_with("req_")
    );
}
