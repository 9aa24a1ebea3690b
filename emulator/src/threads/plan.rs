//! An answer laid out as the moves of a run.

use serde_json::{Value, json};

use super::run::Usage;
use super::steps::ToolCall;
use crate::answer::{Answer, Citation, Ending, Part, Source};
use crate::behaviour::{Fault, Stage};
use crate::brain::pieces;
use crate::files::made;
use crate::ids;
use crate::stream::Mark;

/// The prompt that the service adds to every run, in tokens.
const HIDDEN_PROMPT: usize = 53;

/// One thing that happens in a run. Each is also one event of its stream.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    ThreadCreated,
    RunCreated,
    RunQueued,
    RunInProgress,
    /// A step starts that makes this message.
    MessageStep(String),
    /// A step starts that calls tools.
    ToolStep,
    StepInProgress,
    MessageCreated,
    MessageInProgress,
    /// More text, with the citations that end in it.
    Text(Piece),
    /// An image at the end of the message.
    Image,
    MessageCompleted,
    MessageIncomplete(&'static str),
    /// A tool call appears, without arguments.
    CallStarted(usize, ToolCall),
    /// More arguments of the call at this place.
    CallArguments(usize, Piece),
    StepCompleted(Usage),
    StepCancelled,
    StepExpired,
    StepFailed,
    RequiresAction,
    Completed,
    Incomplete(&'static str),
    Failed {
        code: String,
        message: String,
    },
    Cancelling,
    Cancelled,
    Expired,
    /// An event that no client knows.
    Unknown,
    Done,
}

/// A piece of text or of arguments.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) value: String,
    pub(crate) annotations: Vec<Value>,
    /// The first piece of its message.
    pub(crate) opens_message: bool,
    pub(crate) mark: Mark,
    pub(crate) half: bool,
}

impl Move {
    /// What the move is to delays and faults.
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Move::Text(piece) | Move::CallArguments(_, piece) => piece.mark,
            Move::Completed
            | Move::Incomplete(_)
            | Move::Failed { .. }
            | Move::Cancelled
            | Move::Expired
            | Move::RequiresAction => Mark::Terminal,
            _ => Mark::Other,
        }
    }
}

/// The moves of an answer that cost `prompt_tokens`, from the first step to `done`.
pub(crate) fn answer_moves(answer: &Answer, prompt_tokens: usize) -> Vec<Move> {
    let mut plan = Plan {
        moves: Vec::new(),
        usage: Usage {
            prompt: prompt_tokens + HIDDEN_PROMPT,
            completion: 0,
        },
        unknown_events: answer.with_unknown_events,
    };
    plan.unknown();
    let draws = answer.parts.contains(&Part::Image);
    let mut calls = Vec::new();
    let said: Vec<&Part> = answer.parts.iter().filter(|part| is_said(part)).collect();
    for (place, part) in said.iter().enumerate() {
        let last = place + 1 == said.len();
        let ending = if last {
            &answer.ending
        } else {
            &Ending::Completed
        };
        match part {
            Part::Message { text, citations } => {
                plan.message(text, citations, draws && last, ending);
            }
            Part::Refusal(text) | Part::Consent { link: text, .. } => {
                plan.message(text, &[], false, ending);
            }
            _ => {}
        }
        plan.unknown();
    }
    for part in &answer.parts {
        match part {
            Part::Call { name, arguments } => calls.push(call(name, arguments, None)),
            Part::Approval {
                name,
                arguments,
                server_label,
            } => calls.push(call(name, arguments, Some(server_label.clone()))),
            _ => {}
        }
    }
    if calls.is_empty() {
        plan.moves.push(last_move(&answer.ending));
    } else {
        plan.calls(calls);
    }
    plan.moves.push(Move::Done);
    mark_half(&mut plan.moves);
    plan.moves
}

/// The answer as a run without a stream gives it, and whether it never comes: faults of a stream cannot happen then. An
/// agent that stalls stays in progress; one that breaks fails.
pub(crate) fn without_stream(mut answer: Answer) -> (Answer, bool) {
    let (kept, in_stream) = std::mem::take(&mut answer.faults)
        .into_iter()
        .partition::<Vec<_>, _>(|(stage, _)| *stage == Stage::Headers);
    let stalls = in_stream.iter().any(|(_, fault)| *fault == Fault::Stall);
    if !in_stream.is_empty() && !stalls {
        answer = Answer::default().ending(Ending::Failed {
            code: "server_error".to_owned(),
            message: "Sorry, something went wrong.".to_owned(),
        });
    }
    answer.faults = kept;
    (answer, stalls)
}

fn is_said(part: &Part) -> bool {
    matches!(
        part,
        Part::Message { .. } | Part::Refusal(_) | Part::Consent { .. }
    )
}

fn call(name: &str, arguments: &str, server_label: Option<String>) -> ToolCall {
    ToolCall {
        id: ids::call(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        output: None,
        server_label,
    }
}

fn last_move(ending: &Ending) -> Move {
    match ending {
        Ending::Completed => Move::Completed,
        Ending::CutByLength => Move::Incomplete("max_completion_tokens"),
        Ending::CutByFilter => Move::Incomplete("content_filter"),
        Ending::Failed { code, message } => Move::Failed {
            code: code.clone(),
            message: message.clone(),
        },
        Ending::Cancelled => Move::Cancelled,
        Ending::Expired => Move::Expired,
    }
}

struct Plan {
    moves: Vec<Move>,
    /// The cost of the next step.
    usage: Usage,
    unknown_events: bool,
}

impl Plan {
    fn message(&mut self, text: &str, citations: &[Citation], draws: bool, ending: &Ending) {
        let message_id = ids::classic("msg");
        self.moves.extend([
            Move::MessageStep(message_id),
            Move::StepInProgress,
            Move::MessageCreated,
            Move::MessageInProgress,
        ]);
        let mut position = 0;
        let pieces = pieces(text);
        self.usage.completion = pieces.len();
        for (place, piece) in pieces.into_iter().enumerate() {
            let end = position + piece.chars().count();
            let annotations = citations
                .iter()
                .enumerate()
                .filter(|(_, citation)| citation.end > position && citation.end <= end)
                .map(|(index, citation)| annotation(citation, Some(index)))
                .collect();
            position = end;
            self.moves.push(Move::Text(Piece {
                value: piece.to_owned(),
                annotations,
                opens_message: place == 0,
                mark: Mark::Text,
                half: false,
            }));
        }
        if draws {
            self.moves.push(Move::Image);
        }
        let usage = self.usage;
        self.usage.completion = 0;
        self.moves.extend(match ending {
            Ending::Completed => [Move::MessageCompleted, Move::StepCompleted(usage)],
            Ending::CutByLength => [
                Move::MessageIncomplete("max_tokens"),
                Move::StepCompleted(usage),
            ],
            Ending::CutByFilter => [
                Move::MessageIncomplete("content_filter"),
                Move::StepCompleted(usage),
            ],
            Ending::Failed { .. } => [Move::MessageIncomplete("run_failed"), Move::StepFailed],
            Ending::Cancelled => [
                Move::MessageIncomplete("run_cancelled"),
                Move::StepCancelled,
            ],
            Ending::Expired => [Move::MessageIncomplete("run_expired"), Move::StepExpired],
        });
    }

    fn calls(&mut self, calls: Vec<ToolCall>) {
        self.moves.extend([Move::ToolStep, Move::StepInProgress]);
        for (place, call) in calls.into_iter().enumerate() {
            let arguments = call.arguments.clone();
            self.moves.push(Move::CallStarted(place, call));
            for piece in pieces(&arguments) {
                self.moves.push(Move::CallArguments(
                    place,
                    Piece {
                        value: piece.to_owned(),
                        annotations: Vec::new(),
                        opens_message: false,
                        mark: Mark::Text,
                        half: false,
                    },
                ));
            }
        }
        self.moves.push(Move::RequiresAction);
    }

    fn unknown(&mut self) {
        if self.unknown_events {
            self.moves.push(Move::Unknown);
        }
    }
}

/// Marks the first piece, and the one with which half of the text has been said.
fn mark_half(moves: &mut [Move]) {
    let mut pieces: Vec<&mut Piece> = moves
        .iter_mut()
        .filter_map(|next| match next {
            Move::Text(piece) | Move::CallArguments(_, piece) => Some(piece),
            _ => None,
        })
        .collect();
    let half = pieces.len().div_ceil(2);
    for (place, piece) in pieces.iter_mut().enumerate() {
        if place == 0 {
            piece.mark = Mark::FirstText;
        }
        piece.half = place + 1 == half;
    }
}

/// A citation as an annotation; in deltas it has an `index`.
pub(crate) fn annotation(citation: &Citation, index: Option<usize>) -> Value {
    let (kind, details) = match &citation.source {
        Source::Url { url, title } => ("url_citation", json!({"url": url, "title": title})),
        Source::File { file_id, .. } => ("file_citation", json!({"file_id": file_id, "quote": ""})),
        Source::MadeFile { .. } => ("file_path", json!({"file_id": made::FILE})),
    };
    let mut annotation = serde_json::Map::new();
    if let Some(index) = index {
        annotation.insert("index".to_owned(), json!(index));
    }
    annotation.insert("type".to_owned(), json!(kind));
    annotation.insert("text".to_owned(), json!(citation.quoted));
    annotation.insert("start_index".to_owned(), json!(citation.start));
    annotation.insert("end_index".to_owned(), json!(citation.end));
    annotation.insert(kind.to_owned(), details);
    Value::Object(annotation)
}
