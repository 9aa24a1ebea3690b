//! The Foundry Agent Service without any thinking, fast enough never to be what is measured.
//!
//! New agents: `POST .../openai/v1/responses`. Classic agents: threads, messages and runs, streamed and polled.
//! Events are of the recordings' shape and written before the first request; each is one HTTP chunk, as the
//! real service sends them. An answer begins with the mark of the question it belongs to, so that a mixed-up
//! answer is seen.
//!
//! The name of the agent chooses the pace: `instant` never waits, `paced` speaks like a model, `held` falls silent
//! in the middle of its answer until `POST /control/release`. `GET /control/counts` and `POST /control/reset` tell what was called.

pub mod counts;
mod handler;
mod pace;
mod request;
mod responses;
mod script;
mod stream;
mod template;
mod threads;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use clap::Args;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::task::TaskTracker;

use self::{counts::Counts, pace::Pacing, responses::NewAgents, threads::ClassicAgents};

/// The agent that never waits; of classic agents `asst_instant`.
pub const INSTANT: &str = "instant";
/// The agent that speaks at the pace of a model.
pub const PACED: &str = "paced";
/// The agent that stops in the middle of its answer until it is released.
pub const HELD: &str = "held";

/// How the service answers.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Deltas of an answer
    #[arg(long, default_value_t = 50)]
    pub deltas: usize,
    /// Milliseconds until the first delta of the agent `paced`
    #[arg(long, default_value_t = 300)]
    pub first_delta_ms: u64,
    /// Milliseconds between the deltas of the agent `paced`
    #[arg(long, default_value_t = 20)]
    pub delta_ms: u64,
}

/// The text with which an answer to the question of this mark goes on after its first delta, which is the mark.
pub fn answer_text(mark: &str, deltas: usize) -> String {
    let mut text = mark.to_owned();
    for number in 1..deltas {
        text.push_str(&later_delta(number));
    }
    text
}

fn later_delta(number: usize) -> String {
    format!(" tok{number}")
}

/// What every request shares.
#[derive(Debug)]
struct Service {
    counts: Counts,
    new_agents: NewAgents,
    classic_agents: ClassicAgents,
    pacing: Pacing,
    /// Grows by one at each release.
    releases: watch::Sender<u64>,
    /// The marks of questions that were put into threads by a call of their own, by the number of the thread.
    marks: Mutex<HashMap<u64, Bytes>>,
}

/// Most threads whose questions are remembered; a client that polls asks for the answer long before they are full.
const MARKS: usize = 10_000;

impl Service {
    fn remember_mark(&self, thread: u64, mark: Bytes) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if MARKS <= marks.len() {
            marks.clear();
        }
        marks.insert(thread, mark);
    }

    fn mark_of(&self, thread: u64) -> Bytes {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.get(&thread).cloned().unwrap_or_default()
    }
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, settings: Settings) -> anyhow::Result<()> {
    let service = Arc::new(Service {
        counts: Counts::default(),
        new_agents: NewAgents::new(settings.deltas),
        classic_agents: ClassicAgents::new(settings.deltas),
        pacing: Pacing {
            first_delta: Duration::from_millis(settings.first_delta_ms),
            between_deltas: Duration::from_millis(settings.delta_ms),
        },
        releases: watch::Sender::new(0),
        marks: Mutex::default(),
    });
    let connections = TaskTracker::new();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        service.counts.connection();
        let service = Arc::clone(&service);
        let answering = hyper::service::service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { handler::answer(service, request).await }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), answering);
        // How a connection ends is the client's affair; streams that end early are counted.
        connections.spawn(async move { drop(connection.await) });
    }
}
