use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Environment, agents::AgentsConfig};

/// Stands in every value that must not be repeated.
const CANARY: &str = "hunter2hunter2";

fn environment(document: &str) -> Environment {
    Environment::from_iter([
        ("GATEWAY_AGENTS", document),
        ("SALES_SECRET", CANARY),
        ("SALES_TENANT", "sales.example"),
        ("GATEWAY_ALLOW_ANONYMOUS", "true"),
    ])
}

fn read(document: &Value) -> Result<AgentsConfig, String> {
    AgentsConfig::from_environment(&environment(&document.to_string()))
        .map_err(|error| error.to_string())
}

fn with_credential(credential: Value) -> Value {
    json!({"projects": {"sales": {"endpoint": "https://a.example/api/projects/p", "credential": credential}}})
}

fn own() -> IdentityConfig {
    let settings = [("AZURE_AUTHORITY_HOST", "https://login.own.example")];
    IdentityConfig::from_environment(&settings.into_iter().collect()).unwrap()
}

#[test]
fn a_project_has_the_gateways_identity_or_its_own() {
    let without = json!({"projects": {"sales": {"endpoint": "https://a.example/api/projects/p/"}}});
    let project = &read(&without).unwrap().projects["sales"];
    assert_eq!(
        project.endpoint.as_str(),
        "https://a.example/api/projects/p"
    );
    assert!(project.credential.is_none());

    let with = with_credential(json!({
        "kind": "service-principal", "tenant_id": "os.environ/SALES_TENANT", "client_id": "app",
        "client_secret": "${SALES_SECRET}", "scope": "https://ai.azure.us/.default",
    }));
    let config = read(&with).unwrap();
    let credential = config.projects["sales"].credential.as_ref().unwrap();
    let identity = credential.identity(&own());
    let CredentialConfig::ServicePrincipalSecret {
        tenant_id,
        client_id,
        client_secret,
    } = identity.credential
    else {
        panic!("another kind");
    };
    assert_eq!((&*tenant_id, &*client_id), ("sales.example", "app"));
    assert_eq!(client_secret.expose_secret(), CANARY);
    assert_eq!(identity.scope, "https://ai.azure.us/.default");
    assert_eq!(
        identity.authority_host.as_str(),
        "https://login.own.example/"
    );
    assert!(!format!("{config:?}").contains(CANARY));
}

#[test]
fn every_mistake_is_told_with_its_place_and_without_a_value() {
    let endpoint = "https://a.example/api/projects/p";
    let project = |name: &str| json!({"projects": {name: {"endpoint": endpoint}}});
    let at_endpoint = |endpoint: &str| json!({"projects": {"sales": {"endpoint": endpoint}}});
    let principal = |more: Value| {
        let mut credential = json!({"kind": "service-principal", "tenant_id": "t", "client_id": "c", "client_secret": "${SALES_SECRET}"});
        for (name, value) in more.as_object().unwrap() {
            credential[name] = value.clone();
        }
        with_credential(credential)
    };
    let alias = |project: &str| json!({"projects": {"sales": {"endpoint": endpoint}}, "aliases": {"help": {"agent": "a", "project": project}}});
    let credential = "at projects.sales.credential";
    #[rustfmt::skip] // One mistake a line.
    let rows = [
        (json!({"projects": {"sales": {}}}), "at projects.sales: the field `endpoint` is missing".to_owned()),
        (at_endpoint(CANARY), "at projects.sales.endpoint: it is not a URL".to_owned()),
        (at_endpoint("http://hunter2hunter2/api/projects/p"), "at projects.sales.endpoint: plain http is allowed only on loopback".to_owned()),
        (project("default"), "at projects.default: `default` is the project of FOUNDRY_PROJECT_ENDPOINT".to_owned()),
        (project("a/b"), r#"at projects["a/b"]: a project's name has 1 to 63"#.to_owned()),
        (project(""), r#"at projects[""]: a project's name has 1 to 63"#.to_owned()),
        (project(&"a".repeat(64)), "a project's name has 1 to 63".to_owned()),
        (with_credential(json!({"kind": CANARY})), format!("{credential}.kind: write one of service-principal, ")),
        (with_credential(json!({"tenant_id": CANARY})), format!("{credential}: the field `kind` is missing")),
        (with_credential(json!({"kind": "managed-identity", "secret": CANARY})), format!("{credential}: unknown field `secret`")),
        (principal(json!({"client_secret": CANARY})), format!("{credential}.client_secret: a secret does not belong into a document")),
        (principal(json!({"client_secret": "${NOT_THERE}"})), format!("{credential}.client_secret: the environment variable NOT_THERE is not set")),
        (principal(json!({"client_secret": null})), format!("{credential}.client_secret: it is missing: service-principal needs tenant_id, client_id, client_secret")),
        (principal(json!({"tenant_id": " "})), format!("{credential}.tenant_id: it is missing")),
        (principal(json!({"tenant_id": "hunter2 hunter2"})), format!("{credential}.tenant_id: write the tenant's id")),
        (principal(json!({"certificate": CANARY})), format!("{credential}.certificate: a credential of the kind service-principal has no use for it")),
        (with_credential(json!({"kind": "managed-identity", "tenant_id": CANARY})), format!("{credential}.tenant_id: a credential of the kind managed-identity has no use for it")),
        (with_credential(json!({"kind": "static-token", "access_token": "${SALES_SECRET}", "client_id": CANARY})), format!("{credential}.client_id: a credential of the kind static-token has no use for it")),
        (principal(json!({"authority_host": CANARY})), format!("{credential}.authority_host: it is not a URL")),
        (principal(json!({"scope": CANARY})), format!("{credential}.scope: a scope is")),
        (with_credential(json!({"kind": "static-token", "access_token": CANARY})), format!("{credential}.access_token: a secret does not belong")),
        (with_credential(json!({"kind": "workload-identity", "tenant_id": "t", "client_id": "c", "token_file": "/does/not/exist"})), format!("{credential}.token_file: the file /does/not/exist cannot be read")),
        (with_credential(json!({"kind": "service-principal-certificate", "tenant_id": "t", "client_id": "c", "certificate": "/does/not/exist"})), format!("{credential}.certificate: the file /does/not/exist cannot be read")),
        (alias("marketing"), "at aliases.help.project: there is no such project; `projects` has sales".to_owned()),
        (json!({"aliases": {"help": {"agent": "a", "project": "x"}}}), "at aliases.help.project: there is no such project; `projects` has none".to_owned()),
        (json!({"aliases": {"help": {"agent": " "}}}), "at aliases.help: an alias and the agent behind it must not be empty".to_owned()),
        (json!({"aliases": {"help": {"agent": "a", "overrides": CANARY}}}), "at aliases.help.overrides: write `auto`, `inline`, `reject` or `ignore`".to_owned()),
        (json!({"aliases": {"help": 7}}), "at aliases.help: found a number, expected the name of an agent, or an object".to_owned()),
    ];
    for (document, said) in rows {
        let error = read(&document).unwrap_err();
        let begin = "GATEWAY_AGENTS cannot be used: the inline JSON, line 1, column ";
        assert!(error.starts_with(begin), "{document}: {error}");
        assert!(error.contains(&said), "{document}: {error}");
        assert!(!error.contains(CANARY), "{error}");
    }
}

#[test]
fn the_default_project_may_be_absent_only_where_nothing_needs_it() {
    let sales = json!({"sales": {"endpoint": "https://a.example/api/projects/p"}});
    let in_sales = json!({"agent": "a", "project": "sales"});
    let rows = [
        (
            json!({"projects": sales, "aliases": {"help": in_sales}}),
            true,
        ),
        (
            json!({"projects": sales, "aliases": {"help": in_sales, "own": "a"}}),
            false,
        ),
        (json!({"projects": sales}), false),
    ];
    for (document, is_enough) in rows {
        let read = Config::from_environment(&environment(&document.to_string()));
        match read {
            Ok(_) => assert!(is_enough, "{document}"),
            Err(errors) => {
                let text = errors.to_string();
                assert!(!is_enough, "{document}: {text}");
                assert!(
                    text.starts_with("FOUNDRY_PROJECT_ENDPOINT is not set"),
                    "{text}"
                );
                assert_eq!(errors.0.len(), 1, "{text}");
            }
        }
    }
}

#[test]
fn a_name_may_have_as_many_letters_as_the_error_says() {
    let name = "a".repeat(63);
    let document =
        json!({"projects": {name.as_str(): {"endpoint": "https://a.example/api/projects/p"}}});
    assert!(read(&document).unwrap().projects.contains_key(&name));
}
