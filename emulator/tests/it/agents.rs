//! New agents: management, versions, paging.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Service;

fn definition(instructions: &str) -> Value {
    json!({"definition": {"kind": "prompt", "model": "gpt-4o", "instructions": instructions}})
}

/// All ids, page by page until the empty page, as the official Python SDKs ask; and how many pages that took.
async fn all_ids(service: &Service, path: &str, limit: usize) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = service
            .get(&format!("{path}?api-version=v1&limit={limit}{after}"))
            .await
            .ok()
            .json();
        pages += 1;
        assert!(pages < 100, "{path} never ends");
        for object in page["data"].as_array().unwrap() {
            ids.push(object["id"].as_str().unwrap().to_owned());
        }
        let Some(last) = page["last_id"].as_str() else {
            let end = json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false});
            assert_eq!(page, end);
            return (ids, pages);
        };
        after = format!("&after={last}");
    }
}

#[tokio::test]
async fn lists_end_with_an_empty_page() {
    let service = Service::start().await;
    let (new, classic) = foundry_emulator::built_in_agents();
    let (ids, pages) = all_ids(&service, "/agents", 10).await;
    assert_eq!(ids.len(), new.len());
    assert_eq!(pages, new.len().div_ceil(10) + 1);
    assert!(ids.contains(&"assistant".to_owned()) && ids.contains(&"stall-middle".to_owned()));
    let (ids, _) = all_ids(&service, "/assistants", 7).await;
    assert_eq!(ids.len(), classic.len());
    assert!(ids.contains(&"asst_fail_run_rate_limit".to_owned()));
}

#[tokio::test]
async fn the_page_size_can_be_capped() {
    let service = Service::start().await;
    service
        .emulator
        .behaviour()
        .set(serde_json::from_value(json!({"page_size_max": 3})).unwrap());
    let page = service.get("/agents?api-version=v1&limit=100").await.json();
    assert_eq!(page["data"].as_array().unwrap().len(), 3);
    assert_eq!(page["has_more"], true);
}

#[tokio::test]
async fn bad_list_queries_are_refused() {
    let service = Service::start().await;
    for query in ["limit=0", "limit=101", "limit=x", "order=up"] {
        let (status, error) = service
            .get(&format!("/agents?api-version=v1&{query}"))
            .await
            .refusal();
        assert_eq!(
            (status, &error["code"]),
            (400, &json!("invalid_value")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_agent_lives_and_dies() {
    let service = Service::start().await;
    let mut body = definition("One");
    body["name"] = json!("mine");
    let agent = service
        .post("/agents?api-version=v1", &body)
        .await
        .ok()
        .json();
    assert_eq!(agent["versions"]["latest"]["id"], "mine:1");
    assert_eq!(
        service.post("/agents?api-version=v1", &body).await.status,
        409
    );

    let path = "/agents/mine/versions?api-version=v1";
    let second = service.post(path, &definition("Two")).await.ok().json();
    assert_eq!(second["version"], "2");
    let versions = service.get(path).await.json();
    assert_eq!(versions["data"][0]["id"], "mine:2");
    let first = service
        .get("/agents/mine/versions/1?api-version=v1")
        .await
        .json();
    assert_eq!(first["definition"]["instructions"], "One");

    // A version that is named answers, not the latest.
    let asked = json!({
        "agent_reference": {"type": "agent_reference", "name": "mine", "version": "1"},
        "input": "What are your instructions?",
    });
    let answer = service
        .post("/openai/v1/responses", &asked)
        .await
        .ok()
        .json();
    assert_eq!(answer["instructions"], "One");
    assert_eq!(
        answer["output"][0]["content"][0]["text"],
        "My instructions are: \"One\"."
    );
    assert_eq!(answer["agent_reference"]["version"], "1");

    let deleted = service
        .delete("/agents/mine/versions/1?api-version=v1")
        .await
        .ok()
        .json();
    assert_eq!(deleted["object"], "agent.version.deleted");
    assert_eq!(
        service
            .get("/agents/mine/versions/1?api-version=v1")
            .await
            .status,
        404
    );
    let deleted = service
        .delete("/agents/mine?api-version=v1")
        .await
        .ok()
        .json();
    assert_eq!(
        deleted,
        json!({"object": "agent.deleted", "name": "mine", "deleted": true})
    );
    let (status, error) = service.get("/agents/mine?api-version=v1").await.refusal();
    assert_eq!((status, &error["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn versions_count_on_after_a_deletion() {
    let service = Service::start().await;
    let path = "/agents/mine/versions?api-version=v1";
    for _ in 0..2 {
        service.post(path, &definition("x")).await.ok();
    }
    service
        .delete("/agents/mine/versions/2?api-version=v1")
        .await
        .ok();
    assert_eq!(
        service.post(path, &definition("x")).await.json()["version"],
        "3"
    );
}

#[tokio::test]
async fn impossible_agents_are_refused() {
    let service = Service::start().await;
    for name in ["-a", "a-", "a_b", "a.b", &"a".repeat(64)] {
        let path = format!("/agents/{name}/versions?api-version=v1");
        assert_eq!(
            service.post(&path, &definition("x")).await.status,
            400,
            "{name}"
        );
    }
    for body in [
        json!({}),
        json!({"definition": "x"}),
        json!({"definition": {"model": "m"}}),
        json!({"definition": {"kind": "prompt"}}),
    ] {
        let answer = service
            .post("/agents/a/versions?api-version=v1", &body)
            .await;
        assert_eq!(answer.status, 400, "{body}");
    }
}

#[tokio::test]
async fn the_endpoint_answers_with_the_pinned_version() {
    let service = Service::start().await;
    for instructions in ["One", "Two"] {
        service
            .post(
                "/agents/mine/versions?api-version=v1",
                &definition(instructions),
            )
            .await
            .ok();
    }
    let path = "/agents/mine/endpoint/protocols/openai/responses?api-version=v1";
    let asked = json!({"input": "Hello", "model": ""});
    let latest = service.post(path, &asked).await.ok();
    assert_eq!(latest.header("x-agent-version-resolution"), Some("latest"));
    assert_eq!(latest.json()["instructions"], "Two");
    let rules = json!({"agent_endpoint": {"version_selector": {"version_selection_rules": [
        {"agent_version": "1", "traffic_percentage": 100, "type": "FixedRatio"},
    ]}}});
    service
        .send(Method::PATCH, "/agents/mine?api-version=v1", &rules)
        .await
        .ok();
    let pinned = service.post(path, &asked).await.ok();
    assert_eq!(pinned.header("x-agent-version-resolution"), Some("pinned"));
    assert_eq!(pinned.header("x-agent-version-resolved"), Some("1"));
    assert_eq!(pinned.json()["instructions"], "One");
}

#[tokio::test]
async fn a_disabled_agent_does_not_answer() {
    let service = Service::start().await;
    service
        .post("/agents/echo:disable?api-version=v1", &Value::Null)
        .await
        .ok();
    let agent = service.get("/agents/echo?api-version=v1").await.json();
    assert_eq!(agent["state"], "disabled");
    assert_eq!(service.ask("echo", &json!("Hello")).await.status, 400);
    service
        .post("/agents/echo:enable?api-version=v1", &Value::Null)
        .await
        .ok();
    service.ask("echo", &json!("Hello")).await.ok();
}

#[tokio::test]
async fn agents_of_other_kinds_are_kept_but_do_not_run() {
    let service = Service::start().await;
    let body = json!({"definition": {"kind": "workflow", "workflow": "x"}});
    service
        .post("/agents/flow/versions?api-version=v1", &body)
        .await
        .ok();
    let listed = service
        .get("/agents?api-version=v1&kind=workflow")
        .await
        .json();
    assert_eq!(listed["data"][0]["name"], "flow");
    assert_eq!(service.ask("flow", &json!("Hello")).await.status, 501);
}

#[tokio::test]
async fn projects_are_apart() {
    let service = Service::start().await;
    service
        .post("/agents/mine/versions?api-version=v1", &definition("x"))
        .await
        .ok();
    let other = service
        .emulator
        .project_endpoint()
        .replace("/emulated", "/other");
    let request = |path: &str| {
        service
            .http
            .get(format!("{other}{path}?api-version=v1"))
            .bearer_auth("token")
    };
    assert_eq!(
        crate::support::read(request("/agents/mine")).await.status,
        404
    );
    assert_eq!(
        crate::support::read(request("/agents/echo")).await.status,
        200
    );
}

#[test]
fn the_readme_lists_the_built_in_agents() {
    let readme = include_str!("../../README.md");
    let section = readme
        .split("## Agents")
        .nth(1)
        .unwrap()
        .split("### ")
        .next()
        .unwrap();
    let listed: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let (new, classic) = foundry_emulator::built_in_agents();
    let id = |name: &str| format!("asst_{}", name.replace('-', "_"));
    for name in &listed {
        assert!(
            new.contains(name) || classic.contains(&id(name)),
            "{name} does not exist"
        );
    }
    for name in &new {
        assert!(listed.contains(name), "{name} is not in the README");
    }
    for assistant in &classic {
        assert!(
            listed.iter().any(|name| id(name) == *assistant),
            "{assistant} is not in the README"
        );
    }
}
