//! host.json and the function.json files agree with each other, with the router and with the deadlines.

use std::{collections::BTreeSet, fs, path::Path};

use foundry_gateway::config::settings::SETTINGS;
use serde_json::Value;

use super::read;

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

fn functions() -> Vec<(String, Value)> {
    let entries = fs::read_dir(".").unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned());
    let functions = names.filter(|name| Path::new(name).join("function.json").is_file());
    functions
        .map(|name| (name.clone(), json(&format!("{name}/function.json"))))
        .collect()
}

/// A default of the settings, in seconds.
fn default_seconds(name: &str) -> f64 {
    let setting = SETTINGS
        .iter()
        .find(|setting| setting.name == name)
        .unwrap();
    setting.default.trim_matches('`').parse().unwrap()
}

#[test]
fn the_host_waits_longer_than_the_gateway() {
    let host = json("host.json");
    let timeout = host["functionTimeout"].as_str().unwrap();
    let parts: Vec<f64> = timeout
        .split(':')
        .map(|part| part.parse().unwrap())
        .collect();
    let seconds = parts[0] * 3600.0 + parts[1] * 60.0 + parts[2];
    // When functionTimeout strikes, the host kills the process with every other stream in it.
    assert!(default_seconds("GATEWAY_STREAM_TIMEOUT_SECONDS") + 30.0 <= seconds);
    // Azure's front end cuts what is silent for 230 s.
    assert!(default_seconds("GATEWAY_RESPONSE_TIMEOUT_SECONDS") < 230.0);
    assert!(default_seconds("GATEWAY_HEARTBEAT_SECONDS") < 230.0);
}

#[test]
fn every_function_is_streamed_or_a_timer() {
    let host = json("host.json");
    assert_eq!(host["customHandler"]["enableProxyingHttpRequest"], true);
    assert_eq!(host["extensions"]["http"]["routePrefix"], "");
    // A bundle would be downloaded before each start; a fixed port makes restarts wait for each other.
    assert!(host["extensionBundle"].is_null() && host["customHandler"]["port"].is_null());
    for (name, function) in functions() {
        let bindings = function["bindings"].as_array().unwrap();
        let types: Vec<_> = bindings
            .iter()
            .map(|binding| binding["type"].as_str().unwrap())
            .collect();
        match types.as_slice() {
            // Anything beside these two and the host would collect the answer.
            ["httpTrigger", "http"] => {
                assert_eq!(
                    bindings[0]["authLevel"], "anonymous",
                    "{name}: keys are the gateway's to check"
                );
                assert!(
                    bindings[0]["methods"].is_null(),
                    "{name}: the gateway answers 405 in OpenAI's shape"
                );
            }
            ["timerTrigger"] => assert_eq!(bindings[0]["useMonitor"], true, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// A path that the router serves and no function names is a 404 of the host, with an empty body.
#[test]
fn every_route_of_the_gateway_is_a_function() {
    let routes: BTreeSet<String> = functions()
        .iter()
        .filter_map(|(_, function)| function["bindings"][0]["route"].as_str().map(str::to_owned))
        .collect();
    let code = read("src/router.rs");
    let served: BTreeSet<_> = code
        .split('"')
        .filter(|text| text.starts_with('/') && text.len() > 1 && !text.contains(' '))
        // Timers are posted by name, and asked for by no client.
        .filter(|path| *path != "/thread-cleanup")
        .map(|path| path.trim_start_matches('/').to_owned())
        .collect();
    assert!(served.len() > 3, "{served:?}");
    let covered = |path: &str| {
        routes.iter().any(|route| {
            let prefix = route.split("/{").next().unwrap();
            route == path
                || (route.contains("{*")
                    && (path == prefix || path.starts_with(&format!("{prefix}/"))))
        })
    };
    for path in &served {
        assert!(covered(path), "no function serves /{path}: {routes:?}");
    }
}
