//! The stand-in as a program, so that test suites in any language can run a handler behind it.
//!
//! Prints `listening on http://127.0.0.1:PORT` on a line of its own once the handler is ready. The handler's
//! stderr is repeated on stderr, its stdout and the host's own messages on stdout, with the host's level in front. Ends with exit code 0 on SIGINT
//! or SIGTERM, which kill the handler, and 1 if the app is not valid or the host gives up.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use functions_host::{FrontEnd, Host, HostOptions, UnpackedPackage, User};
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for the Azure Functions host: runs a custom handler as Azure does, on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The folder with host.json, the function folders and the executable
    #[arg(long, required_unless_present = "package", conflicts_with = "package")]
    app_root: Option<PathBuf>,
    /// A zip to unpack into a read-only folder and run from there, as Azure mounts a deployment package
    #[arg(long)]
    package: Option<PathBuf>,
    /// Whom the handler runs as, as two numbers UID:GID; only root can choose
    #[arg(long)]
    user: Option<User>,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Divides every time of the host: 100 makes its 240 s of patience 2.4 s
    #[arg(long, default_value_t = 1)]
    time_scale: u32,
    /// Adds what Azure's front end does: its headers, and a 502 after 230 s of silence
    #[arg(long)]
    front_end: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let package = arguments.package.as_deref().map(UnpackedPackage::new);
    let package = package.transpose().context("the package")?;
    let unpacked = package.as_ref().map(|package| package.path().to_owned());
    let app_root = arguments.app_root.or(unpacked).unwrap_or_default();
    let mut options = HostOptions::new(app_root);
    options.user = arguments.user;
    options.port = arguments.port;
    options.time_scale = arguments.time_scale;
    options.echo_logs = true;
    if arguments.front_end {
        options.front_end = FrontEnd::Azure;
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let host = tokio::select! {
        host = Host::start(options) => host.context("the host did not start")?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    writeln!(std::io::stdout(), "listening on http://{}", host.address())?;
    tokio::select! {
        reason = host.stopped() => return Err(reason).context("the host stopped"),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    host.shutdown().await;
    Ok(())
}
