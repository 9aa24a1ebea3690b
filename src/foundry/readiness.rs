//! Whether the service can be reached with the gateway's identity.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tokio::{sync::Mutex, time::Instant};

use super::{Foundry, directory::Directory};
use crate::{agent::FailureKind, identity::StaticToken};

/// Looks at the service, and believes what it saw for a while, so that probes do not become load.
#[derive(Debug)]
pub struct Readiness {
    directory: Arc<Directory>,
    last: ArcSwapOption<Look>,
    /// Held by whoever looks, so that many probes look once.
    looking: Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    problem: Option<FailureKind>,
    at: Instant,
}

/// How long a look is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(10);
/// Bounds a look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

impl Readiness {
    /// Looks through `directory`.
    pub fn new(directory: Arc<Directory>) -> Self {
        Self {
            directory,
            last: ArcSwapOption::empty(),
            looking: Mutex::new(()),
        }
    }

    /// Looks whether the service answers at all: where callers act with their own tokens, the gateway's identity says
    /// nothing about them, and a refusal is an answer.
    pub fn without_identity(directory: &Directory, foundry: &Foundry) -> Self {
        let nobody = Arc::new(StaticToken::nobody());
        let foundry = Arc::new(foundry.on_behalf_of(nobody));
        Self::new(Arc::new(directory.on_behalf_of(foundry)))
    }

    /// What is wrong, if anything is; its detail is in the log.
    pub async fn problem(&self, request_id: &str) -> Option<FailureKind> {
        if let Some(look) = self.believed() {
            return look.problem;
        }
        let _one_at_a_time = self.looking.lock().await;
        if let Some(look) = self.believed() {
            return look.problem;
        }
        let problem = self.look(request_id).await;
        self.last.store(Some(Arc::new(Look {
            problem,
            at: Instant::now(),
        })));
        problem
    }

    fn believed(&self) -> Option<Look> {
        let last = self.last.load_full()?;
        (last.at.elapsed() < BELIEVED_FOR).then_some(*last)
    }

    async fn look(&self, request_id: &str) -> Option<FailureKind> {
        let checked = tokio::time::timeout(LOOK_TIMEOUT, self.directory.check(request_id)).await;
        let (kind, detail) = match checked {
            Ok(Ok(())) => return None,
            Ok(Err(failure)) if failure.kind == FailureKind::CallerTokenRejected => return None,
            Ok(Err(failure)) => (failure.kind, failure.detail.unwrap_or(failure.message)),
            Err(_) => (
                FailureKind::TimedOut,
                "no answer within the limit".to_owned(),
            ),
        };
        tracing::warn!(request.id = request_id, detail, "not ready");
        Some(kind)
    }
}
