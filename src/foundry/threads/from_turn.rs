//! [`Turn`] to threads and runs. Pure.

use std::borrow::Cow;

use super::{
    client_tools,
    wire::{
        Attachment, AttachmentTool, ContentBlock, CreateRun, CreateThread, CreateThreadAndRun,
        ImageUrl, JsonSchema, ResponseFormat, Role, SubmitToolOutputs, ThreadMessage, ToolApproval,
        ToolOutput,
    },
};
use crate::agent::{
    Definition, Failure, FailureKind, Message, Overrides, Turn, UserPart, approval,
    file::UpstreamFile, overrides, turn::ToolCall,
};

/// Most messages of a thread (limits page of the service).
const MAX_MESSAGES: usize = 100_000;
/// Most characters of one message (limits page of the service).
const MAX_MESSAGE_CHARACTERS: usize = 1_500_000;
/// Endings of names of documents that file search takes.
const SEARCHED: [&str; 10] = [
    "doc", "docx", "htm", "html", "md", "pdf", "pptx", "rtf", "tex", "txt",
];

/// Refuses what the service would refuse only after having received it all.
pub(super) fn check_size(turn: &Turn) -> Result<(), Failure> {
    let too_large = |what: String| Failure::new(FailureKind::InvalidRequest, what);
    if MAX_MESSAGES < turn.messages.len() {
        return Err(too_large(format!(
            "a classic agent takes at most {MAX_MESSAGES} messages"
        )));
    }
    for (index, message) in messages(turn).iter().enumerate() {
        let characters: usize = message
            .content
            .iter()
            .map(|block| text_of(block).len())
            .sum();
        // Bytes bound characters from above, so that counting is needed only near the limit.
        if MAX_MESSAGE_CHARACTERS < characters && MAX_MESSAGE_CHARACTERS < count_characters(message)
        {
            return Err(too_large(format!(
                "message {index} is longer than the {MAX_MESSAGE_CHARACTERS} characters that a classic agent takes"
            )));
        }
    }
    Ok(())
}

fn text_of<'a>(block: &'a ContentBlock<'_>) -> &'a str {
    match block {
        ContentBlock::Text { text } => text,
        ContentBlock::ImageUrl { .. } => "",
    }
}

fn count_characters(message: &ThreadMessage<'_>) -> usize {
    message
        .content
        .iter()
        .map(|block| text_of(block).chars().count())
        .sum()
}

/// All system and developer text in order, if there is any: threads have no such role.
pub(super) fn instructions(turn: &Turn) -> Option<String> {
    let texts: Vec<_> = turn
        .instructions()
        .filter(|text| !text.is_empty())
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

pub(super) fn create_thread(turn: &Turn) -> CreateThread<'_> {
    CreateThread {
        messages: messages(turn),
    }
}

/// The results of the turn for the run that waits for them.
pub(super) fn submission(turn: &Turn) -> SubmitToolOutputs<'_> {
    let mut submission = SubmitToolOutputs {
        tool_outputs: Vec::new(),
        tool_approvals: Vec::new(),
        stream: true,
    };
    for message in &turn.messages {
        let Message::ToolResult { call_id, output } = message else {
            continue;
        };
        match approval::request_id(call_id) {
            Some(tool_call_id) => submission.tool_approvals.push(ToolApproval {
                tool_call_id,
                approve: approval::is_yes(output),
            }),
            None => submission.tool_outputs.push(ToolOutput {
                tool_call_id: call_id,
                output,
            }),
        }
    }
    submission
}

/// Makes the run of a turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunMaker<'a> {
    pub(super) assistant_id: &'a str,
    pub(super) turn: &'a Turn,
    /// The agent as it is made, where the client offers tools beside its own.
    pub(super) own: Option<&'a Definition>,
}

impl<'a> RunMaker<'a> {
    /// The thread with it, in one call.
    pub(super) fn with_thread(self) -> CreateThreadAndRun<'a> {
        CreateThreadAndRun {
            thread: create_thread(self.turn),
            run: self.run(None),
        }
    }

    /// On a thread that was created with the conversation.
    pub(super) fn on_new_thread(self, instructions: &'a str) -> CreateRun<'a> {
        self.run(Some(instructions))
    }

    /// On a thread that exists, to which it adds what is new.
    pub(super) fn continuing(self, instructions: Option<&'a str>) -> CreateRun<'a> {
        CreateRun {
            additional_messages: messages(self.turn),
            ..self.run(instructions)
        }
    }

    fn run(self, additional_instructions: Option<&'a str>) -> CreateRun<'a> {
        let Overrides {
            instructions,
            temperature,
            top_p,
            max_prompt_tokens,
            truncation_strategy,
            response_format,
            parallel_tool_calls,
            ..
        } = &self.turn.overrides;
        CreateRun {
            assistant_id: self.assistant_id,
            stream: true,
            instructions: instructions.as_deref(),
            additional_instructions,
            additional_messages: Vec::new(),
            temperature: *temperature,
            top_p: *top_p,
            max_completion_tokens: self.turn.max_output_tokens,
            max_prompt_tokens: *max_prompt_tokens,
            truncation_strategy: truncation_strategy.as_ref(),
            response_format: response_format.as_ref().map(format),
            tools: self
                .own
                .map(|own| client_tools::merged(own, &self.turn.overrides))
                .unwrap_or_default(),
            tool_choice: client_tools::choice(&self.turn.overrides),
            parallel_tool_calls: *parallel_tool_calls,
            metadata: &self.turn.metadata,
        }
    }
}

fn format(format: &overrides::ResponseFormat) -> ResponseFormat<'_> {
    match format {
        overrides::ResponseFormat::JsonObject => ResponseFormat::JsonObject,
        overrides::ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => ResponseFormat::JsonSchema {
            json_schema: JsonSchema {
                name,
                description: description.as_deref(),
                schema,
                strict: *strict,
            },
        },
    }
}

/// The conversation as users and assistants; tool calls and their results, which threads cannot hold, as text.
fn messages(turn: &Turn) -> Vec<ThreadMessage<'_>> {
    let mut messages: Vec<ThreadMessage<'_>> = Vec::new();
    let mut after_result = false;
    for said in turn.conversation() {
        let is_result = matches!(said, Message::ToolResult { .. });
        match (message(said), messages.last_mut()) {
            // The results of one step are one contribution, as they are to a run.
            (Some(result), Some(last)) if is_result && after_result => {
                last.content.extend(result.content);
            }
            (message, _) => messages.extend(message),
        }
        after_result = is_result;
    }
    messages
}

fn message(message: &Message) -> Option<ThreadMessage<'_>> {
    let text = |text: Cow<'_, str>| ContentBlock::Text {
        text: text.into_owned().into(),
    };
    match message {
        Message::Instruction { .. } => None,
        Message::User { parts } => Some(ThreadMessage {
            role: Role::User,
            content: parts.iter().filter_map(block).collect(),
            attachments: parts.iter().filter_map(attachment).collect(),
        }),
        Message::Assistant {
            text: said,
            tool_calls,
        } => {
            let mut content: Vec<_> = said
                .iter()
                .map(|said| ContentBlock::Text { text: said.into() })
                .collect();
            content.extend(
                tool_calls
                    .iter()
                    .map(|call| text(call_as_text(call).into())),
            );
            (!content.is_empty()).then_some(ThreadMessage {
                role: Role::Assistant,
                content,
                attachments: Vec::new(),
            })
        }
        Message::ToolResult { call_id, output } => Some(ThreadMessage {
            role: Role::User,
            content: vec![text(
                format!("[Result of the tool call {call_id}]\n{output}").into(),
            )],
            attachments: Vec::new(),
        }),
    }
}

fn block(part: &UserPart) -> Option<ContentBlock<'_>> {
    match part {
        UserPart::Text(text) => Some(ContentBlock::Text { text: text.into() }),
        UserPart::Image { url, detail } => Some(ContentBlock::ImageUrl {
            image_url: ImageUrl {
                url,
                detail: detail.as_deref(),
            },
        }),
        UserPart::File(_) | UserPart::FileContent { .. } => None,
    }
}

/// Documents are searched, everything else is read by code.
fn attachment(part: &UserPart) -> Option<Attachment<'_>> {
    let UserPart::File(file) = part else {
        return None;
    };
    let name = match file {
        UpstreamFile::OpenAi { name, .. } => name.as_str(),
        _ => "",
    };
    let ending = name.rsplit('.').next().unwrap_or_default();
    let tool = if SEARCHED.contains(&ending.to_ascii_lowercase().as_str()) {
        AttachmentTool::FileSearch
    } else {
        AttachmentTool::CodeInterpreter
    };
    Some(Attachment {
        file_id: file.id(),
        tools: [tool],
    })
}

fn call_as_text(call: &ToolCall) -> String {
    format!(
        "[Tool call {}] {}({})",
        call.call_id, call.name, call.arguments
    )
}

#[cfg(test)]
mod tests;
