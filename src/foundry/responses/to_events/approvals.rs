//! Requests for approvals in the output of a response. Pure.

use std::collections::VecDeque;

use super::{OutputItem, ResponsesTranslator};
use crate::{
    agent::{
        End, Event,
        approval::{ApprovalRequest, Decision},
        turn::ToolCall,
    },
    config::approvals::Verdict,
    foundry::failures,
};

impl ResponsesTranslator {
    /// Decides about a request for an approval, or has the client or nobody decide.
    pub(super) fn judge(
        &mut self,
        output_index: u64,
        item: &OutputItem,
        events: &mut VecDeque<Event>,
    ) {
        let request = ApprovalRequest {
            id: item.id.clone(),
            server_label: item.server_label.clone(),
            tool: item.name.clone(),
            arguments: item.arguments.clone(),
        };
        match self.approvals.verdict(&item.server_label, &item.name) {
            Verdict::Decided { approve } => self.decided.push(Decision { request, approve }),
            Verdict::Surface => self.ask_client(output_index, &request, events),
            Verdict::Fail => {
                let failure = failures::approval_required([request.label().as_str()]);
                events.push_back(Event::End(End::Failed(failure)));
            }
        }
    }

    fn ask_client(
        &mut self,
        output_index: u64,
        request: &ApprovalRequest,
        events: &mut VecDeque<Event>,
    ) {
        let ToolCall {
            call_id,
            name,
            arguments,
        } = request.to_call();
        let item = OutputItem {
            call_id,
            name,
            ..OutputItem::default()
        };
        self.start(events);
        self.open_call(output_index, &item, events);
        self.push_arguments(output_index, arguments, events);
    }

    /// The decisions to go on with, if there are any. All that a response asks for is answered at once: where the
    /// client has to answer something, it is asked about everything.
    pub(super) fn take_decisions(&mut self, events: &mut VecDeque<Event>) -> Option<Vec<Decision>> {
        let decided = std::mem::take(&mut self.decided);
        if self.calls.is_empty() {
            return (!decided.is_empty()).then_some(decided);
        }
        for decision in decided {
            // No item has this place, so that nothing else is taken for a part of the call.
            let output_index = u64::MAX - self.calls.len() as u64;
            self.ask_client(output_index, &decision.request, events);
        }
        None
    }
}
