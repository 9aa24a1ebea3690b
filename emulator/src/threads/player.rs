//! The stream of a run: makes its moves and writes their events.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::plan::Move;
use super::run::{Run, RunStatus};
use crate::clock::Clock;
use crate::project::ProjectHandle;
use crate::stream::{Frame, Mark, Player};

/// Streams one run. When the stream is dropped early, the run goes on by itself, as the service's does.
#[derive(Debug)]
pub(crate) struct RunPlayer {
    pub(crate) project: ProjectHandle,
    pub(crate) thread_id: String,
    pub(crate) run_id: String,
    pub(crate) changed: Arc<Notify>,
    pub(crate) clock: Clock,
}

impl RunPlayer {
    fn with_run<T>(&self, use_run: impl FnOnce(&mut Run) -> T) -> Option<T> {
        let mut project = self.project.lock();
        let thread = project.threads.get_mut(&self.thread_id)?;
        let run = thread.run_mut(&self.run_id).ok()?;
        Some(use_run(run))
    }
}

impl Player for RunPlayer {
    fn upcoming(&mut self) -> Option<Mark> {
        self.with_run(|run| run.moves.front().map(Move::mark))?
    }

    fn advance(&mut self) -> Option<Frame> {
        let mut project = self.project.lock();
        let thread = project.threads.get_mut(&self.thread_id)?;
        thread.advance_run(&self.run_id, self.clock)
    }

    /// The shape of the classic `error` event was never seen recorded; this is the documented error object.
    fn error_event(&mut self) -> Frame {
        let data = json!({
            "message": "The server had an error processing your request. Sorry about that!",
            "type": "server_error",
            "param": null,
            "code": "server_error",
        });
        Frame::json("error", &data, Mark::Other)
    }

    fn malformed_event(&self) -> Frame {
        let data = "{\"id\":\"msg_cut\",\"object\":\"thread.message.delta\",\"delta\":{\"content\":[{\"ind";
        Frame::event("thread.message.delta", data, Mark::Other)
    }

    fn give_up(&mut self) {
        let now = self.clock.unix_seconds();
        self.with_run(|run| {
            run.fail(now);
            run.moves = [Move::Done].into();
        });
    }

    fn changes(&self) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.changed))
    }
}

impl Run {
    /// Ends the run with the error that its stream already told.
    fn fail(&mut self, now: u64) {
        self.status = RunStatus::Failed;
        self.failed_at = Some(now);
        self.expires_at = None;
        self.usage = Some(self.spent);
        self.last_error =
            json!({"code": "server_error", "message": "Sorry, something went wrong."});
    }
}

impl Drop for RunPlayer {
    fn drop(&mut self) {
        self.with_run(|run| run.next_due = Some(Instant::now()));
    }
}
