//! [`Turn`] to a Responses request. Pure.

use std::borrow::Cow;

use super::{
    inline,
    wire::{AgentReference, Answerer, CreateResponse, InputContent, InputFile, InputItem, Role},
};
use crate::{
    agent::{
        Head, Message, Turn, UserPart,
        approval::{self, ApprovalRequest},
        turn::ToolCall,
    },
    config::endpoint::EndpointKind,
};

/// Where the request goes: the project's endpoint, or the agent's own.
pub(super) fn path(name: &str, version: Option<&str>, turn: &Turn) -> Cow<'static, str> {
    if goes_to_agent(version, turn) && turn.definition.is_none() {
        format!("/agents/{name}/endpoint/protocols/openai/responses?api-version=v1").into()
    } else {
        "/openai/v1/responses".into()
    }
}

/// An agent's own endpoint knows no version but the one it picks.
fn goes_to_agent(version: Option<&str>, turn: &Turn) -> bool {
    turn.endpoint.by == EndpointKind::Agent && version.is_none()
}

/// The whole history as typed items, instructions as developer messages where the client put them.
pub(super) fn create_response<'a>(
    name: &'a str,
    version: Option<&'a str>,
    turn: &'a Turn,
    store: Option<bool>,
) -> CreateResponse<'a> {
    let mut input = Vec::with_capacity(turn.messages.len());
    for message in &turn.messages {
        push_items(message, &mut input);
    }
    CreateResponse {
        answerer: match &turn.definition {
            None if goes_to_agent(version, turn) => Answerer::Itself {},
            None => Answerer::Agent {
                agent_reference: AgentReference { name, version },
            },
            Some(definition) => {
                Answerer::Model(Box::new(inline::model(definition, &turn.overrides)))
            }
        },
        input,
        stream: true,
        previous_response_id: match &turn.continues {
            Some(Head::Response(id)) => Some(id),
            _ => None,
        },
        agent_session_id: turn.session.as_deref(),
        store,
        max_output_tokens: turn.max_output_tokens,
        metadata: &turn.metadata,
    }
}

fn content(part: &UserPart) -> InputContent<'_> {
    match part {
        UserPart::Text(text) => InputContent::InputText { text },
        UserPart::Image { url, detail } => InputContent::InputImage {
            image_url: url,
            detail: detail.as_deref(),
        },
        UserPart::File(file) => InputContent::InputFile(InputFile::Uploaded { file_id: file.id() }),
        UserPart::FileContent { name, data } => InputContent::InputFile(InputFile::Content {
            filename: name,
            file_data: data,
        }),
    }
}

fn push_items<'a>(message: &'a Message, input: &mut Vec<InputItem<'a>>) {
    match message {
        Message::Instruction { text } => input.push(InputItem::Message {
            role: Role::Developer,
            content: vec![InputContent::InputText { text }],
        }),
        Message::User { parts } => input.push(InputItem::Message {
            role: Role::User,
            content: parts.iter().map(content).collect(),
        }),
        Message::Assistant { text, tool_calls } => {
            if let Some(text) = text {
                input.push(InputItem::Message {
                    role: Role::Assistant,
                    content: vec![InputContent::OutputText {
                        text,
                        annotations: [],
                    }],
                });
            }
            input.extend(tool_calls.iter().map(call_item));
        }
        Message::ToolResult { call_id, output } => input.push(result_item(call_id, output)),
    }
}

fn result_item<'a>(call_id: &'a str, output: &'a str) -> InputItem<'a> {
    match approval::request_id(call_id) {
        Some(approval_request_id) => InputItem::McpApprovalResponse {
            approval_request_id,
            approve: approval::is_yes(output),
        },
        None => InputItem::FunctionCallOutput { call_id, output },
    }
}

fn call_item(call: &ToolCall) -> InputItem<'_> {
    match ApprovalRequest::of_call(call) {
        Some(request) => InputItem::McpApprovalRequest {
            id: request.id,
            server_label: request.server_label,
            name: request.tool,
            arguments: request.arguments,
        },
        None => InputItem::FunctionCall {
            call_id: &call.call_id,
            name: &call.name,
            arguments: &call.arguments,
        },
    }
}

#[cfg(test)]
mod tests;
