//! The list of models, and single ones.

use foundry_emulator::Behaviour;
use serde_json::Value;

use crate::support::{Gateway, SOON, emulator, emulator_and_gateway, error_of};

async fn ids(gateway: &Gateway) -> Vec<String> {
    let response = gateway.get("/v1/models").await;
    assert_eq!(response.status(), 200);
    let list: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(list["object"], "list");
    let data = list["data"].as_array().unwrap();
    data.iter()
        .map(|model| {
            assert_eq!(model["object"], "model");
            assert!(model["created"].is_i64() && model["owned_by"].is_string());
            model["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn aliases_new_and_classic_agents_are_listed_through_all_pages() {
    let emulator = emulator(Behaviour {
        page_size_max: Some(3),
        ..Behaviour::default()
    })
    .await;
    let aliases = [(
        "GATEWAY_AGENTS",
        r#"{"aliases":{"gpt-4o":"assistant","org/x":"echo"}}"#,
    )];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &aliases).await;
    let ids = ids(&gateway).await;
    for id in [
        "gpt-4o",
        "org/x",
        "assistant",
        "echo",
        "stall-middle",
        "asst_assistant",
        "asst_stall_middle",
    ] {
        assert_eq!(
            ids.iter().filter(|listed| *listed == id).count(),
            1,
            "{id} in {ids:?}"
        );
    }
    assert!(
        10 < emulator.journal().count("list_agents"),
        "pages of three"
    );
}

#[tokio::test]
async fn classic_agents_can_be_switched_off() {
    let (emulator, _) = emulator_and_gateway().await;
    let off = [("GATEWAY_CLASSIC_AGENTS", "false")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &off).await;
    assert!(
        ids(&gateway)
            .await
            .iter()
            .all(|id| !id.starts_with("asst_"))
    );
    let (status, error) = error_of(gateway.ask("asst_echo", "hi").await).await;
    assert_eq!((status, &error["code"]), (404, &"model_not_found".into()));
    assert_eq!(emulator.journal().count("list_assistants"), 0);
}

#[tokio::test]
async fn a_listing_is_kept() {
    let (emulator, gateway) = emulator_and_gateway().await;
    ids(&gateway).await;
    let calls = emulator.journal().requests().len();
    ids(&gateway).await;
    assert_eq!(emulator.journal().requests().len(), calls);
}

#[tokio::test]
async fn many_first_listings_read_the_lists_once() {
    let (emulator, gateway) = emulator_and_gateway().await;
    futures_util::future::join_all((0..20).map(|_| ids(&gateway))).await;
    let pages = emulator.journal().count("list_agents");
    let alone = Gateway::in_front_of(&emulator.project_endpoint(), &[]).await;
    ids(&alone).await;
    assert_eq!(emulator.journal().count("list_agents"), 2 * pages);
}

#[tokio::test]
async fn one_model_is_found_by_every_spelling_and_encoding() {
    let (emulator, _) = emulator_and_gateway().await;
    let aliases = [("GATEWAY_AGENTS", r#"{"aliases":{"org/x":"echo"}}"#)];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &aliases).await;
    let rows = [
        ("echo", "echo"),
        ("echo:1", "echo:1"),
        ("asst_echo", "asst_echo"),
        ("org/x", "org/x"),
        ("org%2Fx", "org/x"),
        ("org%252Fx", "org/x"),
        ("azure_ai/agents/asst_echo", "azure_ai/agents/asst_echo"),
    ];
    for (path, id) in rows {
        let response = gateway.get(&format!("/v1/models/{path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        let model: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(
            (&model["id"], &model["object"]),
            (&id.into(), &"model".into())
        );
    }
    for path in ["nobody", "echo:99", "asst_nobody", "a%20b"] {
        let (status, error) = error_of(gateway.get(&format!("/v1/models/{path}")).await).await;
        assert_eq!(
            (status, &error["code"]),
            (404, &"model_not_found".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_project_that_refuses_the_list_is_an_error_and_not_an_empty_list() {
    let (emulator, _) = emulator_and_gateway().await;
    let denied = [("FOUNDRY_ACCESS_TOKEN", "no-permission")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &denied).await;
    let (status, error) = error_of(gateway.get("/v1/models").await).await;
    assert_eq!((status, &error["code"]), (403, &"permission_denied".into()));
    assert!(
        tokio::time::timeout(SOON, gateway.get("/readyz"))
            .await
            .unwrap()
            .status()
            == 503
    );
}
