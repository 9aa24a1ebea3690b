//! Each app setting in Bicep is one that something reads, and each that production needs is set.

use std::{collections::BTreeMap, process::Command};

use foundry_gateway::config::{
    Config, Environment,
    callers::{CallerKey, CallersConfig, digest_of},
    settings::{SETTINGS, Setting, telemetry::TELEMETRY},
};

use super::{bicep, first_cells, read};

const OPERATOR: &str = "the operator's own, through gatewaySettings";

/// The settings without a default that Bicep leaves alone, and why.
const LEFT_ALONE: &[(&str, &str)] = &[
    ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "it is refused"),
    (
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "a managed identity has none",
    ),
    ("AZURE_CLIENT_SECRET", "a managed identity has none"),
    ("AZURE_FEDERATED_TOKEN_FILE", "a managed identity has none"),
    ("AZURE_TENANT_ID", "a managed identity knows its tenant"),
    ("FOUNDRY_ACCESS_TOKEN", "for tests and short trials"),
    ("FOUNDRY_FEATURES", OPERATOR),
    ("GATEWAY_AGENTS", OPERATOR),
    ("GATEWAY_CALLERS", OPERATOR),
    ("GATEWAY_ENTRA_REQUIRED_ROLES", OPERATOR),
    ("GATEWAY_ENTRA_REQUIRED_SCOPES", OPERATOR),
    (
        "GATEWAY_OTLP_HEADERS",
        "the rule takes a token, not a header of ours",
    ),
    (
        "GATEWAY_OTLP_LOGS_ENDPOINT",
        "the host exports standard output",
    ),
    (
        "GATEWAY_OTLP_METRICS_ENDPOINT",
        "needs a workspace for metrics, which not everybody wants",
    ),
    ("SSL_CERT_FILE", "Azure's certificates are bundled"),
    (
        "THREADS_CONNECTION_STRING",
        "the storage account takes no keys",
    ),
];

fn all_settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(TELEMETRY)
}

fn of_the_gateway() -> Vec<(String, String)> {
    bicep::object("infra/main.bicep", "settings")
}

fn of_the_host() -> Vec<(String, String)> {
    bicep::object("infra/modules/function-app.bicep", "hostSettings")
}

fn names(entries: Vec<(String, String)>) -> Vec<String> {
    entries.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn every_setting_of_the_gateway_in_bicep_is_one_that_the_code_reads() {
    for name in names(of_the_gateway()) {
        assert!(all_settings().any(|setting| setting.name == name), "{name}");
    }
}

#[test]
fn every_setting_without_a_default_is_set_or_left_alone_for_a_reason() {
    let set = names(of_the_gateway());
    let of_the_host = names(of_the_host());
    for &(name, _) in LEFT_ALONE {
        assert!(
            all_settings().any(|setting| setting.name == name),
            "{name} is no setting"
        );
        assert!(
            !set.contains(&name.to_owned()),
            "{name} is set, and on the list of those that are not"
        );
    }
    for setting in all_settings().filter(|setting| setting.default.starts_with("none")) {
        let is_set = set
            .iter()
            .chain(&of_the_host)
            .any(|name| name == setting.name);
        // The host reads the standard variables too, and would export its own telemetry there a second time.
        let is_left = setting.name.starts_with("OTEL_")
            || LEFT_ALONE.iter().any(|(name, _)| *name == setting.name);
        assert!(
            is_set || is_left,
            "{} has no default: set it in infra/main.bicep, or say in LEFT_ALONE why not",
            setting.name
        );
    }
}

#[test]
fn the_document_lists_what_is_set() {
    assert_eq!(
        first_cells("docs/deploy.md", "### Of the gateway"),
        names(of_the_gateway())
    );
    assert_eq!(
        first_cells("docs/deploy.md", "### Of the Functions host"),
        names(of_the_host())
    );
}

/// Flex Consumption rejects a deployment that sets one of these.
#[test]
fn nothing_is_set_that_flex_consumption_refuses() {
    let refused = [
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_EXTENSION_VERSION",
        "WEBSITE_RUN_FROM_PACKAGE",
    ];
    for name in names(of_the_gateway())
        .into_iter()
        .chain(names(of_the_host()))
    {
        assert!(
            !refused.contains(&name.as_str()) && !name.starts_with("WEBSITE_"),
            "{name}"
        );
    }
}

/// Values that only a deployment knows, by the Bicep expressions that stand for them.
fn example(expression: &str) -> &'static str {
    match expression {
        "identity.properties.clientId" => "11111111-1111-1111-1111-111111111111",
        "foundryAccountName" => "account",
        "foundryProjectName" => "project",
        "projectId" => {
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/account/projects/project"
        }
        "monitoring.outputs.otlpTracesEndpoint" => {
            "https://dce.swedencentral-1.ingest.monitor.azure.com/dataCollectionRules/dcr-0/streams/Microsoft-OTLP-Traces/otlp/v1/traces"
        }
        "storage.outputs.tableEndpoint" => "https://account.table.core.windows.net",
        "threadsTableName" => "threads",
        "continuityKeyWithoutVault" => "",
        "callerKeys" => {
            "me=sha256:0000000000000000000000000000000000000000000000000000000000000000"
        }
        other => panic!("no example for {other:?}"),
    }
}

/// The value of an expression in a default deployment: a literal with `${...}`, a name, a choice by `empty(...)` of a
/// parameter that is empty by default, or the elements of one.
fn evaluate(expression: &str) -> String {
    if let Some((condition, choice)) = expression.split_once(" ? ") {
        assert!(condition.starts_with("empty("), "{condition}");
        return evaluate(choice.split_once(" : ").unwrap().0);
    }
    if expression.starts_with("join(") {
        return String::new();
    }
    let Some(literal) = expression.strip_prefix('\'') else {
        return example(expression).to_owned();
    };
    let mut value = String::new();
    let mut rest = literal.strip_suffix('\'').unwrap();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').unwrap();
        value += before;
        value += example(name);
        rest = behind;
    }
    value + rest
}

#[test]
fn what_a_default_deployment_sets_is_a_configuration() {
    let mut values: BTreeMap<_, _> = of_the_gateway()
        .into_iter()
        .map(|(name, expression)| (name, evaluate(&expression)))
        .collect();
    let configuration = |values: &BTreeMap<String, String>| {
        let values = values.iter().filter(|(_, value)| !value.is_empty());
        let environment: Environment = values
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Config::from_environment(&environment)
    };
    configuration(&values).unwrap();
    // The test would notice: without its callers the same deployment is refused.
    values.remove("GATEWAY_API_KEYS");
    assert!(configuration(&values).is_err());
}

/// The lines of the document that make a key and its digest, run as they stand there.
#[test]
fn the_documented_way_to_make_a_key_gives_one_that_is_accepted() {
    for document in ["README.md", "docs/deploy.md"] {
        let text = read(document);
        let lines = text.lines().filter(|line| {
            line.starts_with("export GATEWAY_KEY=") || line.starts_with("export GATEWAY_API_KEYS=")
        });
        let script = lines.collect::<Vec<_>>().join("\n");
        let run = Command::new("bash")
            .args(["-euo", "pipefail", "-c"])
            .arg(script + "\nprintf '%s %s' \"$GATEWAY_KEY\" \"$GATEWAY_API_KEYS\"")
            .output()
            .unwrap();
        assert!(run.status.success(), "{document}: {run:?}");
        let printed = String::from_utf8(run.stdout).unwrap();
        let (key, entry) = printed.split_once(' ').unwrap();
        assert_eq!(key.len(), 64);
        let environment = Environment::from_iter([("GATEWAY_API_KEYS", entry)]);
        let callers = CallersConfig::from_environment(&environment).unwrap();
        let expected = CallerKey {
            caller: "me".to_owned(),
            digest: digest_of(key),
        };
        assert_eq!(callers.keys, [expected]);
    }
}
