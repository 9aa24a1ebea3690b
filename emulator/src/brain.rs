//! The thinking of the default agent: plain rules over the conversation it was given, so that a test can drive it.
//!
//! In order: an output of a tool becomes a text that quotes it; a forced tool choice is obeyed; known sentences
//! ("repeat exactly: T", "What is my name?", "please fail in the middle") get their answer; a question about the
//! subject of an offered tool calls it ("A, then B" in two steps); everything else is quoted back. A requested JSON format wins over any text.
//! Nothing here knows a clock, a random number or a wire format.

mod places;
mod schema;
mod sentences;
mod tools;
mod words;

use serde_json::Value;

pub(crate) use self::schema::instance;
pub(crate) use self::words::{count, pieces};

/// What the agent knows when it answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversation {
    /// The agent's own instructions and those of the request, in order.
    pub(crate) instructions: Vec<String>,
    /// What was said, oldest first.
    pub(crate) turns: Vec<Turn>,
    /// The function tools on offer.
    pub(crate) tools: Vec<FunctionTool>,
    /// Which tool must or may be called.
    pub(crate) choice: ToolChoice,
    /// Whether only one tool may be called at once.
    pub(crate) one_call_only: bool,
    /// The form of a text answer.
    pub(crate) format: Format,
}

/// One contribution to the conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Turn {
    /// A user's message: its text, and how many images and files came with it.
    User { text: String, attachments: usize },
    /// An assistant's message.
    Assistant(String),
    /// A system or developer message.
    System(String),
    /// A function call of the assistant.
    Call(FunctionCall),
    /// What a called function returned.
    Output { call_id: String, output: String },
}

/// A function the agent may call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionTool {
    pub(crate) name: String,
    /// JSON schema of the arguments.
    pub(crate) parameters: Value,
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionCall {
    pub(crate) call_id: String,
    pub(crate) name: String,
    /// JSON text.
    pub(crate) arguments: String,
}

/// Which tool must or may be called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum ToolChoice {
    /// As the question demands.
    #[default]
    Auto,
    /// None.
    Off,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// The form of a text answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Format {
    /// Prose.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// An instance of this JSON schema.
    JsonSchema(Value),
}

/// What the agent decided to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Thought {
    /// Say this.
    Text(String),
    /// Call these functions: name and JSON arguments.
    Calls(Vec<(String, String)>),
    /// Say this, then lose the connection.
    Breaks(String),
}

/// Decides what to do. `answer_words` pads or cuts the default answer.
pub(crate) fn think(conversation: &Conversation, answer_words: Option<usize>) -> Thought {
    let question = conversation.last_user_text();
    let outputs = conversation.pending_outputs();
    if outputs.is_empty() {
        if let Some(calls) = tools::forced(conversation, question) {
            return Thought::Calls(calls);
        }
        if sentences::asks_to_break(question) {
            return Thought::Breaks("This answer is going to break in the middle".to_owned());
        }
    }
    // "A, then B" is asked step by step.
    let step = question
        .split(", then ")
        .nth(conversation.answered_rounds());
    if let Some(calls) = step.and_then(|step| tools::called_for(conversation, step)) {
        return Thought::Calls(calls);
    }
    let text = match &conversation.format {
        Format::JsonSchema(schema) => instance(schema, question).to_string(),
        Format::JsonObject => serde_json::json!({"answer": question}).to_string(),
        Format::Text if !outputs.is_empty() => sentences::quote_outputs(&outputs),
        Format::Text => sentences::known_answer(conversation, question).unwrap_or_else(|| {
            let answer = sentences::quote_question(question, conversation.last_attachments());
            match answer_words {
                Some(count) => words::resize(&answer, count),
                None => answer,
            }
        }),
    };
    Thought::Text(text)
}

impl Conversation {
    /// The newest user text; empty when the user said nothing.
    pub(crate) fn last_user_text(&self) -> &str {
        self.turns
            .iter()
            .rev()
            .find_map(|turn| match turn {
                Turn::User { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// How much the request costs, in pieces of text; each turn has a small overhead, as chat templates have.
    pub(crate) fn input_tokens(&self) -> usize {
        let instructions: usize = self.instructions.iter().map(|text| count(text)).sum();
        let turns: usize = self
            .turns
            .iter()
            .map(|turn| {
                4 + match turn {
                    Turn::User { text, attachments } => count(text) + 85 * attachments,
                    Turn::Assistant(text) | Turn::System(text) => count(text),
                    Turn::Call(call) => count(&call.name) + count(&call.arguments),
                    Turn::Output { output, .. } => count(output),
                }
            })
            .sum();
        let tools: usize = self
            .tools
            .iter()
            .map(|tool| count(&tool.name) + count(&tool.parameters.to_string()))
            .sum();
        instructions + turns + tools
    }

    fn last_attachments(&self) -> usize {
        self.turns
            .iter()
            .rev()
            .find_map(|turn| match turn {
                Turn::User { attachments, .. } => Some(*attachments),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// How often the calls for the newest question were answered.
    fn answered_rounds(&self) -> usize {
        let since_question = self
            .turns
            .iter()
            .rev()
            .take_while(|turn| !matches!(turn, Turn::User { .. }));
        let outputs: Vec<bool> = since_question
            .map(|turn| matches!(turn, Turn::Output { .. }))
            .collect();
        outputs
            .chunk_by(|one, other| one == other)
            .filter(|round| round.first() == Some(&true))
            .count()
    }

    /// Whether the conversation ends with outputs or approvals that no answer followed yet.
    pub(crate) fn waits_for_answer(&self) -> bool {
        !self.pending_outputs().is_empty()
    }

    /// The outputs at the end of the conversation that no answer followed yet: function name and output.
    fn pending_outputs(&self) -> Vec<(&str, &str)> {
        let name_of = |wanted: &str| {
            self.turns
                .iter()
                .find_map(|turn| match turn {
                    Turn::Call(call) if call.call_id == wanted => Some(call.name.as_str()),
                    _ => None,
                })
                .unwrap_or("the tool")
        };
        let mut outputs: Vec<(&str, &str)> = self
            .turns
            .iter()
            .rev()
            .map_while(|turn| match turn {
                Turn::Output { call_id, output } => Some((name_of(call_id), output.as_str())),
                _ => None,
            })
            .collect();
        outputs.reverse();
        outputs
    }
}

#[cfg(test)]
mod tests;
