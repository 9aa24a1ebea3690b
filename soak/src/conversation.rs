//! One conversation: a client that goes on, asks again, edits, branches off, and leaves before it has its answer.
//!
//! Which it does when follows from the seed. What it may expect of an answer is the same whatever happened before:
//! that the agent was given exactly the history that the client shows, or has been told.

mod ask;
mod journal;

use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::Instant;

use self::{
    ask::{Ask, Asked},
    journal::Journal,
};
use crate::{client::Patience, load::Load, testimony::Message};

/// One client with one conversation.
#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    load: &'a Load,
    rng: Rng,
    number: u64,
    agent: &'static str,
    way: Way,
    rule: Option<&'static str>,
    /// Histories that end in an answer; the newest last.
    histories: Vec<Vec<Message>>,
    questions: u32,
    named: Named,
    journal: Journal,
}

/// How a client says which conversation it goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By its history.
    History,
    /// By a name of its own, and its history.
    Name,
    /// By the id that it was told; the history goes with it or not.
    Id,
}

/// What a client knows of the id of its conversation.
#[derive(Debug, Clone, Default)]
struct Named {
    id: Option<String>,
    /// Since when a gateway that says nothing else remembers the id.
    since: Option<Instant>,
    /// Whether nothing happened after the newest history, so that the id alone stands for it.
    newest: bool,
}

const AGENTS: [&str; 5] = [
    "assistant",
    "reasons",
    "unknown-events",
    "asst_assistant",
    "asst_unknown_events",
];
const RULES: [&str; 3] = ["brief", "polite", "in verse"];
/// Beginnings that conversations share.
const OPENINGS: u64 = 4;
/// Attempts at one turn, as clients' libraries repeat what failed.
const ATTEMPTS: u32 = 4;

impl<'a> Conversation<'a> {
    pub(crate) fn new(load: &'a Load, mut rng: Rng, number: u64) -> Self {
        let agent = AGENTS.get(rng.usize(..AGENTS.len()));
        let way = match rng.u8(..20) {
            0..9 => Way::History,
            9..12 => Way::Name,
            _ => Way::Id,
        };
        Self {
            load,
            rng,
            number,
            agent: agent.copied().unwrap_or("assistant"),
            way,
            rule: None,
            histories: Vec::new(),
            questions: 0,
            named: Named::default(),
            journal: Journal::default(),
        }
    }

    /// Holds it to its end.
    pub(crate) async fn hold(mut self) {
        if self.rng.bool() {
            self.change_rule();
        }
        let opening = self.opening();
        self.turn(vec![opening]).await;
        for _ in 0..self.rng.u8(2..14) {
            let Some(newest) = self.histories.last().cloned() else {
                return;
            };
            if self.load.is_over() {
                return;
            }
            if self.rng.u8(..10) == 0 {
                self.change_rule();
            }
            let from = self.rng.usize(..self.histories.len());
            let older = self.histories.get(from).cloned().unwrap_or_default();
            match self.rng.u8(..20) {
                0..12 => {
                    let question = self.question();
                    self.turn([newest, vec![question]].concat()).await;
                }
                12 | 13 => self.regenerate(older).await,
                14 | 15 => self.edit(older).await,
                16 | 17 => self.branch_off(newest).await,
                _ => self.leave(newest).await,
            }
        }
    }

    fn question(&mut self) -> Message {
        self.questions += 1;
        let filler = "with some more words ".repeat(self.rng.usize(..4));
        Message::user(format!(
            "c{}: question {} {filler}?",
            self.number, self.questions
        ))
    }

    /// Some conversations begin alike.
    fn opening(&mut self) -> Message {
        match self.rng.u8(..6) {
            0 => Message::user(format!("Good morning {}", self.rng.u64(..OPENINGS))),
            _ => self.question(),
        }
    }

    /// System text may be taken back, but not by a client that goes by an id: there it need not be repeated.
    fn change_rule(&mut self) {
        let next = self.rng.usize(..=RULES.len());
        let taken_back = RULES.get(next).is_none();
        if !(taken_back && self.way == Way::Id) {
            self.rule = RULES.get(next).copied();
        }
    }

    /// One turn, repeated while it fails.
    async fn turn(&mut self, messages: Vec<Message>) {
        let mut rng = self.rng.fork();
        let newest = self.histories.last().map_or(0, Vec::len);
        let goes_on = newest + 1 == messages.len()
            && self.histories.last().map(Vec::as_slice) == messages.get(..newest);
        for attempt in 0..ATTEMPTS {
            let alone =
                attempt == 0 && self.way == Way::Id && self.named.newest && goes_on && rng.bool();
            let asked = self
                .ask(&messages, alone, &mut rng, Patience::ToTheEnd)
                .await;
            self.named.newest = false;
            match asked {
                Asked::Answered(answer) => {
                    self.take(messages, answer);
                    self.named.newest = true;
                    return;
                }
                Asked::Failed => {}
                Asked::Forgotten => self.named = Named::default(),
                Asked::Earlier => {
                    // The client cannot know it, and would go on; what the agent said is no part of the history.
                    self.named = Named::default();
                }
            }
            let pause = Duration::from_millis(rng.u64(10..200));
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks the last question of a history again.
    async fn regenerate(&mut self, mut history: Vec<Message>) {
        history.pop();
        self.turn(history).await;
    }

    /// Changes one of the questions of a history, and drops what followed it.
    async fn edit(&mut self, mut history: Vec<Message>) {
        let question = self.rng.usize(..history.len().max(2) / 2) * 2;
        history.truncate(question);
        history.push(self.question());
        self.turn(history).await;
    }

    /// Goes on from one history several times at once, through either gateway.
    async fn branch_off(&mut self, history: Vec<Message>) {
        let branches = self.rng.usize(2..4);
        let same_question = self.rng.bool();
        let first = self.question();
        let mut asked = Vec::new();
        for branch in 0..branches {
            let question = if same_question || branch == 0 {
                first.clone()
            } else {
                self.question()
            };
            let messages = [&history[..], &[question]].concat();
            asked.push((messages, self.rng.fork()));
        }
        let this = &*self;
        let answers = asked.into_iter().map(|(messages, mut rng)| async move {
            let asked = this.ask(&messages, false, &mut rng, Patience::ToTheEnd);
            (asked.await, messages)
        });
        let answers = join_all(answers).await;
        self.named.newest = false;
        for (asked, messages) in answers {
            match asked {
                Asked::Answered(answer) => self.take(messages, answer),
                Asked::Forgotten => self.named = Named::default(),
                Asked::Failed | Asked::Earlier => {}
            }
        }
    }

    /// A client that does not wait for its answer; what it had asked is no part of the conversation.
    async fn leave(&mut self, history: Vec<Message>) {
        let messages = [history, vec![self.question()]].concat();
        let patience = if self.rng.bool() {
            Patience::For(Duration::from_millis(self.rng.u64(1..400)))
        } else {
            Patience::UntilBytes(self.rng.usize(1..4_000))
        };
        let mut rng = self.rng.fork();
        let asked = self.ask(&messages, false, &mut rng, patience).await;
        self.named.newest = false;
        match asked {
            Asked::Answered(answer) => self.take(messages, answer),
            Asked::Forgotten => self.named = Named::default(),
            Asked::Failed | Asked::Earlier => {}
        }
    }

    /// The answer becomes a part of the history that the client knows.
    fn take(&mut self, mut messages: Vec<Message>, answer: Ask) {
        messages.push(Message::assistant(answer.text));
        if self.way == Way::Id && self.named.id.as_ref() != Some(&answer.thread_id) {
            // What was said under another id has no place in this conversation.
            self.histories.clear();
        }
        self.histories.push(messages);
        if self.way == Way::Id {
            self.named.id = Some(answer.thread_id);
            self.named.since = Some(answer.began);
        }
    }
}
