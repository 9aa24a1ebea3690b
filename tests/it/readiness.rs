//! Whether the process lives, and whether it can serve.

use serde_json::Value;

use crate::support::{Gateway, emulator_and_gateway};

#[tokio::test]
async fn the_probe_is_answered_without_a_key_and_without_the_service() {
    let gateway = Gateway::in_front_of("http://127.0.0.1:9/api/projects/none", &[]).await;
    for path in ["/", "/healthz"] {
        let response = gateway.http.get(gateway.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    let response = gateway.http.head(gateway.url("/")).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn ready_tells_what_is_configured_and_reachable_and_no_secret() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let response = gateway
        .http
        .get(gateway.url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["status"], "ready");
    assert_eq!(report["project"]["reachable"], true);
    assert_eq!(report["project"]["endpoint"], emulator.project_endpoint());
    assert_eq!(report["identity"]["kind"], "static-token");
    assert_eq!(report["callers"]["keys"], 1);
    assert!(
        !text.contains("test-token") && !text.contains(crate::support::KEY),
        "{text}"
    );
    gateway
        .http
        .get(gateway.url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        emulator.journal().requests().len(),
        1,
        "probes do not become load"
    );
}

#[tokio::test]
async fn ready_names_the_problem() {
    let (emulator, _) = emulator_and_gateway().await;
    let rows = [
        (
            emulator.project_endpoint(),
            "no-permission",
            "permission_denied",
        ),
        (
            emulator.project_endpoint(),
            "wrong-audience",
            "upstream_authentication_failed",
        ),
        (
            "http://127.0.0.1:9/api/projects/none".to_owned(),
            "any",
            "upstream_unreachable",
        ),
    ];
    for (endpoint, token, problem) in rows {
        let gateway = Gateway::in_front_of(&endpoint, &[("FOUNDRY_ACCESS_TOKEN", token)]).await;
        let response = gateway
            .http
            .get(gateway.url("/readyz"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 503);
        let report: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(
            (&report["status"], &report["project"]["problem"]),
            (&"not ready".into(), &problem.into())
        );
    }
}
