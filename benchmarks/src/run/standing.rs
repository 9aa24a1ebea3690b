//! What does not need a rate: the time to start, memory at rest, and many streams that are open at a time.

use std::{net::SocketAddr, time::Duration};

use serde::Serialize;
use tokio::time::Instant;

use super::{
    process::{self, Part},
    starting::Surroundings,
    subject::{Running, Subject},
    window,
};
use crate::{
    accounting,
    load::{Plan, Schedule, summary::Summary},
    numbers::{median, real, smallest},
    upstream,
};

/// Between the first answer and a look at the memory: what is done after a start is done by then.
const REST: Duration = Duration::from_millis(300);
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Starts of one subject.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Starts {
    pub(crate) subject: Subject,
    pub(crate) count: usize,
    /// Milliseconds from the start of the process to the first 200.
    pub(crate) least: f64,
    pub(crate) median: f64,
    /// Resident memory at rest, in MiB, median.
    pub(crate) resident: f64,
}

/// Whether it is asked to hold many streams: the floor that collects has none, and LiteLLM would need minutes.
pub(crate) fn holds_streams(subject: Subject) -> bool {
    !matches!(
        subject,
        Subject::Direct | Subject::CollectingFloor | Subject::LiteLlm
    )
}

/// Starts a subject so many times.
pub(crate) async fn starts(
    surroundings: &Surroundings,
    subject: Subject,
    count: usize,
) -> anyhow::Result<Starts> {
    let mut milliseconds = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..count {
        let started = surroundings.start(subject).await?;
        milliseconds.push(started.after.as_secs_f64() * 1000.0);
        tokio::time::sleep(REST).await;
        resident.push(resident_mebibytes(&started.running));
        started.running.stop().await?;
    }
    Ok(Starts {
        subject,
        count,
        least: smallest(milliseconds.iter().copied()).unwrap_or_default(),
        median: median(milliseconds).unwrap_or_default(),
        resident: median(resident).unwrap_or_default(),
    })
}

/// Many streams of one subject at a time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Held {
    pub(crate) subject: Subject,
    pub(crate) streams: usize,
    /// Streams that the service saw open at the same time.
    pub(crate) open_upstream: u64,
    /// Milliseconds until every one of them had shown text.
    pub(crate) until_all_show_text: f64,
    /// Resident memory in MiB before, and with all streams open.
    pub(crate) at_rest: f64,
    pub(crate) with_streams: f64,
    /// What became of them after their release.
    pub(crate) summary: Summary,
}

/// Opens so many streams at once on a fresh process, looks, and lets them end.
pub(crate) async fn held(
    surroundings: &Surroundings,
    upstream: SocketAddr,
    subject: Subject,
    deltas: usize,
    streams: usize,
) -> anyhow::Result<Held> {
    let started = surroundings.start(subject).await?;
    tokio::time::sleep(REST).await;
    let at_rest = resident_mebibytes(&started.running);
    let plan = Plan {
        target: started.running.target.clone(),
        agent: subject.agent(upstream::HELD),
        stream: true,
        turns: 1,
        deltas,
        schedule: Schedule::Hold { streams },
    };
    let mut load = Part::start(&["load", &serde_json::to_string(&plan)?])?;
    window::expect(&mut load, "ready").await?;
    process::http(upstream, "POST", "/control/reset")?;
    let begin = Instant::now();
    load.say(b"go\n").await?;
    window::expect(&mut load, "holding").await?;
    let until_all_show_text = begin.elapsed().as_secs_f64() * 1000.0;
    let open_upstream = window::counts(upstream)?.open;
    tokio::time::sleep(REST).await;
    let with_streams = resident_mebibytes(&started.running);
    load.say(b"go\n").await?;
    process::http(upstream, "POST", "/control/release")?;
    let summary: Summary = serde_json::from_str(&load.line().await?)?;
    started.running.stop().await?;
    Ok(Held {
        subject,
        streams,
        open_upstream,
        until_all_show_text,
        at_rest,
        with_streams,
        summary,
    })
}

fn resident_mebibytes(running: &Running) -> f64 {
    let bytes = running.pid().map(accounting::resident_bytes);
    real(bytes.unwrap_or_default()) / MEBIBYTE
}
