//! Ends what a classic turn leaves behind: a run that nobody waits for, and the thread.
//!
//! Best effort, in the background: a process killed before it is done leaves a thread without a reader.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use http::Method;
use tokio::time::Instant;

use super::API_VERSION;
use crate::{
    agent::{
        Failure,
        stream::{LeftState, Leftover, UpstreamIds},
        turn::WaitingRun,
    },
    foundry::client::{Call, Foundry, UpstreamRequest},
};

/// Time for cancelling and deleting together.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for the few events that may follow the terminal one.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Owns a thread until the turn is over; dropping it ends the turn, whatever the reason.
#[derive(Debug)]
pub(super) struct ThreadOwner {
    foundry: Arc<Foundry>,
    request_id: String,
    /// The thread outlives a turn that ends well, so that it can be continued.
    keep: bool,
    thread_id: Option<String>,
}

impl ThreadOwner {
    pub(super) fn new(foundry: Arc<Foundry>, request_id: String, keep: bool) -> Self {
        Self {
            foundry,
            request_id,
            keep,
            thread_id: None,
        }
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
            self.foundry.keep_connection(leftover);
            return;
        }
        let thread_id = self
            .thread_id
            .take()
            .or_else(|| leftover.ids.thread_id.clone());
        self.clean_up(
            UpstreamIds {
                thread_id,
                ..leftover.ids.clone()
            },
            leftover,
        );
    }

    fn clean_up(&self, ids: UpstreamIds, leftover: Leftover) {
        let Some(thread_id) = ids.thread_id else {
            self.foundry.keep_connection(leftover);
            return;
        };
        let call = Call {
            request_id: self.request_id.clone(),
            deadline: Instant::now() + CLEANUP_TIMEOUT,
        };
        let foundry = Arc::clone(&self.foundry);
        let is_over = leftover.ended_by_service && leftover.state != LeftState::AwaitingToolResults;
        let running = ids.run_id.filter(|_| !is_over);
        self.foundry.tasks.spawn(async move {
            if let Some(run_id) = running {
                request(
                    &foundry,
                    Method::POST,
                    &format!("/threads/{thread_id}/runs/{run_id}/cancel"),
                    &call,
                )
                .await;
            }
            if let Some(mut rest) = leftover.rest {
                let drained = async { while rest.next().await.is_some() {} };
                drop(tokio::time::timeout(DRAIN_TIMEOUT, drained).await);
            }
            request(
                &foundry,
                Method::DELETE,
                &format!("/threads/{thread_id}"),
                &call,
            )
            .await;
        });
    }
}

impl Drop for ThreadOwner {
    fn drop(&mut self) {
        if let Some(thread_id) = self.thread_id.take() {
            let ids = UpstreamIds {
                thread_id: Some(thread_id),
                ..UpstreamIds::default()
            };
            let nothing_left = Leftover {
                ids: UpstreamIds::default(),
                ended_by_service: true,
                state: LeftState::Unusable,
                rest: None,
            };
            self.clean_up(ids, nothing_left);
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
