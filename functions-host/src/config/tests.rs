//! The judgement of an app: what the host refuses, and what it makes of the rest.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::HostOptions;

const FUNCTION: &str = r#"{"bindings":[
    {"type":"httpTrigger","direction":"in","name":"req","authLevel":"anonymous","route":"v1/{*path}"},
    {"type":"http","direction":"out","name":"res"}]}"#;

fn app(host: &Value, functions: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("host.json"), host.to_string()).unwrap();
    for (name, text) in functions {
        fs::create_dir(root.path().join(name)).unwrap();
        fs::write(root.path().join(name).join("function.json"), text).unwrap();
    }
    fs::write(root.path().join("handler"), "").unwrap();
    set_mode(&root.path().join("handler"), 0o755);
    root
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn host(executable: &str) -> Value {
    json!({
        "extensions": {"http": {"routePrefix": ""}},
        "customHandler": {
            "description": {"defaultExecutablePath": executable, "arguments": ["-a", "b c"]},
            "enableProxyingHttpRequest": true,
        },
    })
}

fn read(root: &TempDir, settings: &[(&str, &str)]) -> Result<AppConfig, ConfigError> {
    let mut options = HostOptions::new(root.path());
    for (name, value) in settings {
        options = options.setting(*name, *value);
    }
    AppConfig::read(root.path(), &Environment::of_host(&options))
}

fn refusal(host: &Value, functions: &[(&str, &str)]) -> String {
    read(&app(host, functions), &[]).unwrap_err().to_string()
}

fn modes(config: &AppConfig) -> Vec<(&str, &HttpMode)> {
    let functions = config.functions.iter();
    functions
        .filter_map(|function| match function {
            Function::Http(http) => Some((http.name.as_str(), &http.mode)),
            Function::Timer(_) => None,
        })
        .collect()
}

#[test]
fn the_app_is_read_with_the_defaults_of_the_host() {
    let root = app(&host("handler"), &[("openai", FUNCTION)]);
    let config = read(&root, &[]).unwrap();
    assert_eq!(config.executable, root.path().join("handler"));
    assert_eq!(config.arguments, ["-a", "b c"]);
    assert_eq!(config.working_directory, root.path().join(""));
    assert_eq!(config.initialization_timeout, Duration::from_secs(30));
    assert_eq!(config.function_timeout, Some(Duration::from_mins(30)));
    assert_eq!(config.body_limit, 104_857_600);
    assert_eq!(modes(&config), [("openai", &HttpMode::Proxied)]);
}

#[test]
fn app_settings_override_host_json() {
    let root = app(&host("handler"), &[("openai", FUNCTION)]);
    let settings = [
        (
            "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest",
            "false",
        ),
        (
            "AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest",
            "true",
        ),
        ("AzureFunctionsJobHost__functionTimeout", "-1"),
        ("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "1000"),
    ];
    let config = read(&root, &settings).unwrap();
    assert_eq!(modes(&config), [("openai", &HttpMode::Forwarded)]);
    assert_eq!(config.function_timeout, None);
    assert_eq!(config.body_limit, 1000);
}

#[test]
fn a_function_with_other_bindings_falls_back_to_the_envelope() {
    let no_output = r#"{"bindings":[{"type":"httpTrigger","direction":"in","name":"req"}]}"#;
    let more_output = r#"{"bindings":[{"type":"httpTrigger","direction":"in","name":"req"},
        {"type":"http","direction":"out","name":"res"},{"type":"queue","direction":"out","name":"q"}]}"#;
    let root = app(
        &host("handler"),
        &[("bare", no_output), ("queued", more_output)],
    );
    let envelope = |response: Option<&str>| HttpMode::Envelope {
        request: "req".to_owned(),
        response: response.map(str::to_owned),
    };
    assert_eq!(
        modes(&read(&root, &[]).unwrap()),
        [
            ("bare", &envelope(None)),
            ("queued", &envelope(Some("res")))
        ]
    );
}

#[test]
fn an_empty_executable_path_is_refused() {
    for host in [host(""), json!({"customHandler": {"description": {}}})] {
        assert_eq!(
            refusal(&host, &[("openai", FUNCTION)]),
            "host.json: customHandler.description.defaultExecutablePath: \
             WorkerDescription DefaultExecutablePath cannot be empty"
        );
    }
}

#[test]
fn an_executable_that_deployment_would_break_is_refused() {
    for spelling in ["./handler", ".//handler"] {
        let refusal = refusal(&host(spelling), &[("openai", FUNCTION)]);
        assert!(refusal.contains("no \"./\""), "{refusal}");
    }
    let root = app(&host("handler"), &[("openai", FUNCTION)]);
    set_mode(&root.path().join("handler"), 0o644);
    let refusal = read(&root, &[]).unwrap_err().to_string();
    assert!(
        refusal.ends_with("has mode 0644; the host needs 0755 (chmod 755)"),
        "{refusal}"
    );
}

#[test]
fn reserved_routes_are_refused() {
    for route in ["admin/x", "Administrators", "runtime"] {
        let function = FUNCTION.replace("v1/{*path}", route);
        let refusal = refusal(&host("handler"), &[("openai", &function)]);
        let expected = format!(
            "function openai: the route {route} conflicts with one or more built in routes"
        );
        assert_eq!(refusal, expected);
    }
}

#[test]
fn the_same_route_twice_is_refused_unless_the_methods_differ() {
    let refused = refusal(&host("handler"), &[("one", FUNCTION), ("two", FUNCTION)]);
    assert_eq!(
        refused,
        "function two: has the same route and methods as one"
    );

    let with = |method: &str| {
        let methods = format!(r#""authLevel":"anonymous","methods":["{method}"]"#);
        FUNCTION.replace(r#""authLevel":"anonymous""#, &methods)
    };
    let (get, post) = (with("get"), with("post"));
    let root = app(&host("handler"), &[("one", &get), ("two", &post)]);
    assert_eq!(read(&root, &[]).unwrap().functions.len(), 2);
}

#[test]
fn routes_of_host_json_exclude_function_json() {
    let mut host = host("handler");
    host["customHandler"]["http"] = json!({"routes": [{"route": "{*path}"}]});
    let refusal = refusal(&host, &[("openai", FUNCTION)]);
    assert!(
        refusal.contains("only one configuration source is supported"),
        "{refusal}"
    );
}

#[test]
fn an_app_without_functions_is_refused() {
    assert!(refusal(&host("handler"), &[]).ends_with("add a folder with a function.json"));
}

#[test]
fn the_apps_own_files_are_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let settings = Settings::read(
        &root.join("host.json"),
        &Environment::of_host(&HostOptions::new(root)),
    );
    let mode = proxying_mode(&settings.unwrap()).unwrap();
    let functions = functions::read(root, "", mode).unwrap();
    let kept = fs::read_to_string(root.join(".funcignore")).unwrap();
    assert!(kept.contains("!/host.json\n") && kept.contains("!/foundry-gateway\n"));
    assert!(!functions.is_empty());
    for function in functions {
        let name = function.name();
        assert!(
            kept.contains(&format!("!/{name}/\n")),
            "{name} is not deployed"
        );
        if let Function::Http(http) = &function {
            assert_eq!(http.mode, HttpMode::Proxied, "{name}");
            assert_eq!(http.auth_level, AuthLevel::Anonymous, "{name}");
        }
    }
}
