//! Packages as they are made, from this repository and from apps that are wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use packaging::{
    binary::{self, Glibc, Limits},
    package,
};
use tempfile::TempDir;
use zip::ZipArchive;

/// What this test program, built on any machine, keeps to.
const ANY: Limits = Limits {
    newest_glibc: Glibc {
        major: 9,
        minor: 99,
    },
    largest_bytes: u64::MAX,
};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A program for x86-64 that is at hand: this one.
fn program() -> PathBuf {
    env::current_exe().unwrap()
}

/// A function app in a folder: files by name.
fn app(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

const HOST_JSON: &str = r#"{"customHandler": {"description": {"defaultExecutablePath": "handler"}, "enableProxyingHttpRequest": true}}"#;

#[test]
fn the_same_input_gives_the_same_bytes() {
    let app = app(&[
        ("host.json", HOST_JSON),
        ("b/function.json", "{}"),
        ("a/function.json", "{}"),
    ]);
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let one = package::make(app.path(), &program(), first.path(), ANY).unwrap();

    // Another time of day, another umask and another order on disk must not show.
    let moved = TempDir::new().unwrap();
    for name in ["b", "a"] {
        fs::create_dir(moved.path().join(name)).unwrap();
        let file = moved.path().join(name).join("function.json");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let later = SystemTime::now() + Duration::from_secs(86_400);
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(later)
            .unwrap();
    }
    fs::write(moved.path().join("host.json"), HOST_JSON).unwrap();
    let other = package::make(moved.path(), &program(), second.path(), ANY).unwrap();

    assert_eq!(one.sha256, other.sha256);
    assert_eq!(fs::read(&one.zip).unwrap(), fs::read(&other.zip).unwrap());
    let beside = fs::read_to_string(first.path().join("foundry-gateway.zip.sha256")).unwrap();
    assert_eq!(beside, format!("{}  foundry-gateway.zip\n", one.sha256));

    fs::write(moved.path().join("a/function.json"), "{ }").unwrap();
    let changed = package::make(moved.path(), &program(), second.path(), ANY).unwrap();
    assert_ne!(
        one.sha256, changed.sha256,
        "another input gives another hash"
    );
}

#[test]
fn the_digest_is_the_one_that_others_compute() {
    let app = app(&[("host.json", HOST_JSON), ("a/function.json", "{}")]);
    let into = TempDir::new().unwrap();
    package::make(app.path(), &program(), into.path(), ANY).unwrap();
    let checked = Command::new("sha256sum")
        .args(["--check", "foundry-gateway.zip.sha256"])
        .current_dir(into.path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn the_zip_holds_the_files_with_their_modes_as_made_on_unix() {
    let into = TempDir::new().unwrap();
    let package = package::make(repository(), &program(), into.path(), ANY).unwrap();
    let mut zip = ZipArchive::new(File::open(&package.zip).unwrap()).unwrap();
    let mut names = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let expected = if name == "foundry-gateway" {
            0o755
        } else {
            0o644
        };
        // None unless the entry is marked as made on Unix.
        assert_eq!(entry.unix_mode().unwrap() & 0o7777, expected, "{name}");
        assert_eq!(
            entry.last_modified().unwrap(),
            zip::DateTime::default(),
            "{name}"
        );
        names.push(name);
    }
    assert_eq!(names, package.names);
    assert!(names.is_sorted());
}

#[test]
fn the_folder_holds_the_same_files_whatever_was_there_before() {
    let into = TempDir::new().unwrap();
    let stale = into.path().join("foundry-gateway/old-function");
    fs::create_dir_all(&stale).unwrap();
    fs::write(stale.join("function.json"), "{}").unwrap();
    let package = package::make(repository(), &program(), into.path(), ANY).unwrap();
    assert!(!stale.exists());
    for name in &package.names {
        let mode = fs::metadata(package.folder.join(name))
            .unwrap()
            .permissions()
            .mode();
        let expected = if name == "foundry-gateway" {
            0o755
        } else {
            0o644
        };
        assert_eq!(mode & 0o7777, expected, "{name}");
    }
}

/// `.funcignore` decides what `func azure functionapp publish` sends when it is run in the repository itself.
#[test]
fn funcignore_keeps_exactly_what_is_packaged() {
    let into = TempDir::new().unwrap();
    let package = package::make(repository(), &program(), into.path(), ANY).unwrap();
    let packaged: BTreeSet<_> = package
        .names
        .iter()
        .map(|name| name.split('/').next().unwrap())
        .collect();

    let text = fs::read_to_string(repository().join(".funcignore")).unwrap();
    let mut patterns = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(
        patterns.next(),
        Some("/*"),
        "everything is left out to begin with"
    );
    let kept: Vec<_> = patterns
        .map(|pattern| pattern.strip_prefix("!/").unwrap().trim_end_matches('/'))
        .collect();
    let unique: BTreeSet<_> = kept.iter().copied().collect();
    assert_eq!(unique, packaged);
    assert_eq!(unique.len(), kept.len(), "a line stands twice");

    // A folder that is kept is sent whole.
    for folder in unique
        .iter()
        .filter(|name| repository().join(name).is_dir())
    {
        let files = fs::read_dir(repository().join(folder)).unwrap();
        let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(names, ["function.json"], "{folder}");
    }
}

#[test]
fn a_program_that_azure_could_not_start_is_refused() {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("program");
    let refusal = |limits| binary::check(&copy, limits).unwrap_err().to_string();

    fs::copy(program(), &copy).unwrap();
    let facts = binary::check(&copy, ANY).unwrap();
    assert_eq!(facts.bytes, fs::metadata(&copy).unwrap().len());
    // Rust's own floor is 2.17, and this test was linked against the glibc of a machine of today.
    assert!(
        Some(Glibc {
            major: 2,
            minor: 17
        }) <= facts.glibc,
        "{facts:?}"
    );

    let older = Glibc {
        major: 2,
        minor: 16,
    };
    let refused = refusal(Limits {
        newest_glibc: older,
        ..ANY
    });
    assert!(
        refused.contains("needs glibc 2.") && refused.contains("scripts/build-portable.sh"),
        "{refused}"
    );

    let refused = refusal(Limits {
        largest_bytes: 1000,
        ..ANY
    });
    assert!(refused.contains("more than the 1000"), "{refused}");

    fs::set_permissions(&copy, Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(ANY).contains("no execute bit"));

    let set_bytes = |bytes: &[u8]| {
        fs::write(&copy, bytes).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    };
    set_bytes(b"#!/bin/sh\nexec ./gateway\n");
    assert!(refusal(ANY).contains("not an ELF file"));

    let mut for_arm = fs::read(program()).unwrap();
    // e_machine of the ELF header, little-endian: 183 is AArch64.
    for_arm[18..20].copy_from_slice(&183_u16.to_le_bytes());
    set_bytes(&for_arm);
    assert!(refusal(ANY).contains("no program for x86-64 (ELF machine 183)"));
}

#[test]
fn the_newest_glibc_is_the_one_that_binutils_finds() {
    let Ok(listed) = Command::new("objdump").arg("-T").arg(program()).output() else {
        writeln!(
            io::stderr(),
            "*** NOT CHECKED: objdump is not installed ***"
        )
        .unwrap();
        return;
    };
    let text = String::from_utf8(listed.stdout).unwrap();
    let versions = text.split("GLIBC_").skip(1).filter_map(|rest| {
        let version = rest
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .next()?;
        let (major, rest) = version.split_once('.')?;
        let minor = rest.split('.').next()?;
        Some(Glibc {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    });
    assert_eq!(
        binary::check(&program(), ANY).unwrap().glibc,
        versions.max()
    );
}

#[test]
fn an_app_that_the_host_would_not_run_is_refused() {
    let refusal = |files: &[(&str, &str)]| {
        let (app, into) = (app(files), TempDir::new().unwrap());
        let refused = package::make(app.path(), &program(), into.path(), ANY);
        refused.unwrap_err().to_string()
    };
    assert!(refusal(&[("a/function.json", "{}")]).contains("host.json"));
    assert!(refusal(&[("host.json", "{")]).contains("EOF"));
    assert!(refusal(&[("host.json", "{}")]).contains("customHandler is missing"));
    assert!(refusal(&[("host.json", HOST_JSON)]).contains("no folder with a function.json"));
    let buffered = HOST_JSON.replace("true", "false");
    let refused = refusal(&[("host.json", &buffered), ("a/function.json", "{}")]);
    assert!(refused.contains("enableProxyingHttpRequest"), "{refused}");
    for path in ["", "./handler", "bin/handler", "handler "] {
        let host_json = HOST_JSON.replace("\"handler\"", &format!("{path:?}"));
        let refused = refusal(&[("host.json", &host_json), ("a/function.json", "{}")]);
        assert!(refused.contains("the plain name of a file"), "{refused}");
    }
}
