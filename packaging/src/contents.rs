//! What belongs in a package: the one list that staging, the zip and `.funcignore` follow.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{PackagingError, files};

/// The mode of the program in a package.
pub const EXECUTABLE_MODE: u32 = 0o755;
/// The mode of every other file in a package.
pub const FILE_MODE: u32 = 0o644;

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the package, with `/` between folders, such as `models/function.json`.
    pub name: String,
    /// Where its bytes come from.
    pub source: PathBuf,
    /// Its permission bits in the package.
    pub mode: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HostJson {
    custom_handler: Option<CustomHandler>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomHandler {
    description: Option<Description>,
    #[serde(default)]
    enable_proxying_http_request: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    default_executable_path: Option<String>,
}

/// Lists the files of the package that `binary` and the function app in `root` make, sorted by name.
///
/// # Errors
/// host.json is missing, names no plain file as executable, or does not proxy; there is no function.
pub fn of(root: &Path, binary: &Path) -> Result<Vec<Entry>, PackagingError> {
    let host_json = root.join("host.json");
    let mut entries = vec![
        Entry {
            name: executable_name(&host_json)?,
            source: binary.to_owned(),
            mode: EXECUTABLE_MODE,
        },
        Entry {
            name: "host.json".to_owned(),
            source: host_json,
            mode: FILE_MODE,
        },
    ];
    let functions = functions(root)?;
    if functions.is_empty() {
        return Err(PackagingError::NoFunctions {
            root: root.to_owned(),
        });
    }
    entries.extend(functions.into_iter().map(|function| Entry {
        name: format!("{function}/function.json"),
        source: root.join(&function).join("function.json"),
        mode: FILE_MODE,
    }));
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The names of the folders that hold a function.json.
fn functions(root: &Path) -> Result<Vec<String>, PackagingError> {
    let unreadable = |source| PackagingError::Unreadable {
        path: root.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().join("function.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// The name under which the host starts the program.
fn executable_name(host_json: &Path) -> Result<String, PackagingError> {
    let invalid = |problem: String| PackagingError::HostJson {
        path: host_json.to_owned(),
        problem,
    };
    let parsed: HostJson = serde_json::from_slice(&files::read(host_json)?)
        .map_err(|error| invalid(error.to_string()))?;
    let handler = parsed
        .custom_handler
        .ok_or_else(|| invalid("customHandler is missing".to_owned()))?;
    if !handler.enable_proxying_http_request {
        return Err(invalid(
            "customHandler.enableProxyingHttpRequest is not true: without it the host collects every stream".to_owned(),
        ));
    }
    let name = handler
        .description
        .and_then(|description| description.default_executable_path)
        .unwrap_or_default();
    // The publishing tools compare this text with the names in the zip to find the file to make executable.
    if name.is_empty() || name.trim() != name || name.contains('/') || name.contains('\\') {
        return Err(invalid(format!(
            "customHandler.description.defaultExecutablePath is {name:?}: it has to be the plain name of a file, without `./`"
        )));
    }
    Ok(name)
}
