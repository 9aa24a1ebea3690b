//! What agents are made of, read when a turn has to be run with it, kept, and refreshed in the background.

mod read;
mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use self::read::of_json;
use super::client::{Call, Foundry};
use crate::agent::{AgentReference, Definition, Failure, FailureKind};

/// Why an agent's definition cannot be overridden, to be put between brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOverridable(pub String);

/// What reading an agent gave.
type Outcome = Result<Arc<Definition>, NotOverridable>;

/// The agents that were read.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    agents: Mutex<HashMap<AgentReference, Arc<Slot>>>,
}

/// One agent, or one version of it.
#[derive(Debug, Default)]
struct Slot {
    read: ArcSwapOption<Read>,
    /// Held by whoever reads the agent, so that it is read once at a time.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Read {
    outcome: Outcome,
    at: Instant,
}

/// Age from which an agent is read anew in the background: as long may a new version of it, or its being switched
/// off, go unnoticed.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Age from which a request waits for that.
const SERVED_FOR: Duration = Duration::from_mins(5);
/// Bounds the reading of one agent.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Most agents and versions that are kept.
const MAX_AGENTS: usize = 1024;

/// The definition of an agent. Only the first call waits for the service, and one after a long silence.
pub(super) async fn read(
    foundry: &Arc<Foundry>,
    agent: &AgentReference,
    call: &Call,
) -> Result<Outcome, Failure> {
    let slot = foundry.definitions.slot(agent);
    match slot.read.load_full() {
        Some(read) if read.at.elapsed() < SERVED_FOR => {
            if FRESH_FOR <= read.at.elapsed() {
                refresh_in_background(foundry, slot, agent, &call.request_id);
            }
            Ok(read.outcome.clone())
        }
        _ => slot.read_once(foundry, agent, call).await,
    }
}

impl Definitions {
    fn slot(&self, agent: &AgentReference) -> Arc<Slot> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if MAX_AGENTS <= agents.len() && !agents.contains_key(agent) {
            // Reading them again costs a call each; so many are not in use at once.
            agents.clear();
        }
        Arc::clone(agents.entry(agent.clone()).or_default())
    }
}

impl Slot {
    /// Reads the agent, unless somebody else has done so while this waited.
    async fn read_once(
        &self,
        foundry: &Foundry,
        agent: &AgentReference,
        call: &Call,
    ) -> Result<Outcome, Failure> {
        let _one_at_a_time = self.reading.lock().await;
        if let Some(read) = self.read.load_full()
            && read.at.elapsed() < FRESH_FOR
        {
            return Ok(read.outcome.clone());
        }
        let call = Call {
            deadline: call.deadline.min(Instant::now() + READ_TIMEOUT),
            ..call.clone()
        };
        match read::definition(foundry, agent, &call).await {
            Ok(outcome) => {
                self.read.store(Some(Arc::new(Read {
                    outcome: outcome.clone(),
                    at: Instant::now(),
                })));
                Ok(outcome)
            }
            Err(failure) => {
                if failure.kind == FailureKind::AgentNotFound {
                    self.read.store(None);
                }
                Err(failure)
            }
        }
    }
}

fn refresh_in_background(
    foundry: &Arc<Foundry>,
    slot: Arc<Slot>,
    agent: &AgentReference,
    request_id: &str,
) {
    if slot.reading.try_lock().is_err() {
        return;
    }
    let keeper = Arc::clone(foundry);
    let agent = agent.clone();
    let call = Call {
        request_id: request_id.to_owned(),
        deadline: Instant::now() + READ_TIMEOUT,
    };
    foundry.tasks.spawn(async move {
        let read = slot.read_once(&keeper, &agent, &call);
        if let Err(failure) = read.await {
            tracing::warn!(
                %agent,
                detail = failure.detail,
                "the agent's definition could not be read anew: {failure}"
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_agents_are_kept_and_no_more() {
        let definitions = Definitions::default();
        let agent = |number: usize| AgentReference::New {
            name: format!("agent-{number}"),
            version: None,
        };
        let kept = || definitions.agents.lock().unwrap().len();
        for number in 0..MAX_AGENTS {
            definitions.slot(&agent(number));
        }
        definitions.slot(&agent(0));
        assert_eq!(kept(), MAX_AGENTS);
        let one_more = definitions.slot(&agent(MAX_AGENTS));
        assert_eq!(kept(), 1);
        assert!(Arc::ptr_eq(
            &one_more,
            &definitions.slot(&agent(MAX_AGENTS))
        ));
    }
}
