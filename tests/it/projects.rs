//! Aliases in projects of their own: the right project is asked with the right credential, and what belongs to one
//! project never reaches another, also where agents have the same name.

use foundry_emulator::{Emulator, Options};
use foundry_gateway::continuity::{cleanup, store::Clock};
use serde_json::{Value, json};

use crate::support::{Gateway, SOON, error_of};

const TOKEN_OF_OWN: &str = "token-of-the-gateway";
const TOKEN_OF_SALES: &str = "token-for-the-sales-project";

/// Two projects that take one token each, and a gateway in front of both.
struct Two {
    own: Emulator,
    sales: Emulator,
    gateway: Gateway,
}

async fn emulator_that_takes(token: &str) -> Emulator {
    let options = Options {
        access_token: Some(token.to_owned()),
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// A document with the project `sales` and an alias for each kind of agent in it.
fn document(sales: &str) -> String {
    json!({
        "projects": {"sales": {
            "endpoint": sales,
            "credential": {"kind": "static-token", "access_token": "${SALES_TOKEN}"},
        }},
        "aliases": {
            "sales-helper": {"agent": "assistant", "project": "sales"},
            "sales-classic": {"agent": "asst_assistant", "project": "sales"},
            "own-helper": "assistant",
        },
    })
    .to_string()
}

impl Two {
    async fn start() -> Self {
        let own = emulator_that_takes(TOKEN_OF_OWN).await;
        let sales = emulator_that_takes(TOKEN_OF_SALES).await;
        let agents = document(&sales.project_endpoint());
        let settings = [
            ("GATEWAY_AGENTS", agents.as_str()),
            ("SALES_TOKEN", TOKEN_OF_SALES),
            ("FOUNDRY_ACCESS_TOKEN", TOKEN_OF_OWN),
        ];
        let gateway = Gateway::in_front_of(&own.project_endpoint(), &settings).await;
        Self {
            own,
            sales,
            gateway,
        }
    }

    async fn say(&self, body: Value) -> Value {
        let response = self.gateway.chat(body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn clear(&self) {
        self.own.journal().clear();
        self.sales.journal().clear();
    }

    /// How many requests each project got.
    fn asked(&self) -> (usize, usize) {
        let count = |emulator: &Emulator| emulator.journal().requests().len();
        (count(&self.own), count(&self.sales))
    }
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

#[tokio::test]
async fn an_alias_reaches_its_project_with_the_credential_of_that_project() {
    let two = Two::start().await;
    for (model, asked) in [
        ("assistant", (1, 0)),
        ("own-helper", (1, 0)),
        ("asst_assistant", (1, 0)),
        ("sales-helper", (0, 1)),
        ("sales-classic", (0, 1)),
    ] {
        two.clear();
        let answer = two
            .say(json!({"model": model, "messages": [user("hi")]}))
            .await;
        assert_eq!(answer["model"], model);
        assert_eq!(two.asked(), asked, "{model}");
    }
    let bearer = format!("Bearer {TOKEN_OF_SALES}");
    let requests = two.sales.journal().requests();
    assert!(
        requests
            .iter()
            .all(|request| request.headers["authorization"] == bearer.as_str())
    );
}

#[tokio::test]
async fn every_alias_is_listed_and_agents_of_other_projects_are_not() {
    let two = Two::start().await;
    let list = two.gateway.get("/v1/models").await.text().await.unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let ids: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    for id in ["sales-helper", "sales-classic", "own-helper", "assistant"] {
        assert_eq!(
            ids.iter().filter(|listed| **listed == id).count(),
            1,
            "{id}"
        );
    }
    assert_eq!(two.asked().1, 0, "the other project is not asked");
    let model = two.gateway.get("/v1/models/sales-helper").await;
    assert_eq!(model.status(), 200);
    assert!(0 < two.asked().1);
    for name in ["sales/assistant", "sales"] {
        let (status, error) = error_of(two.gateway.ask(name, "hi").await).await;
        assert_eq!(
            (status, &error["code"]),
            (404, &"model_not_found".into()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_conversation_stays_in_its_project_by_history_and_by_id() {
    let two = Two::start().await;
    for (here, there) in [
        ("assistant", "sales-helper"),
        ("asst_assistant", "sales-classic"),
        ("sales-helper", "assistant"),
        ("sales-classic", "asst_assistant"),
    ] {
        // Every conversation with words of its own, so that none is taken for an earlier one of the same project.
        let introduction = format!("My name is Ada. I write to {here}.");
        let first = two
            .say(json!({"model": here, "messages": [user(&introduction)]}))
            .await;
        let id = &first["thread_id"];
        let history = [
            user(&introduction),
            first["choices"][0]["message"].clone(),
            user("What is my name?"),
        ];
        // Elsewhere the history is replayed, as nobody's conversation.
        two.clear();
        two.say(json!({"model": there, "messages": history})).await;
        let (own, sales) = two.asked();
        assert_eq!(
            (own == 0, sales == 0),
            if there.starts_with("sales") {
                (true, false)
            } else {
                (false, true)
            }
        );
        let sent = [&two.own, &two.sales].map(|emulator| emulator.journal().requests());
        let sent = sent.concat();
        assert!(sent[0].body.to_string().contains(&introduction), "{there}");
        // The id is unknown there.
        let question = [user("What is my name?")];
        let (status, error) = error_of(
            two.gateway
                .chat(json!({"model": there, "messages": question, "thread_id": id}))
                .await,
        )
        .await;
        assert_eq!(
            (status, &error["code"]),
            (404, &"conversation_not_found".into())
        );
        // Here it goes on.
        let answer = two
            .say(json!({"model": here, "messages": question, "thread_id": id}))
            .await;
        assert!(answer.to_string().contains("Ada"), "{here}: {answer}");
    }
}

#[derive(Debug)]
struct FarFuture;

impl Clock for FarFuture {
    fn unix_milliseconds(&self) -> u64 {
        u64::MAX
    }
}

#[tokio::test]
async fn the_cleanup_deletes_in_each_project_what_is_in_it() {
    let two = Two::start().await;
    for model in [
        "assistant",
        "asst_assistant",
        "sales-helper",
        "sales-classic",
    ] {
        two.say(json!({"model": model, "messages": [user("hi")]}))
            .await;
    }
    two.clear();
    let app = &two.gateway.app;
    let report = cleanup::run(&*app.store, &FarFuture, &app.projects, "req_1").await;
    let report = report.unwrap();
    assert_eq!((report.failed, report.more), (0, false), "{report:?}");
    for emulator in [&two.own, &two.sales] {
        let requests = emulator.journal().requests();
        let deleted = |operation| {
            requests
                .iter()
                .filter(move |request| request.operation == operation)
        };
        assert!(0 < deleted("delete_thread").count(), "{requests:?}");
        assert!(0 < deleted("delete_response").count(), "{requests:?}");
        assert!(
            requests
                .iter()
                .all(|request| request.status < Some(300) || request.operation == "delete_response"),
            "what one project has is not looked for in the other: {requests:?}"
        );
    }
    let threads = |emulator: &Emulator| emulator.journal().count("delete_thread");
    assert_eq!((threads(&two.own), threads(&two.sales)), (1, 1));
}

#[tokio::test]
async fn what_is_left_of_a_project_that_is_gone_is_removed_here() {
    let two = Two::start().await;
    two.say(json!({"model": "sales-classic", "messages": [user("hi")]}))
        .await;
    let alone = Gateway::with_store(
        &two.own.project_endpoint(),
        &[],
        std::sync::Arc::clone(&two.gateway.app.store),
    )
    .await;
    two.clear();
    let app = &alone.app;
    let report = cleanup::run(&*app.store, &FarFuture, &app.projects, "req_1").await;
    let report = report.unwrap();
    assert_eq!((report.upstream, report.failed), (0, 1), "{report:?}");
    assert_eq!(two.asked(), (0, 0));
    let rest = app.store.expired(u64::MAX, None, 10).await.unwrap();
    assert_eq!(rest.rows, []);
}

#[tokio::test]
async fn the_default_project_may_be_absent() {
    let sales = emulator_that_takes(TOKEN_OF_SALES).await;
    let agents = json!({
        "projects": {"sales": {"endpoint": sales.project_endpoint()}},
        "aliases": {"help": {"agent": "assistant", "project": "sales"}},
    })
    .to_string();
    let settings = [
        ("GATEWAY_AGENTS", agents.as_str()),
        ("FOUNDRY_ACCESS_TOKEN", TOKEN_OF_SALES),
    ];
    let gateway = Gateway::in_front_of("", &settings).await;
    assert_eq!(gateway.ask("help", "hi").await.status(), 200);
    let (status, error) = error_of(gateway.ask("assistant", "hi").await).await;
    assert_eq!((status, &error["code"]), (404, &"model_not_found".into()));
    let list = gateway.get("/v1/models").await.text().await.unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let (status, report) = ready(&gateway).await;
    assert_eq!((status, &report["project"]), (200, &Value::Null));
    assert_eq!(report["projects"]["sales"]["reachable"], true);
    assert_eq!(
        report["projects"]["sales"]["identity"], report["identity"],
        "the gateway's own"
    );
}

async fn ready(gateway: &Gateway) -> (u16, Value) {
    let response = tokio::time::timeout(SOON, gateway.get("/readyz"));
    let response = response.await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert!(!text.contains(TOKEN_OF_SALES), "{text}");
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn ready_tells_of_each_project() {
    let two = Two::start().await;
    let (status, report) = ready(&two.gateway).await;
    assert_eq!((status, &report["status"]), (200, &"ready".into()));
    assert_eq!(
        report["projects"],
        json!({"sales": {
            "endpoint": two.sales.project_endpoint(),
            "reachable": true,
            "identity": {"kind": "static-token"},
        }})
    );

    let agents = document(&two.sales.project_endpoint());
    let settings = [
        ("GATEWAY_AGENTS", agents.as_str()),
        ("SALES_TOKEN", "another-token"),
        ("FOUNDRY_ACCESS_TOKEN", TOKEN_OF_OWN),
    ];
    let gateway = Gateway::in_front_of(&two.own.project_endpoint(), &settings).await;
    let (status, report) = ready(&gateway).await;
    assert_eq!((status, &report["status"]), (503, &"not ready".into()));
    assert_eq!(report["project"]["reachable"], true);
    let sales = &report["projects"]["sales"];
    assert_eq!(
        (&sales["reachable"], &sales["problem"]),
        (&false.into(), &"upstream_authentication_failed".into())
    );
    // One project that fails is no reason for another to fail.
    assert_eq!(gateway.ask("assistant", "hi").await.status(), 200);
    assert_eq!(gateway.ask("sales-helper", "hi").await.status(), 502);
}
