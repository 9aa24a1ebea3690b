//! `scripts/smoke-test.py` against the gateway behind the stand-in: it passes when all is well, and tells what is not.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path};

use foundry_emulator::{Behaviour, Emulator, Fault, RecordedRequest, Stage};
use functions_host::{Host, HostOptions, ParentEnvironment};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{KEY, SOON, always, emulator};

struct Deployment {
    emulator: Emulator,
    folder: TempDir,
    host: Host,
}

/// As slow as a model that can be watched while it writes.
fn watchable() -> Behaviour {
    Behaviour {
        token_delay_ms: 2,
        ..Behaviour::default()
    }
}

/// The gateway as it is deployed, with further settings.
async fn deploy(settings: &[(&str, &str)]) -> Deployment {
    let folder = TempDir::new().unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = env!("CARGO_BIN_EXE_foundry-gateway");
    for entry in packaging::contents::of(repository, Path::new(program)).unwrap() {
        let target = folder.path().join(&entry.name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        symlink(&entry.source, target).unwrap();
    }
    let emulator = emulator(watchable()).await;
    let mut options = HostOptions::new(folder.path())
        .setting("FOUNDRY_PROJECT_ENDPOINT", emulator.project_endpoint())
        .setting("FOUNDRY_ACCESS_TOKEN", "test-token")
        .setting("GATEWAY_API_KEYS", format!("test={KEY}"));
    options.parent_environment = ParentEnvironment::Exactly(Vec::new());
    for (name, value) in settings {
        options = options.setting(*name, *value);
    }
    let host = Host::start(options).await.unwrap();
    Deployment {
        emulator,
        folder,
        host,
    }
}

/// The exit code, and everything it printed.
async fn smoke_test(deployment: &Deployment, key: &str, arguments: &[&str]) -> (i32, String) {
    let run = Command::new("python3")
        .arg("scripts/smoke-test.py")
        .arg(format!("http://{}", deployment.host.address()))
        .args(arguments)
        .env("GATEWAY_KEY", key)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SOON * 3, run).await.unwrap().unwrap();
    let printed =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), printed)
}

fn line_of<'a>(printed: &'a str, check: &str) -> &'a str {
    let mut lines = printed.lines();
    let line = lines.find(|line| line.get(7..).is_some_and(|rest| rest.starts_with(check)));
    line.unwrap_or_else(|| panic!("no line about {check}: {printed}"))
}

#[tokio::test]
async fn all_checks_pass_on_both_kinds_of_agent() {
    let deployment = deploy(&[]).await;
    for agent in ["assistant", "asst_assistant"] {
        let (code, printed) = smoke_test(&deployment, KEY, &["--model", agent]).await;
        assert_eq!(code, 0, "{printed}");
        assert_eq!(
            printed
                .lines()
                .filter(|line| line.starts_with("ok "))
                .count(),
            7,
            "{printed}"
        );
        assert!(
            line_of(&printed, "continuity").ends_with("and the agent knows the name"),
            "{printed}"
        );
    }
    assert_eq!(deployment.host.errors(), []);
    assert!(deployment.folder.path().join("host.json").exists());
}

#[tokio::test]
async fn a_wrong_key_an_open_door_and_an_unknown_agent_are_told() {
    let closed = deploy(&[]).await;
    let (code, printed) =
        smoke_test(&closed, "not-the-key-0123456789", &["--model", "assistant"]).await;
    assert_eq!(code, 1, "{printed}");
    assert!(line_of(&printed, "health").starts_with("ok"), "{printed}");
    assert!(
        line_of(&printed, "answer").contains("status 401, invalid_api_key"),
        "{printed}"
    );

    let (code, printed) = smoke_test(&closed, KEY, &["--model", "nobody"]).await;
    assert_eq!(code, 1, "{printed}");
    assert!(
        line_of(&printed, "models").starts_with("FAILED"),
        "{printed}"
    );
    assert!(
        line_of(&printed, "stream").contains("status 404, model_not_found"),
        "{printed}"
    );

    let open = deploy(&[
        ("GATEWAY_API_KEYS", ""),
        ("GATEWAY_ALLOW_ANONYMOUS", "true"),
    ])
    .await;
    let (code, printed) = smoke_test(&open, KEY, &["--model", "assistant"]).await;
    assert_eq!(code, 1, "{printed}");
    assert!(
        line_of(&printed, "callers").contains("a wrong key is served"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_collected_stream_and_a_forgotten_conversation_are_told() {
    let section = "AzureFunctionsJobHost__customHandler__";
    let proxying = format!("{section}enableProxyingHttpRequest");
    let forwarding = format!("{section}enableForwardingHttpRequest");
    let buffered = deploy(&[(&proxying, "false"), (&forwarding, "true")]).await;
    let (code, printed) = smoke_test(&buffered, KEY, &["--model", "assistant"]).await;
    assert_eq!(code, 1, "{printed}");
    assert!(
        line_of(&printed, "stream").contains("enableProxyingHttpRequest"),
        "{printed}"
    );
    assert!(line_of(&printed, "answer").starts_with("ok"), "{printed}");

    let forgetful = deploy(&[("GATEWAY_CONTINUITY", "off")]).await;
    let (code, printed) = smoke_test(&forgetful, KEY, &["--model", "assistant"]).await;
    assert_eq!(code, 1, "{printed}");
    assert!(
        line_of(&printed, "continuity").contains("GATEWAY_CONTINUITY"),
        "{printed}"
    );
}

#[tokio::test]
async fn it_waits_for_readiness_as_long_as_it_is_told() {
    let deployment = deploy(&[]).await;
    let behaviour = deployment.emulator.behaviour();
    let unavailable = Fault::Status {
        status: 503,
        headers: BTreeMap::new(),
        body: Value::Null,
    };
    behaviour.set(always("list_agents", Stage::Headers, unavailable));
    let (code, printed) = smoke_test(&deployment, KEY, &["--model", "assistant"]).await;
    assert_eq!(code, 1, "{printed}");
    assert!(
        line_of(&printed, "readiness").contains("status 503"),
        "{printed}"
    );

    // The project recovers while the script waits.
    let waiting = smoke_test(&deployment, KEY, &["--model", "assistant", "--wait", "60"]);
    let recovering = async {
        let asked = |requests: &[RecordedRequest]| {
            requests
                .iter()
                .filter(|request| request.operation == "list_agents")
                .count()
                > 3
        };
        deployment.emulator.journal().wait_for(asked, SOON).await;
        behaviour.set(watchable());
    };
    let ((code, printed), ()) = tokio::join!(waiting, recovering);
    assert_eq!(code, 0, "{printed}");
}

#[tokio::test]
async fn wrong_usage_is_told() {
    let run = |key: &str, arguments: &[&str]| {
        Command::new("python3")
            .arg("scripts/smoke-test.py")
            .args(arguments)
            .env("GATEWAY_KEY", key)
            .output()
    };
    for (key, arguments, said) in [
        (
            "",
            &["http://127.0.0.1:9", "--model", "a"][..],
            "set GATEWAY_KEY",
        ),
        (
            "k",
            &["127.0.0.1:9", "--model", "a"],
            "begins with https://",
        ),
        ("k", &["http://127.0.0.1:9"], "--model"),
    ] {
        let output = run(key, arguments).await.unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(said), "{stderr}");
    }
}
