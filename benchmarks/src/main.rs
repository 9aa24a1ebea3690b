//! `cargo run --release -p benchmarks`: what the gateway costs, side by side in one run.

use anyhow::Context;
use benchmarks::{
    floor,
    load::{self, Plan},
    receiver, role,
    run::{self, Options},
    upstream::{self, Settings},
};
use clap::{Args, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

/// Measures what the gateway costs beside direct calls, a bare pass-through, nginx and LiteLLM, all on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

/// The parts that a run starts as processes of their own; each ends when its standard input does.
#[derive(Debug, Subcommand)]
enum Part {
    /// The Foundry Agent Service, both dialects, without any thinking
    Upstream(Settings),
    /// A bare pass-through: the least that a gateway can cost
    Floor(FloorArguments),
    /// A receiver of telemetry
    Receiver,
    /// A load generator that checks every answer
    Load {
        /// What to send, as JSON; a run makes it
        plan: String,
    },
}

#[derive(Debug, Args)]
struct FloorArguments {
    /// Where every POST goes: `http://127.0.0.1:PORT/api/projects/p/openai/v1/responses`
    #[arg(long)]
    upstream: String,
    /// Ask for a stream, collect it, and answer in one piece
    #[arg(long)]
    collect: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        None => run::run(arguments.options),
        Some(Part::Upstream(settings)) => one_thread()?.block_on(until_parent_is_gone(async {
            upstream::serve(role::listen()?, settings).await
        })),
        Some(Part::Floor(floor)) => all_cores()?.block_on(until_parent_is_gone(async move {
            floor::serve(role::listen()?, &floor.upstream, floor.collect).await
        })),
        Some(Part::Receiver) => one_thread()?.block_on(until_parent_is_gone(async {
            receiver::serve(role::listen()?).await
        })),
        Some(Part::Load { plan }) => {
            let plan: Plan = serde_json::from_str(&plan).context("the plan")?;
            one_thread()?.block_on(load::run(plan))
        }
    }
}

async fn until_parent_is_gone(
    serving: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    tokio::select! {
        ended = serving => ended,
        () = role::parent_is_gone() => Ok(()),
    }
}

/// For the parts around the gateway: they must leave processor time to it.
fn one_thread() -> anyhow::Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// For the floor: the runtime that axum's documentation starts with.
fn all_cores() -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}
