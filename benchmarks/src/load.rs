//! The load generator: sends questions, reads the answers as they come, checks every one of them, and times them.
//!
//! It speaks HTTP/1.1 over keep-alive connections. What it does is a [`Plan`]; what it measured a [`Summary`],
//! printed as one line of JSON. Before it measures it says `ready` and waits for a line, so that whoever started it
//! can read the clocks of other processes at the right moment.

pub mod answer;
mod body;
mod closed;
mod connection;
mod exchange;
mod hold;
mod open;
pub mod summary;

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use self::{answer::Dialect, summary::Summary};
use crate::{accounting, numbers::real};

/// What to send, where, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Where to.
    pub target: Target,
    /// Which agent is asked.
    pub agent: String,
    /// Whether answers are streamed.
    pub stream: bool,
    /// Turns of a conversation; 1 asks each question on its own.
    pub turns: u32,
    /// Deltas of an answer, which is how a right one is known.
    pub deltas: usize,
    /// When requests are sent.
    pub schedule: Schedule,
}

/// The server that is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// Its address.
    pub address: SocketAddr,
    /// The path of its endpoint.
    pub path: String,
    /// The key it wants.
    pub key: String,
    /// What it speaks.
    pub dialect: Dialect,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Each connection sends its next request when it has the answer to the one before.
    Closed {
        /// How many connections.
        connections: usize,
        /// For how long.
        seconds: f64,
    },
    /// So many requests a second, whatever becomes of those before; times count from the planned moment.
    Open {
        /// Requests a second.
        rate: f64,
        /// For how long.
        seconds: f64,
    },
    /// That many answers of the agent `held` at a time, until they are released.
    Hold {
        /// How many streams.
        streams: usize,
    },
}

/// Requests of each connection before anything is measured.
const WARM_UP: usize = 5;

/// Does what the plan says and prints what came of it.
pub async fn run(plan: Plan) -> anyhow::Result<()> {
    let mut signals = Signals::new();
    let mut summary = match plan.schedule {
        Schedule::Closed {
            connections,
            seconds,
        } => closed::run(&plan, connections, seconds, &mut signals).await?,
        Schedule::Open { rate, seconds } => open::run(&plan, rate, seconds, &mut signals).await?,
        Schedule::Hold { streams } => hold::run(&plan, streams, &mut signals).await?,
    };
    let now = accounting::processor_nanoseconds(std::process::id());
    summary.processor_nanoseconds = real(now.saturating_sub(signals.processor_before));
    writeln!(io::stdout(), "{}", serde_json::to_string(&summary)?)?;
    Ok(())
}

/// How the generator and whoever started it agree on moments: a word out, a line in.
#[derive(Debug)]
struct Signals {
    input: Lines<BufReader<Stdin>>,
    /// Processor time of this process when it last went on.
    processor_before: u64,
}

impl Signals {
    fn new() -> Self {
        Self {
            input: BufReader::new(tokio::io::stdin()).lines(),
            processor_before: 0,
        }
    }

    /// Says the word and waits for a line; an end of the input is one too.
    async fn tell_and_wait(&mut self, word: &str) -> io::Result<()> {
        writeln!(io::stdout(), "{word}")?;
        self.input.next_line().await?;
        self.processor_before = accounting::processor_nanoseconds(std::process::id());
        Ok(())
    }
}

/// Questions of one run, each with a mark of its own.
#[derive(Debug, Default)]
struct Marks(std::sync::atomic::AtomicU32);

impl Marks {
    fn next(&self) -> String {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 10_000_000;
        format!("#q{number:07}")
    }
}

/// The summary of what several workers measured.
fn together(parts: Vec<summary::Recorder>, seconds: f64) -> Summary {
    let mut all = summary::Recorder::default();
    for part in parts {
        all.add(part);
    }
    all.summary(seconds)
}
