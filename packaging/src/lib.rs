//! Makes the package that is deployed to Azure Functions.
//!
//! A package holds what the Functions host reads and nothing else: `host.json`, one folder per function, and the
//! program under the name that `defaultExecutablePath` gives it. It is made in three steps, each a module:
//! [`contents`] says what belongs in, [`binary`] refuses a program that Azure could not start, and [`archive`] writes
//! the zip so that the same input gives the same bytes. [`package`] does all of it.
//!
//! `cargo run -p packaging` builds the portable release binary first ([`portable_build`]).

pub mod archive;
pub mod binary;
pub mod contents;
mod error;
mod files;
pub mod package;
pub mod portable_build;

pub use error::PackagingError;
