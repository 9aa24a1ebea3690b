//! What the fuzz targets reach of this dialect.

use super::{from_turn, to_events::ResponsesTranslator};
use crate::{
    agent::{Translator, Turn},
    config::approvals::ApprovalPolicy,
};

/// Reads the events of a new agent, for a client that is `streamed` to or not.
pub(crate) fn translator(approvals: ApprovalPolicy, streamed: bool) -> Box<dyn Translator> {
    Box::new(ResponsesTranslator::new(approvals, None, streamed))
}

/// The body of the request for a turn.
pub(crate) fn request(turn: &Turn) -> serde_json::Result<String> {
    serde_json::to_string(&from_turn::create_response("helper", None, turn, None))
}
