//! A whole package: the program checked, the files staged in a folder, the zip beside it.

use std::path::{Path, PathBuf};

use crate::{
    PackagingError, archive,
    binary::{self, Facts, Limits},
    contents, files,
};

/// The name of the folder, and of the zip without its extension.
const NAME: &str = "foundry-gateway";

/// A package that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The folder with the files, for `func azure functionapp publish` and for looking at.
    pub folder: PathBuf,
    /// The zip, for `az functionapp deployment source config-zip` and `azd`.
    pub zip: PathBuf,
    /// The zip's SHA-256 digest in hexadecimal; it also stands in a file beside the zip, as `sha256sum` writes it.
    pub sha256: String,
    /// What was found in the program.
    pub facts: Facts,
    /// The names in the package, sorted.
    pub names: Vec<String>,
}

/// Makes the package of the function app in `root` with the program `binary`, below the folder `into`.
///
/// What an earlier run left in `into` is replaced.
///
/// # Errors
/// The program does not keep to `limits`, host.json or the functions are not what the host needs, or a file cannot be
/// read or written.
pub fn make(
    root: &Path,
    binary: &Path,
    into: &Path,
    limits: Limits,
) -> Result<Package, PackagingError> {
    let facts = binary::check(binary, limits)?;
    let entries = contents::of(root, binary)?;

    let folder = into.join(NAME);
    files::remove_folder(&folder)?;
    files::make_folder(&folder)?;
    for entry in &entries {
        let target = folder.join(&entry.name);
        if let Some(parent) = target.parent() {
            files::make_folder(parent)?;
        }
        files::write(&target, &files::read(&entry.source)?, entry.mode)?;
    }

    let zip = into.join(format!("{NAME}.zip"));
    let sha256 = archive::write(&zip, &entries)?;
    let line = format!("{sha256}  {NAME}.zip\n");
    let beside = into.join(format!("{NAME}.zip.sha256"));
    files::write(&beside, line.as_bytes(), contents::FILE_MODE)?;
    Ok(Package {
        folder,
        zip,
        sha256,
        facts,
        names: entries.into_iter().map(|entry| entry.name).collect(),
    })
}
