//! What the gateway calls: a Foundry project that has one answer, and a receiver of telemetry that takes everything.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use anyhow::{Context as _, bail};

use crate::{
    answers::Answer,
    http::{Connection, Message},
};

const TRACES: &str = "/v1/traces";

/// When the words of an answer leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The whole answer in one write.
    Burst,
    /// Each word in a write of its own, when the client asks for it.
    WordByWord,
}

/// What has been asked of the service so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    connections: AtomicU64,
    agent_calls: AtomicU64,
    continued: AtomicU64,
    other_calls: AtomicU64,
    batches: AtomicU64,
    problems: Mutex<Vec<String>>,
}

impl Counts {
    /// Connections that were opened.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// Calls that let an agent answer.
    pub(crate) fn agent_calls(&self) -> u64 {
        self.agent_calls.load(Ordering::SeqCst)
    }

    /// Those of them that went on from an earlier response.
    pub(crate) fn continued(&self) -> u64 {
        self.continued.load(Ordering::SeqCst)
    }

    /// All other calls, such as deletions.
    pub(crate) fn other_calls(&self) -> u64 {
        self.other_calls.load(Ordering::SeqCst)
    }

    /// Batches of spans.
    pub(crate) fn batches(&self) -> u64 {
        self.batches.load(Ordering::SeqCst)
    }

    /// What could not be served: then the measurement is of something else.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problems.lock().ok()?.first().cloned()
    }
}

/// A server on 127.0.0.1, with a thread for each connection; it lives as long as the process.
#[derive(Debug)]
pub(crate) struct Service {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What has been asked of it.
    pub(crate) counts: Arc<Counts>,
    /// Lets the next part of an answer go.
    pub(crate) next: Sender<()>,
}

#[derive(Debug)]
struct Shared {
    counts: Arc<Counts>,
    answer: Option<Answer>,
    pace: Pace,
    next: Mutex<Receiver<()>>,
}

impl Service {
    /// A project whose agents all give this answer.
    pub(crate) fn project(answer: Answer, pace: Pace) -> anyhow::Result<Self> {
        Self::start(Some(answer), pace)
    }

    /// A receiver of telemetry.
    pub(crate) fn telemetry() -> anyhow::Result<Self> {
        Self::start(None, Pace::Burst)
    }

    fn start(answer: Option<Answer>, pace: Pace) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let (next, asked) = channel();
        let counts = Arc::new(Counts::default());
        let shared = Arc::new(Shared {
            counts: Arc::clone(&counts),
            answer,
            pace,
            next: Mutex::new(asked),
        });
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.counts.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let served = Connection::new(stream).and_then(|mut connection| {
                        while let Some(request) = connection.message()? {
                            shared.serve(&request, &mut connection)?;
                        }
                        Ok(())
                    });
                    if let (Err(problem), Ok(mut problems)) =
                        (served, shared.counts.problems.lock())
                    {
                        problems.push(format!("{problem:#}"));
                    }
                });
            }
        });
        Ok(Self {
            address,
            counts,
            next,
        })
    }
}

impl Shared {
    fn serve(&self, request: &Message, connection: &mut Connection) -> anyhow::Result<()> {
        let line = request.head.lines().next().unwrap_or_default();
        let path = line.split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        match &self.answer {
            None if line.starts_with("POST /v1/") => {
                // The first waits, so that all spans of a run travel together: otherwise a clock decides how many do.
                let is_first_batch =
                    path == TRACES && self.counts.batches.fetch_add(1, Ordering::SeqCst) == 0;
                if is_first_batch {
                    self.wait_for_the_client()?;
                }
                connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
            }
            Some(answer)
                if line.starts_with("POST ")
                    && (path.ends_with("/responses") || path.ends_with("/runs")) =>
            {
                let number = self.counts.agent_calls.fetch_add(1, Ordering::SeqCst) + 1;
                if is_continued(&request.body) {
                    self.counts.continued.fetch_add(1, Ordering::SeqCst);
                }
                self.answer(answer, number, connection)
            }
            Some(_) if line.starts_with("DELETE ") => {
                self.counts.other_calls.fetch_add(1, Ordering::SeqCst);
                connection.send(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"deleted\":true}",
                )
            }
            _ => bail!("nobody expected this call: {line}"),
        }
    }

    fn answer(
        &self,
        answer: &Answer,
        number: u64,
        connection: &mut Connection,
    ) -> anyhow::Result<()> {
        if self.pace == Pace::Burst {
            return connection.send(answer.whole(number).as_bytes());
        }
        connection.send(answer.opening(number).as_bytes())?;
        for delta in answer.deltas(number) {
            self.wait_for_the_client()?;
            connection.send(delta.as_bytes())?;
        }
        self.wait_for_the_client()?;
        connection.send(answer.closing(number).as_bytes())
    }

    fn wait_for_the_client(&self) -> anyhow::Result<()> {
        match self.next.lock() {
            Ok(next) => Ok(next.recv()?),
            Err(_) => bail!("a thread that waited for the client panicked"),
        }
    }
}

/// Whether the body names the response that this turn goes on from.
fn is_continued(body: &[u8]) -> bool {
    let name = b"\"previous_response_id\":\"";
    body.windows(name.len()).any(|window| window == name)
}
