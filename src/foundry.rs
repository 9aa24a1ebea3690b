//! The Foundry Agent Service, as a client sees it.
//!
//! [`answer`] lets an agent answer: new agents in [`responses`], classic ones in [`threads`].
//! [`client`] sends over [`connections`], [`retry`] says what may be sent again, [`failures`] reads what went wrong.
//! [`directory`] lists the agents, [`definition`] reads what one is made of, [`readiness`] tells whether the service can be used,
//! for each of [`projects`].

pub mod client;
pub mod connections;
mod definitions;
pub mod directory;
mod failures;
pub mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod http_client;
mod lenient;
pub mod projects;
pub mod readiness;
mod responses;
mod retry;
mod threads;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

pub use self::{
    client::{Call, Foundry},
    definitions::NotOverridable,
};
use crate::agent::{AgentReference, AnswerStream, Definition, Failure, Head, Turn};

/// Time for [`forget`].
const FORGET_TIMEOUT: Duration = Duration::from_secs(20);

/// Deletes a stored response; that it is gone already is success.
pub async fn delete_response(foundry: &Foundry, id: &str, call: &Call) -> Result<(), Failure> {
    foundry
        .delete(&format!("/openai/v1/responses/{id}"), call)
        .await
}

/// Deletes a thread and the files that came inside its messages; that it is gone already is success.
pub async fn delete_thread(foundry: &Foundry, id: &str, call: &Call) -> Result<(), Failure> {
    threads::delete(foundry, id, call).await
}

/// Deletes, in the background, what nothing will continue. A failure is only logged.
pub fn forget(foundry: &Arc<Foundry>, left: Head, request_id: String) {
    let call = Call {
        request_id,
        deadline: Instant::now() + FORGET_TIMEOUT,
    };
    let forgetting = Arc::clone(foundry);
    foundry.tasks.spawn(async move {
        let deleted = match &left {
            Head::Response(id) => delete_response(&forgetting, id, &call).await,
            Head::Thread(id) => delete_thread(&forgetting, id, &call).await,
            Head::Run(run) => threads::end_run(&forgetting, run, &call).await,
        };
        if let Err(failure) = deleted {
            tracing::warn!(
                request.id = call.request_id,
                detail = failure.detail,
                "what nothing will continue could not be deleted upstream: {failure}"
            );
        }
    });
}

/// What a new agent is made of, or why a turn cannot be run with that. Known agents cost no call.
pub async fn definition(
    foundry: &Arc<Foundry>,
    name: &str,
    version: Option<&str>,
    call: &Call,
) -> Result<Result<Arc<Definition>, NotOverridable>, Failure> {
    let agent = AgentReference::New {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    };
    definitions::read(foundry, &agent, call).await
}

/// Lets `agent` answer `turn`; what comes back is the answer as it arrives.
pub async fn answer(
    foundry: &Arc<Foundry>,
    agent: &AgentReference,
    turn: &Turn,
    call: &Call,
) -> Result<Box<AnswerStream>, Failure> {
    match agent {
        AgentReference::New { name, version } => {
            responses::answer(foundry, name, version.as_deref(), turn, call).await
        }
        AgentReference::Classic { assistant_id } => {
            // Boxed, because it is the longest, and would make every turn of a new agent as large.
            Box::pin(threads::answer(foundry, assistant_id, turn, call)).await
        }
    }
}
