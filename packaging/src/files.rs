//! Reading and writing files, with errors that name them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::PackagingError;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, PackagingError> {
    fs::read(path).map_err(|source| PackagingError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file with exactly this mode, whatever the umask.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PackagingError> {
    let written = fs::write(path, bytes).and_then(|()| set_mode(path, mode));
    written.map_err(unwritable(path))
}

/// Makes a folder and those above it, with mode 0755, whatever the umask.
pub(crate) fn make_folder(path: &Path) -> Result<(), PackagingError> {
    let made = fs::create_dir_all(path).and_then(|()| set_mode(path, 0o755));
    made.map_err(unwritable(path))
}

/// Removes a folder with everything in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> Result<(), PackagingError> {
    if !path.exists() {
        return Ok(());
    }
    fs::remove_dir_all(path).map_err(unwritable(path))
}

pub(crate) fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> PackagingError {
    let path = path.to_owned();
    |source| PackagingError::Unwritable { path, source }
}

fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
