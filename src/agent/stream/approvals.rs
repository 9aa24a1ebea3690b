//! An answer in which the agent asks for approvals that the policy has decided: it goes on in a further upstream answer.

use futures_util::future::BoxFuture;

use super::{AnswerStream, ByteStream, MAX_EVENT_BYTES, UpstreamIds};
use crate::{
    agent::{Failure, FailureKind, approval::Decision},
    sse::Decoder,
};

/// Answers requests for approvals that the policy has decided; gives what the agent says then.
pub type AnswerApprovals = Box<
    dyn FnMut(Vec<Decision>, UpstreamIds) -> BoxFuture<'static, Result<ByteStream, Failure>> + Send,
>;

/// Most rounds of approvals in one answer.
const MAX_APPROVAL_ROUNDS: usize = 32;

impl AnswerStream {
    /// Answers requests for approvals with `answer`, without which they fail.
    pub fn answer_approvals_with(&mut self, answer: AnswerApprovals) {
        self.answer_approvals = Some(answer);
    }

    /// The upstream answer is over, and the agent goes on with another one.
    pub(super) fn go_on(&mut self, decisions: Vec<Decision>) {
        self.bytes = None;
        self.decoder = Decoder::new(MAX_EVENT_BYTES);
        self.ended_by_service = false;
        self.approval_rounds += 1;
        match &mut self.answer_approvals {
            Some(answer) if self.approval_rounds <= MAX_APPROVAL_ROUNDS => {
                self.going_on = Some(answer(decisions, self.translator.upstream_ids()));
            }
            _ => self.fail(Failure::new(
                FailureKind::ApprovalRequired,
                format!("the agent asked for approvals more than {MAX_APPROVAL_ROUNDS} times"),
            )),
        }
    }
}
