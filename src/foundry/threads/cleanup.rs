//! Ends what a classic turn leaves behind: a run that nobody waits for, and the thread.
//!
//! Best effort, in the background: a process killed before it is done leaves a thread without a reader.

use std::{sync::Arc, time::Duration};

use http::Method;
use tokio::time::Instant;

use super::{API_VERSION, uploads};
use crate::{
    agent::{
        Failure,
        stream::{LeftState, Leftover, UpstreamIds},
        turn::WaitingRun,
    },
    foundry::client::{Call, Foundry, UpstreamRequest, read_rest},
};

/// Time for cancelling and deleting together.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(20);

/// Owns a thread until the turn is over; dropping it ends the turn, whatever the reason.
#[derive(Debug)]
pub(super) struct ThreadOwner {
    foundry: Arc<Foundry>,
    request_id: String,
    /// The thread outlives a turn that ends well, so that it can be continued.
    keep: bool,
    thread_id: Option<String>,
    /// The thread was there before this turn, and may hold files of earlier messages.
    inherited: bool,
    /// Files that came inside this turn's messages.
    files: Vec<String>,
}

impl ThreadOwner {
    pub(super) fn new(foundry: Arc<Foundry>, request_id: String, keep: bool) -> Self {
        Self {
            foundry,
            request_id,
            keep,
            thread_id: None,
            inherited: false,
            files: Vec::new(),
        }
    }

    /// Takes over a thread of earlier turns.
    pub(super) fn inherit(&mut self, thread_id: &str) {
        self.own(thread_id);
        self.inherited = true;
    }

    /// Takes over a file, which is deleted with the thread.
    pub(super) fn own_file(&mut self, file_id: &str) {
        self.files.push(file_id.to_owned());
    }

    /// Takes over a thread that was created by a call of its own.
    pub(super) fn own(&mut self, thread_id: &str) {
        self.thread_id = Some(thread_id.to_owned());
    }

    /// Leaves the thread to whoever has a run on it.
    pub(super) fn leave(&mut self) {
        self.thread_id = None;
    }

    /// Ends the turn after its stream.
    pub(super) fn end(mut self, leftover: Leftover) {
        if self.keep && leftover.state != LeftState::Unusable {
            self.thread_id = None;
            self.files.clear();
            self.foundry.keep_connection(leftover);
            return;
        }
        let thread_id = self
            .thread_id
            .take()
            .or_else(|| leftover.ids.thread_id.clone());
        let files = std::mem::take(&mut self.files);
        self.clean_up(
            files,
            UpstreamIds {
                thread_id,
                ..leftover.ids.clone()
            },
            leftover,
        );
    }

    fn clean_up(&self, mut files: Vec<String>, ids: UpstreamIds, leftover: Leftover) {
        if ids.thread_id.is_none() && files.is_empty() {
            self.foundry.keep_connection(leftover);
            return;
        }
        let inherited = self.inherited;
        let call = Call {
            request_id: self.request_id.clone(),
            deadline: Instant::now() + CLEANUP_TIMEOUT,
        };
        let foundry = Arc::clone(&self.foundry);
        let is_over = leftover.ended_by_service && leftover.state != LeftState::AwaitingToolResults;
        let running = ids.run_id.filter(|_| !is_over);
        self.foundry.tasks.spawn(async move {
            if let (Some(thread_id), Some(run_id)) = (&ids.thread_id, running) {
                request(
                    &foundry,
                    Method::POST,
                    &format!("/threads/{thread_id}/runs/{run_id}/cancel"),
                    &call,
                )
                .await;
            }
            if let Some(rest) = leftover.rest {
                read_rest(rest).await;
            }
            if let Some(thread_id) = ids.thread_id {
                if inherited {
                    files.extend(uploads::of_thread(&foundry, &thread_id, &call).await);
                    files.sort_unstable();
                    files.dedup();
                }
                let path = format!("/threads/{thread_id}");
                request(&foundry, Method::DELETE, &path, &call).await;
            }
            uploads::delete(&foundry, &files, &call).await;
        });
    }
}

impl Drop for ThreadOwner {
    fn drop(&mut self) {
        let files = std::mem::take(&mut self.files);
        let thread_id = self.thread_id.take();
        if thread_id.is_some() || !files.is_empty() {
            let ids = UpstreamIds {
                thread_id,
                ..UpstreamIds::default()
            };
            let nothing_left = Leftover {
                ids: UpstreamIds::default(),
                ended_by_service: true,
                state: LeftState::Unusable,
                rest: None,
            };
            self.clean_up(files, ids, nothing_left);
        }
    }
}

/// Ends a run that waits for results which will not come, and deletes its thread.
pub(in crate::foundry) async fn end_run(
    foundry: &Foundry,
    run: &WaitingRun,
    call: &Call,
) -> Result<(), Failure> {
    let WaitingRun { thread_id, run_id } = run;
    let path = format!("/threads/{thread_id}/runs/{run_id}/cancel");
    request(foundry, Method::POST, &path, call).await;
    crate::foundry::delete_thread(foundry, thread_id, call).await
}

async fn request(foundry: &Foundry, method: Method, path: &str, call: &Call) {
    let path = format!("{path}?{API_VERSION}");
    let request = UpstreamRequest {
        method,
        path: &path,
        body: None,
        features: None,
    };
    if let Err(failure) = foundry.send(request, call).await {
        tracing::warn!(
            request.id = call.request_id,
            path,
            detail = failure.detail,
            "cleaning up after a classic agent failed: {failure}"
        );
    }
}
