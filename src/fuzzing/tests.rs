//! Replays the seeds and everything that was ever found, and holds the lists of targets together.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use super::TARGETS;

/// Most seeds of a target, and most bytes of all: a working corpus belongs under `target/`.
const MAX_SEEDS: usize = 40;
const MAX_BYTES: usize = 150 << 10;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder in the order of their names, without those of its folders; none where there is no folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The seeds of a target.
pub(super) fn seeds(target: &str) -> Vec<Vec<u8>> {
    let files = files(&fuzz_folder().join("seeds").join(target));
    files.into_iter().map(|(_, seed)| seed).collect()
}

/// One of them.
pub(super) fn seed(target: &str, name: &str) -> Vec<u8> {
    fs::read(fuzz_folder().join("seeds").join(target).join(name)).unwrap()
}

fn replay(kind: &str, target: &str, check: super::Target) -> usize {
    let inputs = files(&fuzz_folder().join(kind).join(target));
    for (path, input) in &inputs {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(input)));
        assert!(outcome.is_ok(), "{target} fails on {}", path.display());
    }
    inputs.len()
}

#[test]
fn every_seed_keeps_the_properties() {
    for (target, check) in TARGETS {
        let replayed = replay("seeds", target, *check);
        assert!(replayed > 0, "{target} has no seeds");
    }
}

#[test]
fn nothing_that_was_found_is_found_again() {
    let replayed: usize = TARGETS
        .iter()
        .map(|(target, check)| replay("findings", target, *check))
        .sum();
    assert!(replayed > 0, "no findings are kept");
}

#[test]
fn seeds_are_few_and_small() {
    let mut bytes = 0;
    for (target, _) in TARGETS {
        for kind in ["seeds", "findings"] {
            let files = files(&fuzz_folder().join(kind).join(target));
            assert!(
                files.len() <= MAX_SEEDS,
                "{target} has {} {kind}",
                files.len()
            );
            bytes += files.iter().map(|(_, file)| file.len()).sum::<usize>();
        }
    }
    assert!(bytes <= MAX_BYTES, "seeds and findings have {bytes} bytes");
}

#[test]
fn every_target_has_its_binary_and_its_line_in_the_documentation() {
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    let documentation = include_str!("../../docs/fuzzing.md");
    for (target, _) in TARGETS {
        let binary = format!("name = \"{target}\"\npath = \"targets/{target}.rs\"");
        assert!(manifest.contains(&binary), "{target} has no binary");
        assert!(documentation.contains(&format!("`{target}`")), "{target}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}
