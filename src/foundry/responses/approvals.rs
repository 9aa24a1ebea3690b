//! Answers requests for approvals that the policy has decided: one more call, on the response that asks.

use std::sync::{Arc, atomic::Ordering};

use super::create;
use crate::{
    agent::{
        Failure, Head, Turn,
        approval::{self, Decision},
        stream::{AnswerApprovals, ByteStream, UpstreamIds},
    },
    foundry::client::{Call, Foundry, byte_stream},
    telemetry::Carried,
};

/// The agent, as the service names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agent<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
}

/// What every call for one answer shares.
#[derive(Debug, Clone)]
struct Answering {
    foundry: Arc<Foundry>,
    name: String,
    version: Option<String>,
    /// What is sent next: the turn so far where the service keeps nothing, else only what it does not know yet.
    turn: Turn,
    call: Call,
}

/// Answers the requests of `turn`.
pub(super) fn answer_with(
    foundry: &Arc<Foundry>,
    agent: Agent<'_>,
    turn: &Turn,
    call: &Call,
) -> AnswerApprovals {
    let mut answering = Answering {
        foundry: Arc::clone(foundry),
        name: agent.name.to_owned(),
        version: agent.version.map(str::to_owned),
        turn: turn.clone(),
        call: call.clone(),
    };
    let of_turn = Carried::current();
    Box::new(move |decisions, ids| {
        answering.add(&decisions, ids);
        Box::pin(of_turn.clone().around(answering.clone().send()))
    })
}

impl Answering {
    fn add(&mut self, decisions: &[Decision], ids: UpstreamIds) {
        let (asked, answers) = approval::as_messages(decisions);
        self.turn.session = ids.session;
        if let Some(id) = ids.run_id.filter(|_| self.turn.keep) {
            self.turn.continues = Some(Head::Response(id));
            self.turn.messages = answers;
        } else {
            self.turn.messages.push(asked);
            self.turn.messages.extend(answers);
        }
    }

    async fn send(self) -> Result<ByteStream, Failure> {
        let keeps_nothing = !self.turn.keep && !self.foundry.refuses_store.load(Ordering::Relaxed);
        let store = keeps_nothing.then_some(false);
        let version = self.version.as_deref();
        let response = create(
            &self.foundry,
            &self.name,
            version,
            &self.turn,
            &self.call,
            store,
        );
        Ok(byte_stream(response.await?))
    }
}
