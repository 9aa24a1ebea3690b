//! Turns a [`Player`] into body bytes: delays, chunk sizes, faults.
//!
//! There is no task and no channel: hyper polls the body, so that a closed connection drops it at once.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::sleep;

use super::{Mark, Player, delay_before, odd_event};
use crate::behaviour::{Fault, Pace, Stage};
use crate::server::connection::CloseMode;

/// The pause between two bytes of [`Fault::Slow`].
const SLOW_PAUSE: Duration = Duration::from_millis(100);

/// Everything that shapes how an answer is written.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The delays between pieces.
    pub(crate) pace: Pace,
    /// Chunk size in bytes; `None` writes one chunk for each event.
    pub(crate) split_bytes: Option<usize>,
    /// Faults still to commit.
    pub(crate) faults: Vec<(Stage, Fault)>,
    /// How the connection will be closed.
    pub(crate) close_mode: CloseMode,
}

/// What comes after the bytes that are already queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// The player's next piece.
    Play,
    /// The clean end of the body.
    End,
    /// The end of the connection.
    Break,
    /// Nothing, for ever.
    Stall,
}

/// One piece of a body.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes to send.
    Data(Bytes),
    /// The body ended because a fault was committed.
    FaultyEnd,
}

/// The body of a streamed answer. It fails with an IO error where a fault breaks the connection.
pub(crate) fn pump(
    player: Box<dyn Player>,
    delivery: Delivery,
) -> impl Stream<Item = io::Result<Piece>> + Send {
    let pump = Pump {
        player,
        delivery,
        queue: VecDeque::new(),
        next: Next::Play,
        slow: false,
        started: false,
        faulty: false,
    };
    futures_util::stream::unfold(Some(pump), |state| async {
        let mut pump = state?;
        match pump.piece().await {
            Ok(Some(bytes)) => Some((Ok(Piece::Data(bytes)), Some(pump))),
            Ok(None) if pump.faulty => Some((Ok(Piece::FaultyEnd), None)),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Pump {
    player: Box<dyn Player>,
    delivery: Delivery,
    queue: VecDeque<Bytes>,
    next: Next,
    slow: bool,
    started: bool,
    faulty: bool,
}

impl Pump {
    async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.queue.pop_front() {
                if self.slow {
                    sleep(SLOW_PAUSE).await;
                } else if self.delivery.split_bytes.is_some() {
                    // Lets hyper write the previous chunk on its own.
                    tokio::task::yield_now().await;
                }
                return Ok(Some(bytes));
            }
            match self.next {
                Next::Play => {}
                Next::End => return Ok(None),
                Next::Stall => std::future::pending().await,
                Next::Break => {
                    // Lets hyper write what it has before the connection goes.
                    tokio::task::yield_now().await;
                    return Err(io::Error::other("fault: the connection is broken here"));
                }
            }
            if !self.play().await {
                self.next = Next::End;
            }
        }
    }

    /// Queues the next piece, with the faults around it; false when there is none.
    async fn play(&mut self) -> bool {
        if !self.started {
            self.started = true;
            self.commit(Stage::Headers);
            return true;
        }
        let Some(mark) = self.player.upcoming() else {
            return false;
        };
        if mark == Mark::Terminal && self.commit(Stage::End) {
            return true;
        }
        let delay = delay_before(mark, self.delivery.pace);
        if !delay.is_zero() {
            let changes = self.player.changes();
            let replaced = async {
                match &changes {
                    Some(notify) => notify.notified().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep(delay) => {}
                // A cancellation, say, made something else the next piece.
                () = replaced => return true,
            }
        }
        let Some(frame) = self.player.advance() else {
            return false;
        };
        let half = frame.half;
        self.enqueue(frame.bytes);
        self.commit(Stage::Created);
        if half {
            self.commit(Stage::Middle);
        }
        true
    }

    /// Commits the faults of this stage, each once; true when there was one.
    fn commit(&mut self, stage: Stage) -> bool {
        let (due, later) = std::mem::take(&mut self.delivery.faults)
            .into_iter()
            .partition::<Vec<_>, _>(|(when, _)| *when == stage);
        self.delivery.faults = later;
        let any = !due.is_empty();
        for (_, fault) in due {
            if let Some(frame) = odd_event(&fault, self.player.as_mut()) {
                self.enqueue(frame.bytes);
            }
            match fault {
                Fault::Reset => {
                    self.delivery.close_mode.reset();
                    self.end_by_fault(Next::Break);
                }
                Fault::Close => self.end_by_fault(Next::Break),
                Fault::Eof => self.end_by_fault(Next::End),
                Fault::Stall => self.end_by_fault(Next::Stall),
                Fault::Slow => self.slow = true,
                Fault::ErrorEvent => {
                    self.faulty = true;
                    self.player.give_up();
                }
                Fault::Malformed
                | Fault::UnknownEvent
                | Fault::Oversized { .. }
                | Fault::Status { .. } => {}
            }
        }
        any
    }

    fn end_by_fault(&mut self, next: Next) {
        self.faulty = true;
        self.next = next;
    }

    fn enqueue(&mut self, mut bytes: Bytes) {
        let size = match (self.slow, self.delivery.split_bytes) {
            (true, _) => 1,
            (false, Some(size)) => size.max(1),
            (false, None) => bytes.len(),
        };
        while bytes.len() > size {
            self.queue.push_back(bytes.split_to(size));
        }
        if !bytes.is_empty() {
            self.queue.push_back(bytes);
        }
    }
}
