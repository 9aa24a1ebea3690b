//! The situations that are measured.

use serde::Serialize;

use super::subject::Subject;
use crate::{
    load::{Plan, Schedule, Target},
    upstream,
};

/// One situation: what is asked, and by how many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cell {
    /// Answers in one piece, so many at a time.
    Answer(usize),
    /// Streamed answers, so many at a time.
    Stream(usize),
    /// Answers in one piece, at a low rate.
    AnswerRate,
    /// Streamed answers, at a low rate.
    StreamRate,
    /// Streams at the pace of a model.
    Paced,
    /// Streamed conversations of eight turns.
    Conversation,
}

/// Requests a second of the cells at a low rate.
pub(crate) const RATE: f64 = 100.0;
/// Connections of the cells with paced streams and with conversations.
pub(crate) const CONNECTIONS: usize = 16;
/// Turns of a conversation.
pub(crate) const TURNS: u32 = 8;

impl Cell {
    pub(crate) const ALL: [Self; 12] = [
        Self::Answer(1),
        Self::Answer(16),
        Self::Answer(64),
        Self::Answer(256),
        Self::Stream(1),
        Self::Stream(16),
        Self::Stream(64),
        Self::Stream(256),
        Self::AnswerRate,
        Self::StreamRate,
        Self::Paced,
        Self::Conversation,
    ];

    /// Those of a quick run.
    pub(crate) const QUICK: [Self; 3] = [Self::Answer(16), Self::Stream(16), Self::StreamRate];

    /// The name for `--only`.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Answer(connections) => format!("answer-{connections}"),
            Self::Stream(connections) => format!("stream-{connections}"),
            Self::AnswerRate => "rate-answer".to_owned(),
            Self::StreamRate => "rate-stream".to_owned(),
            Self::Paced => "paced".to_owned(),
            Self::Conversation => "conversation".to_owned(),
        }
    }

    /// Whether this subject is measured in it: the floor that collects for answers in one piece, the bare gateways only
    /// where it tells something, LiteLLM where a window has enough answers.
    pub(crate) fn is_for(self, subject: Subject) -> bool {
        match subject {
            Subject::CollectingFloor => matches!(self, Self::Answer(_)),
            Subject::NewBare | Subject::ClassicBare => {
                matches!(self, Self::Answer(16) | Self::Stream(16) | Self::StreamRate)
            }
            Subject::LiteLlm => matches!(
                self,
                Self::Answer(1 | 16) | Self::Stream(1 | 16) | Self::Conversation
            ),
            _ => true,
        }
    }

    /// What the load generator does.
    pub(crate) fn plan(
        self,
        subject: Subject,
        target: Target,
        deltas: usize,
        seconds: f64,
    ) -> Plan {
        let pace = match self {
            Self::Paced => upstream::PACED,
            _ => upstream::INSTANT,
        };
        let schedule = match self {
            Self::Answer(connections) | Self::Stream(connections) => Schedule::Closed {
                connections,
                seconds,
            },
            Self::Paced | Self::Conversation => Schedule::Closed {
                connections: CONNECTIONS,
                seconds,
            },
            Self::AnswerRate | Self::StreamRate => Schedule::Open {
                rate: RATE,
                seconds,
            },
        };
        Plan {
            target,
            agent: subject.agent(pace),
            stream: !matches!(self, Self::Answer(_) | Self::AnswerRate),
            turns: if self == Self::Conversation { TURNS } else { 1 },
            deltas,
            schedule,
        }
    }
}
