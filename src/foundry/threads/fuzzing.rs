//! What the fuzz targets reach of this dialect.

use super::{
    from_turn::{self, RunMaker},
    to_events::ThreadsTranslator,
};
use crate::{
    agent::{Definition, Translator, Turn},
    config::approvals::ApprovalPolicy,
};

/// Reads the events of a classic agent.
pub(crate) fn translator(approvals: ApprovalPolicy) -> Box<dyn Translator> {
    Box::new(ThreadsTranslator::new(approvals))
}

/// The bodies of the requests for a turn: what comes first the client's text stands in.
pub(crate) fn requests(turn: &Turn, own: &Definition) -> serde_json::Result<Vec<String>> {
    let run = RunMaker {
        assistant_id: "asst_1",
        turn,
        own: Some(own),
    };
    let instructions = from_turn::instructions(turn);
    Ok(match instructions.as_deref() {
        None => vec![serde_json::to_string(&run.with_thread())?],
        Some(instructions) => vec![
            serde_json::to_string(&run.on_new_thread(instructions))?,
            serde_json::to_string(&from_turn::create_thread(turn))?,
        ],
    })
}

/// The bodies for a turn that continues another, and for one that brings the results of calls.
pub(crate) fn continuing(turn: &Turn, own: &Definition) -> serde_json::Result<[String; 2]> {
    let run = RunMaker {
        assistant_id: "asst_1",
        turn,
        own: Some(own),
    };
    let instructions = from_turn::instructions(turn);
    Ok([
        serde_json::to_string(&run.continuing(instructions.as_deref()))?,
        serde_json::to_string(&from_turn::submission(turn))?,
    ])
}
