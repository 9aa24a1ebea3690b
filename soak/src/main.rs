//! `scripts/soak.sh`: holds a load with faults against two gateways, and checks every answer.
//!
//! Prints a table, then all figures as one line of JSON. Ends with exit code 0 when nothing was wrong, else with 1.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::bail;
use clap::Parser;
use soak::Options;
use tokio::signal::unix::{SignalKind, signal};

/// Holds a load with faults against two gateways, and checks every answer.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The program foundry-gateway
    #[arg(long)]
    gateway: PathBuf,
    /// How long the load is held
    #[arg(long, default_value_t = 15.0)]
    minutes: f64,
    /// Conversations at a time
    #[arg(long, default_value_t = 64)]
    conversations: u64,
    /// Repeats the faults and conversations of an earlier run; any seed without it
    #[arg(long)]
    seed: Option<u64>,
    /// Has the model lie now and then about what it was given, to see that the run fails
    #[arg(long)]
    falsify: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let duration = Duration::try_from_secs_f64(arguments.minutes * 60.0)?;
    let mut options = Options::new(arguments.gateway, duration);
    options.conversations = arguments.conversations;
    options.seed = arguments.seed.unwrap_or(options.seed);
    options.falsify = arguments.falsify;
    writeln!(
        io::stdout(),
        "{} conversations at a time for {} minutes, seed {}",
        options.conversations,
        arguments.minutes,
        options.seed
    )?;
    // Whoever ends the run ends what it started, too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let report = tokio::select! {
        report = soak::run(options) => report?,
        _ = terminate.recv() => bail!("the run was ended by SIGTERM"),
        _ = interrupt.recv() => bail!("the run was ended by SIGINT"),
    };
    let mut out = io::stdout().lock();
    write!(out, "{report}")?;
    writeln!(out, "{}", report.json())?;
    Ok(if report.problems().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
