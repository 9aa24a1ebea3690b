//! A run: starts everything, measures in interleaved rounds, and writes the tables.

mod cell;
mod choice;
mod conditions;
mod document;
mod litellm;
mod process;
mod report;
mod results;
mod standing;
mod starting;
mod subject;
mod tables;
mod targets;
mod window;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use self::{
    choice::Choice,
    conditions::Conditions,
    process::Part,
    results::Results,
    starting::Surroundings,
    subject::{Running, Subject},
};

/// What is measured, and where the result goes.
#[derive(Debug, Args)]
pub struct Options {
    /// Few cells and short windows: under two minutes
    #[arg(long)]
    quick: bool,
    /// Only these subjects and cells, by name or by how their names begin, comma-separated: `--only floor,new,stream`
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds of a window
    #[arg(long)]
    seconds: Option<f64>,
    /// How often each window is repeated, in turn with those of the other subjects
    #[arg(long)]
    rounds: Option<usize>,
    /// A gateway that is built already; without it `cargo build --release` builds one
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Install LiteLLM below target/benchmarks and measure it too; once it is installed it always is
    #[arg(long)]
    litellm: bool,
    /// Write the tables into this document, between its two markers
    #[arg(long)]
    write: Option<PathBuf>,
}

/// Deltas of an answer.
const DELTAS: usize = 50;

/// Measures what the options say.
pub fn run(options: Options) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        bail!("a debug build measures nothing: cargo run --release -p benchmarks");
    }
    let choice = Choice::of(&options)?;
    if let Some(path) = &options.write {
        document::check(path)?;
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            done = all(&options, choice) => done,
            // Dropping what is under way stops every process.
            _ = terminate.recv() => bail!("stopped by SIGTERM"),
            _ = interrupt.recv() => bail!("stopped by SIGINT"),
        }
    })
}

async fn all(options: &Options, choice: Choice) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().context("the repository")?;
    let deltas = DELTAS.to_string();
    let (upstream, upstream_address) = Part::listening(&["upstream", "--deltas", &deltas]).await?;
    let (receiver, receiver_address) = Part::listening(&["receiver"]).await?;
    let surroundings = Surroundings {
        gateway: starting::gateway(&root, options.gateway.as_deref()).await?,
        nginx: starting::nginx(),
        litellm: starting::litellm(&root, options.litellm).await?,
        upstream: upstream_address,
        receiver: receiver_address,
        folder: tempfile::tempdir()?,
    };
    let mut results = Results::new(Conditions::read(&root, &surroundings, &choice)?);
    let subjects = present(&choice, &surroundings)?;
    standing_measurements(&choice, &surroundings, &subjects, &mut results).await?;
    let upstream_pid = upstream.process.pid();
    let mut running = Vec::new();
    if !choice.cells.is_empty() {
        for subject in &subjects {
            say(&format!("starting {}", subject.title()))?;
            match surroundings.start(*subject).await {
                Ok(started) => running.push(started.running),
                Err(error) if subject.may_be_missing() => left_out(*subject, &error)?,
                Err(error) => return Err(error),
            }
        }
    }
    let measured = rounds(
        &choice,
        &running,
        (upstream_address, upstream_pid),
        &mut results,
    )
    .await;
    for running in running {
        running.stop().await?;
    }
    receiver.process.stop().await?;
    upstream.process.stop().await?;
    measured?;
    finish(&root, options, &results)
}

/// The chosen subjects that are there; what is missing is told loudly.
fn present(choice: &Choice, surroundings: &Surroundings) -> anyhow::Result<Vec<Subject>> {
    let mut present = Vec::new();
    for subject in &choice.subjects {
        let missing = match subject {
            Subject::Nginx if surroundings.nginx.is_none() => {
                "nginx is NOT INSTALLED (Debian: nginx-light): its rows are LEFT OUT"
            }
            Subject::LiteLlm if surroundings.litellm.is_none() => {
                "LiteLLM is NOT INSTALLED (--litellm installs it): its rows are LEFT OUT"
            }
            _ => {
                present.push(*subject);
                continue;
            }
        };
        say(&format!("!!! {missing}"))?;
    }
    Ok(present)
}

async fn standing_measurements(
    choice: &Choice,
    surroundings: &Surroundings,
    subjects: &[Subject],
    results: &mut Results,
) -> anyhow::Result<()> {
    for subject in subjects.iter().copied() {
        match stand(choice, surroundings, subject, results).await {
            Err(error) if subject.may_be_missing() => left_out(subject, &error)?,
            done => done?,
        }
    }
    Ok(())
}

async fn stand(
    choice: &Choice,
    surroundings: &Surroundings,
    subject: Subject,
    results: &mut Results,
) -> anyhow::Result<()> {
    let title = subject.title();
    if choice.starts && starting::is_started_often(subject) {
        let count = choice.start_count;
        say(&format!("starting {title} {count} times"))?;
        let starts = standing::starts(surroundings, subject, count).await?;
        results.starts.push(starts);
    }
    if !choice.held || !standing::holds_streams(subject) {
        return Ok(());
    }
    for streams in [150, 500] {
        say(&format!("{title}: {streams} streams at a time"))?;
        let upstream = surroundings.upstream;
        let held = standing::held(surroundings, upstream, subject, DELTAS, streams).await?;
        results.held.push(held);
    }
    Ok(())
}

/// Tells that a subject has no rows, and why.
fn left_out(subject: Subject, error: &anyhow::Error) -> io::Result<()> {
    let title = subject.title();
    say(&format!(
        "!!! {title} did NOT START, its rows are LEFT OUT: {error:#}"
    ))
}

async fn rounds(
    choice: &Choice,
    running: &[Running],
    upstream: (std::net::SocketAddr, u32),
    results: &mut Results,
) -> anyhow::Result<()> {
    for cell in choice.cells.iter().copied() {
        for round in 0..choice.rounds {
            for running in running {
                let once = running.subject == Subject::LiteLlm;
                if !cell.is_for(running.subject) || (once && 0 < round) {
                    continue;
                }
                let plan = cell.plan(
                    running.subject,
                    running.target.clone(),
                    DELTAS,
                    choice.seconds,
                );
                let window = window::measure(running, upstream, cell, round, &plan).await?;
                say(&report::line(&window))?;
                results.windows.push(window);
            }
        }
    }
    Ok(())
}

fn finish(root: &Path, options: &Options, results: &Results) -> anyhow::Result<()> {
    let kept = root.join("target/benchmarks/last-run.json");
    fs::create_dir_all(root.join("target/benchmarks"))?;
    fs::write(&kept, serde_json::to_vec_pretty(results)?)?;
    let report = report::markdown(results);
    say(&report)?;
    say(&format!("every window: {}", kept.display()))?;
    if let Some(path) = &options.write {
        document::write(path, &report)?;
        say(&format!("written to {}", path.display()))?;
    }
    Ok(())
}

/// What a person at the terminal reads.
fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
