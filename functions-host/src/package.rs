//! A deployment package as Azure mounts it: unpacked, read-only, with the modes that the zip tells.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zip::ZipArchive;

use crate::ConfigError;

/// The mode of a file whose entry tells none, as in a zip that was not made on Unix.
const MODE_OF_NO_MODE: u32 = 0o644;
const READ_ONLY_FOLDER: u32 = 0o555;

/// An unpacked package in a temporary folder, which is removed with this value.
///
/// Its folders are read-only, and every user may enter them.
#[derive(Debug)]
pub struct UnpackedPackage {
    root: TempDir,
    folders: Vec<PathBuf>,
}

impl UnpackedPackage {
    /// Unpacks the zip at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is no zip, or holds a name that points out of the package.
    pub fn new(path: &Path) -> Result<Self, ConfigError> {
        let unpacked = Self::unpack(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(unpacked)
    }

    /// The app root: the folder with host.json.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    fn unpack(path: &Path) -> io::Result<Self> {
        let mut zip = ZipArchive::new(File::open(path)?)?;
        let root = TempDir::new()?;
        let mut folders = vec![root.path().to_owned()];
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index)?;
            let name = entry.enclosed_name().ok_or_else(|| {
                io::Error::other("an entry's name points out of the package".to_owned())
            })?;
            if entry.is_dir() {
                continue;
            }
            for folder in name
                .ancestors()
                .skip(1)
                .filter(|name| *name != Path::new(""))
            {
                folders.push(root.path().join(folder));
            }
            let target = root.path().join(&name);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            io::copy(&mut entry, &mut File::create(&target)?)?;
            let mode = entry.unix_mode().unwrap_or(MODE_OF_NO_MODE) & 0o777;
            fs::set_permissions(&target, Permissions::from_mode(mode))?;
        }
        folders.sort();
        folders.dedup();
        for folder in folders.iter().rev() {
            fs::set_permissions(folder, Permissions::from_mode(READ_ONLY_FOLDER))?;
        }
        Ok(Self { root, folders })
    }
}

impl Drop for UnpackedPackage {
    /// Nobody but root could remove files from read-only folders.
    fn drop(&mut self) {
        for folder in &self.folders {
            drop(fs::set_permissions(folder, Permissions::from_mode(0o755)));
        }
    }
}
