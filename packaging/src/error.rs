//! Why there is no package, in words that name the file and what to do about it.

use std::{io, path::PathBuf};

/// What keeps a package from being made.
#[derive(Debug, thiserror::Error)]
pub enum PackagingError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of the package could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// host.json is not what the Functions host needs.
    #[error("{}: {problem}", path.display())]
    HostJson {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// No folder holds a function.json: the host would start no handler.
    #[error("{} has no folder with a function.json, so the host would start no handler", root.display())]
    NoFunctions {
        /// The folder that was searched.
        root: PathBuf,
    },
    /// The program would not start in Azure.
    #[error("{}: {problem}", path.display())]
    Binary {
        /// The program.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The release binary could not be built.
    #[error("{program} failed: {problem}")]
    Build {
        /// The build script.
        program: &'static str,
        /// What it said, or how it ended.
        problem: String,
    },
}
