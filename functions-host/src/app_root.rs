//! Whether the handler left the app's files alone: in Azure they are a read-only mount.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::config::AppConfig;

/// Length and time of change of the files that matter, by path.
pub(crate) type Snapshot = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Looks at the app root itself and at the folders of the functions, not at folders that are not deployed.
pub(crate) fn snapshot(config: &AppConfig) -> Snapshot {
    let folders = config
        .functions
        .iter()
        .map(|function| config.app_root.join(function.name()));
    let mut files = Snapshot::new();
    for folder in std::iter::once(config.app_root.clone()).chain(folders) {
        add_files(&folder, &mut files);
    }
    files
}

/// The paths that differ.
pub(crate) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<PathBuf> {
    let mut changed: Vec<PathBuf> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .cloned()
        .collect();
    changed.sort();
    changed.dedup();
    changed
}

/// A file that vanishes while it is looked at counts as absent.
fn add_files(folder: &Path, files: &mut Snapshot) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        if let Ok(metadata) = entry.metadata() {
            let changed = if metadata.is_dir() {
                None
            } else {
                metadata.modified().ok()
            };
            files.insert(entry.path(), (metadata.len(), changed));
        }
    }
}
