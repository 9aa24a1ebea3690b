//! An answer in the emulator's own words, before a dialect turns it into events.

use crate::behaviour::{Fault, Stage};
use crate::brain::{Thought, count, pieces};

/// What an agent answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The parts in the order in which they are produced.
    pub(crate) parts: Vec<Part>,
    /// How the answer ends.
    pub(crate) ending: Ending,
    /// Faults to commit while it is written.
    pub(crate) faults: Vec<(Stage, Fault)>,
    /// Whether events and items that no client knows are sprinkled in.
    pub(crate) with_unknown_events: bool,
    /// Whether it is a workflow's: messages come whole, and nothing tells what it cost.
    pub(crate) is_workflow: bool,
    /// Tokens spent on hidden reasoning.
    pub(crate) reasoning_tokens: usize,
}

/// One part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// A text message.
    Message {
        text: String,
        citations: Vec<Citation>,
    },
    /// A refusal in words.
    Refusal(String),
    /// A summary of the reasoning.
    Reasoning(String),
    /// A function call, answered by the client.
    Call { name: String, arguments: String },
    /// A call on an MCP server that a person must approve.
    Approval {
        name: String,
        arguments: String,
        server_label: String,
    },
    /// A step of a workflow, by the kind of its action.
    Action(String),
    /// A link at which the user must consent first.
    Consent { link: String, server_label: String },
}

/// A source of a piece of text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Citation {
    /// The first cited code point.
    pub(crate) start: usize,
    /// The code point after the last cited one.
    pub(crate) end: usize,
    /// The cited piece of the text itself.
    pub(crate) quoted: String,
    pub(crate) source: Source,
}

/// What is cited.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Url { url: String, title: String },
    File { file_id: String, filename: String },
}

/// How an answer ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Ending {
    /// As it should.
    #[default]
    Completed,
    /// Too long for the limit of the request.
    CutByLength,
    /// Stopped by the content filter.
    CutByFilter,
    /// With an error.
    Failed { code: String, message: String },
    /// Cancelled by the service.
    Cancelled,
    /// Expired.
    Expired,
}

impl Answer {
    /// One text message.
    pub(crate) fn text(text: impl Into<String>) -> Answer {
        Answer::parts(vec![Part::message(text)])
    }

    /// These parts, and a good end.
    pub(crate) fn parts(parts: Vec<Part>) -> Answer {
        Answer {
            parts,
            ..Answer::default()
        }
    }

    /// What the default agent decided.
    pub(crate) fn from_thought(thought: Thought) -> Answer {
        match thought {
            Thought::Text(text) => Answer::text(text),
            Thought::Calls(calls) => Answer::parts(
                calls
                    .into_iter()
                    .map(|(name, arguments)| Part::Call { name, arguments })
                    .collect(),
            ),
            Thought::Breaks(text) => Answer::text(text).breaking(Stage::Middle, Fault::Close),
        }
    }

    /// With this end.
    pub(crate) fn ending(mut self, ending: Ending) -> Answer {
        self.ending = ending;
        self
    }

    /// With this fault.
    pub(crate) fn breaking(mut self, stage: Stage, fault: Fault) -> Answer {
        self.faults.push((stage, fault));
        self
    }

    /// Cuts the text after `most` tokens, as a limit on output tokens does.
    pub(crate) fn limited(mut self, most: Option<usize>) -> Answer {
        let Some(most) = most else { return self };
        let mut left = most;
        for (place, part) in self.parts.iter_mut().enumerate() {
            let (Part::Message { text, .. } | Part::Refusal(text)) = part else {
                continue;
            };
            let tokens = pieces(text);
            if tokens.len() <= left {
                left -= tokens.len();
                continue;
            }
            let kept: String = tokens.into_iter().take(left).collect();
            let length = kept.chars().count();
            *text = kept;
            if let Part::Message { citations, .. } = part {
                citations.retain(|citation| citation.end <= length);
            }
            self.parts.truncate(place + 1);
            self.ending = Ending::CutByLength;
            break;
        }
        self
    }

    /// Tokens of the visible answer and of the reasoning.
    pub(crate) fn output_tokens(&self) -> usize {
        let visible: usize = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Message { text, .. } | Part::Refusal(text) => count(text),
                Part::Reasoning(_) | Part::Action(_) | Part::Consent { .. } => 0,
                Part::Call { name, arguments }
                | Part::Approval {
                    name, arguments, ..
                } => count(name) + count(arguments),
            })
            .sum();
        visible + self.reasoning_tokens
    }
}

impl Part {
    /// A message without citations.
    pub(crate) fn message(text: impl Into<String>) -> Part {
        Part::Message {
            text: text.into(),
            citations: Vec::new(),
        }
    }
}

impl Citation {
    /// Cites the first occurrence of `quoted` in `text`; `None` when it is not there.
    pub(crate) fn of(text: &str, quoted: &str, source: Source) -> Option<Citation> {
        let (before, _) = text.split_once(quoted)?;
        let start = before.chars().count();
        Some(Citation {
            start,
            end: start + quoted.chars().count(),
            quoted: quoted.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_cuts_the_text_and_says_so() {
        let answer = Answer::text("one two three").limited(Some(2));
        assert_eq!(answer.parts, [Part::message("one two")]);
        assert_eq!(answer.ending, Ending::CutByLength);
        let whole = Answer::text("one two three").limited(Some(3));
        assert_eq!(whole.ending, Ending::Completed);
    }

    #[test]
    fn citations_count_code_points() {
        let source = Source::Url {
            url: String::new(),
            title: String::new(),
        };
        let citation = Citation::of("π is 3 (see)", "(see)", source).unwrap();
        assert_eq!((citation.start, citation.end), (7, 12));
    }
}
