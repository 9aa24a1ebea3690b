//! Removes what has expired: rows, and the upstream threads and responses that they name.
//!
//! In bounded batches: what one run leaves, the next one finds. A row is taken before its upstream conversation is
//! deleted, so that of several instances one does the work, and a turn that is using the conversation wins.

use std::time::Duration;

use tokio::time::Instant;

use super::store::{Clock, ConversationStore, StoreError, Taken, Upstream};
use crate::{
    agent::model_name::project_of,
    foundry::{self, Call, projects::Projects},
};

/// Rows of one run.
const BATCH: usize = 500;
/// Time of one run; the host gives a function ten minutes.
const RUN_TIMEOUT: Duration = Duration::from_secs(120);

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were removed.
    pub rows: usize,
    /// Threads and responses that were deleted upstream, or were gone already.
    pub upstream: usize,
    /// Threads and responses that could not be deleted; their rows are gone.
    pub failed: usize,
    /// Whether there may be more to remove.
    pub more: bool,
}

/// Removes expired rows and what they name, one batch of them.
pub async fn run(
    store: &dyn ConversationStore,
    clock: &dyn Clock,
    projects: &Projects,
    request_id: &str,
) -> Result<Report, StoreError> {
    let deadline = Instant::now() + RUN_TIMEOUT;
    let call = Call {
        request_id: request_id.to_owned(),
        deadline,
    };
    let mut report = Report::default();
    let mut from = None;
    loop {
        let page = store.expired(clock.unix_seconds(), from, BATCH).await?;
        for expired in page.rows {
            if report.rows == BATCH || deadline <= Instant::now() {
                report.more = true;
                return Ok(report);
            }
            if store.take(&expired.key, &expired.version).await? == Taken::Gone {
                continue;
            }
            report.rows += 1;
            let Some(row) = expired.row else { continue };
            let project = project_of(&row.agent);
            let Some(foundry) = projects.get(project).map(|project| &project.foundry) else {
                report.failed += usize::from(!matches!(row.upstream, Upstream::Row { .. }));
                tracing::warn!(
                    project,
                    "an expired conversation is left upstream: its project is not configured any more"
                );
                continue;
            };
            let deleted = match &row.upstream {
                Upstream::Response { id } => foundry::delete_response(foundry, id, &call).await,
                Upstream::Thread { id } => foundry::delete_thread(foundry, id, &call).await,
                Upstream::Run { run, .. } => {
                    foundry::delete_thread(foundry, &run.thread_id, &call).await
                }
                Upstream::Row { .. } => continue,
            };
            match deleted {
                Ok(()) => report.upstream += 1,
                Err(failure) => {
                    report.failed += 1;
                    tracing::warn!(
                        detail = failure.detail,
                        "an expired conversation could not be deleted: {failure}"
                    );
                }
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(report),
        }
    }
}
