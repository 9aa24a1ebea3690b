//! The package with the real program, unpacked and started as Azure does.

use std::{fs, path::Path, process::Command};

use foundry_emulator::Behaviour;
use functions_host::{Host, HostOptions, ParentEnvironment, UnpackedPackage, User};
use packaging::{
    binary::{Glibc, Limits},
    package::{self, Package},
};
use tempfile::TempDir;

use crate::support::{Client, KEY, emulator, text_of};

/// A user who owns nothing.
const NOBODY: User = User {
    uid: 65534,
    gid: 65534,
};

/// A debug build is large, and needs the glibc of the machine; everything else is as for a release.
const FOR_A_DEBUG_BUILD: Limits = Limits {
    newest_glibc: Glibc {
        major: 9,
        minor: 99,
    },
    largest_bytes: u64::MAX,
};

fn make(into: &Path) -> Package {
    let program = Path::new(env!("CARGO_BIN_EXE_foundry-gateway"));
    package::make(Path::new("."), program, into, FOR_A_DEBUG_BUILD).unwrap()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

#[tokio::test]
async fn the_package_serves_read_only_as_another_user_and_is_the_same_each_time() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let package = make(first.path());
    assert_eq!(package.sha256, make(second.path()).sha256);

    let unpacked = UnpackedPackage::new(&package.zip).unwrap();
    let emulator = emulator(Behaviour::default()).await;
    let mut options = HostOptions::new(unpacked.path())
        .setting("FOUNDRY_PROJECT_ENDPOINT", emulator.project_endpoint())
        .setting("FOUNDRY_ACCESS_TOKEN", "test-token")
        .setting("GATEWAY_API_KEYS", format!("test={KEY}"));
    options.parent_environment = ParentEnvironment::Exactly(Vec::new());
    if is_root() {
        options.user = Some(NOBODY);
    } else {
        super::tools::say("only root can run the package as another user: it runs as this one");
    }
    let host = Host::start(options).await.unwrap();
    if is_root() {
        let status = format!("/proc/{}/status", host.handler_pid().unwrap());
        let status = fs::read_to_string(status).unwrap();
        assert!(
            status.contains("\nUid:\t65534\t65534\t65534\t65534\n"),
            "{status}"
        );
    }

    let client = Client::of(host.address());
    for path in ["/healthz", "/readyz", "/v1/models", "/v1/models/echo"] {
        assert_eq!(client.get(path).await.status(), 200, "{path}");
    }
    let stream = client
        .ask_streamed("assistant", "repeat exactly: from the package")
        .await;
    assert_eq!(text_of(&stream.text().await.unwrap()), "from the package");
    host.invoke_timer("thread-cleanup").await.unwrap();
    assert_eq!(host.errors(), []);
    assert!(host.app_root_changes().is_empty());
}
