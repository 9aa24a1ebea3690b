//! The release binary that runs on an old glibc, built by `scripts/build-portable.sh`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::PackagingError;

/// The script, which prints the path of what it built.
const SCRIPT: &str = "scripts/build-portable.sh";

/// Builds the gateway in `root`, with the build's own messages on standard error, and says where the program is.
///
/// # Errors
/// The script is not there, cannot be started or fails; it has said why.
pub fn run(root: &Path) -> Result<PathBuf, PackagingError> {
    let failed = |problem: String| PackagingError::Build {
        program: SCRIPT,
        problem,
    };
    let output = Command::new(root.join(SCRIPT))
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    match printed.trim() {
        "" => Err(failed("it printed no path".to_owned())),
        path => Ok(root.join(path)),
    }
}
