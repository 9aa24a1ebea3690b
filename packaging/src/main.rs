//! `cargo run -p packaging`: from the sources to the zip that Azure runs.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Parser;
use packaging::{
    binary::Limits,
    package::{self, Package},
    portable_build,
};

/// Builds the gateway for Azure Functions, checks it, and makes the folder and the zip to deploy.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A program that is built already; without it, scripts/build-portable.sh builds the release binary
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the folder and the zip are put
    #[arg(long, default_value = "target/package")]
    into: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().context("the repository")?;
    let binary = match arguments.binary {
        Some(binary) => binary,
        None => portable_build::run(&root)?,
    };
    let package = package::make(&root, &binary, &root.join(arguments.into), Limits::AZURE)?;
    Ok(print(&package)?)
}

fn print(package: &Package) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let needs = match package.facts.glibc {
        Some(glibc) => format!("glibc {glibc}"),
        None => "nothing (static)".to_owned(),
    };
    writeln!(
        out,
        "program   {} bytes, x86-64, needs {needs}",
        package.facts.bytes
    )?;
    writeln!(out, "holds     {}", package.names.join(" "))?;
    writeln!(out, "folder    {}", package.folder.display())?;
    writeln!(out, "zip       {}", package.zip.display())?;
    writeln!(out, "sha256    {}", package.sha256)
}
