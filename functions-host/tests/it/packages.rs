//! Deployment packages, as Azure mounts them.

use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use functions_host::{ConfigError, Host, HostError, HostOptions, UnpackedPackage, User};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::support::{App, get};

const NOBODY: User = User {
    uid: 65534,
    gid: 65534,
};

/// A zip of the app, its handler with this mode, or with none at all.
fn zipped(app: &App, handler_mode: Option<u32>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.zip");
    let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
    for name in ["handler", "host.json", "openai/function.json"] {
        let plain = SimpleFileOptions::default();
        let options = match (name, handler_mode) {
            ("handler", Some(mode)) => plain.unix_permissions(mode),
            _ => plain,
        };
        zip.start_file(name, options).unwrap();
        let bytes = fs::read(app.path().join(name)).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
    (folder, path)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

#[tokio::test]
async fn a_package_is_served_from_a_read_only_folder_by_another_user() {
    let (_folder, zip) = zipped(&App::new(), Some(0o755));
    let package = UnpackedPackage::new(&zip).unwrap();
    for folder in [package.path().to_owned(), package.path().join("openai")] {
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o555, "{}", folder.display());
    }
    let mut options = HostOptions::new(package.path());
    if is_root() {
        options.user = Some(NOBODY);
    } else {
        let mut stderr = std::io::stderr();
        writeln!(
            stderr,
            "*** NOT CHECKED: only root can run the handler as another user ***"
        )
        .unwrap();
    }
    let host = Host::start(options).await.unwrap();
    assert_eq!(get(host.address(), "/v1/process").await.status(), 200);
    if is_root() {
        let pid = host.handler_pid().unwrap();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        for (name, ids) in [("Uid", "65534\t65534\t65534\t65534"), ("Groups", "")] {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}:")));
            assert_eq!(line.unwrap().trim(), ids, "{status}");
        }
    }
    host.shutdown().await;
    let root = package.path().to_owned();
    drop(package);
    assert!(!root.exists());
}

#[tokio::test]
async fn a_package_that_lost_the_execute_bit_is_refused() {
    for mode in [Some(0o644), None] {
        let (_folder, zip) = zipped(&App::new(), mode);
        let package = UnpackedPackage::new(&zip).unwrap();
        let refused = Host::start(HostOptions::new(package.path()))
            .await
            .unwrap_err();
        let expected = matches!(
            refused,
            HostError::Config(ConfigError::NotExecutable { .. })
        );
        assert!(expected, "{mode:?}: {refused:?}");
    }
}

#[test]
fn what_is_no_package_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.zip");
    fs::write(&path, "not a zip").unwrap();
    assert!(UnpackedPackage::new(&path).is_err());

    let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
    zip.start_file("../outside", SimpleFileOptions::default())
        .unwrap();
    zip.finish().unwrap();
    let refused = UnpackedPackage::new(&path).unwrap_err();
    let ConfigError::Unreadable { source, .. } = refused else {
        panic!("{refused:?}");
    };
    assert!(source.to_string().contains("points out of the package"));
}

#[test]
fn a_user_is_written_as_two_numbers() {
    assert_eq!("65534:65534".parse(), Ok(NOBODY));
    for wrong in ["nobody", "1", "1:", ":1", "1:2:3", "-1:0"] {
        assert!(wrong.parse::<User>().is_err(), "{wrong}");
    }
}
