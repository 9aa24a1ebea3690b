//! One measured window: a load generator runs against one subject, and the clocks are read before and after.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    cell::Cell,
    process::{self, Part},
    subject::{Running, Subject},
};
use crate::{
    accounting,
    load::{Plan, summary::Summary},
    numbers::real,
    upstream::counts::CountsTaken,
};

/// Telemetry leaves half a second after its request; it belongs to the window.
const TELEMETRY_LEAVES: Duration = Duration::from_millis(700);

/// What one window showed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Window {
    pub(crate) subject: Subject,
    pub(crate) cell: Cell,
    pub(crate) round: usize,
    pub(crate) summary: Summary,
    /// Processor time of the subject for each answer, in microseconds; none for direct calls.
    pub(crate) processor: Option<f64>,
    /// What the service was asked meanwhile.
    pub(crate) counts: CountsTaken,
    /// The share of all processors that processes outside the benchmark took.
    pub(crate) others: f64,
}

impl Window {
    /// Calls of the service for each answer.
    pub(crate) fn calls_per_answer(&self) -> f64 {
        real(self.counts.total()) / real(self.summary.answers().max(1))
    }
}

/// Measures one window.
pub(crate) async fn measure(
    running: &Running,
    upstream: (SocketAddr, u32),
    cell: Cell,
    round: usize,
    plan: &Plan,
) -> anyhow::Result<Window> {
    let (upstream_address, upstream_process) = upstream;
    let mut load = Part::start(&["load", &serde_json::to_string(plan)?])?;
    expect(&mut load, "ready").await?;
    if running.subject.is_complete() {
        tokio::time::sleep(TELEMETRY_LEAVES).await;
    }
    process::http(upstream_address, "POST", "/control/reset")?;
    let processes = [Some(upstream_process), running.pid()];
    let before = Clocks::read(processes)?;
    load.say(b"go\n").await?;
    let summary: Summary = serde_json::from_str(&load.line().await?)?;
    if running.subject.is_complete() {
        tokio::time::sleep(TELEMETRY_LEAVES).await;
    }
    let after = Clocks::read(processes)?;
    let counts = counts(upstream_address)?;
    let [_, subject] = after.used_since(&before);
    let ours: f64 = after.used_since(&before).iter().flatten().sum();
    let elapsed = after.moment.duration_since(before.moment).as_secs_f64() * 1e9;
    let busy = real(after.busy.saturating_sub(before.busy));
    let cores = std::thread::available_parallelism()?.get();
    let all = elapsed * real(u64::try_from(cores)?);
    let generator = summary.processor_nanoseconds;
    Ok(Window {
        subject: running.subject,
        cell,
        round,
        processor: subject.map(|used| used / 1000.0 / real(summary.answers().max(1))),
        counts,
        others: ((busy - ours - generator) / all).clamp(0.0, 1.0),
        summary,
    })
}

/// The service's counters.
pub(crate) fn counts(upstream: SocketAddr) -> anyhow::Result<CountsTaken> {
    let (_, body) = process::http(upstream, "GET", "/control/counts")?;
    serde_json::from_str(&body).context("the counters of the upstream")
}

/// Waits for the load generator to say a word.
pub(crate) async fn expect(load: &mut Part, word: &str) -> anyhow::Result<()> {
    let line = load.line().await?;
    anyhow::ensure!(
        line == word,
        "the load generator said {line:?}, not {word:?}"
    );
    Ok(())
}

/// Processor time of some processes and of the machine at one moment.
#[derive(Debug)]
struct Clocks {
    processes: [Option<u64>; 2],
    busy: u64,
    moment: Instant,
}

impl Clocks {
    fn read(processes: [Option<u32>; 2]) -> anyhow::Result<Self> {
        Ok(Self {
            processes: processes.map(|process| process.map(accounting::processor_nanoseconds)),
            busy: accounting::machine_busy_nanoseconds().context("/proc/stat")?,
            moment: Instant::now(),
        })
    }

    fn used_since(&self, before: &Self) -> [Option<f64>; 2] {
        let mut before = before.processes.into_iter();
        self.processes.map(|after| {
            let before = before.next().flatten()?;
            Some(real(after?.saturating_sub(before)))
        })
    }
}
