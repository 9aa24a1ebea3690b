//! What is measured: each scenario with its requests, its settings, and the two loads whose difference is its cost.

use crate::{
    answers::{Dialect, text},
    requests::{HEALTH, chat, refused, turn},
    service::Pace,
};

/// Words of an answer, unless the scenario is about their number.
const DELTAS: usize = 50;

/// One row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// How the table and the command line call it.
    pub(crate) name: &'static str,
    /// What a unit of it is, in words.
    pub(crate) unit: &'static str,
    /// Whether conversations are remembered and telemetry is sent.
    pub(crate) complete: bool,
    /// Settings beyond that.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Which dialect the agent speaks.
    pub(crate) dialect: Dialect,
    /// When the words of its answers leave.
    pub(crate) pace: Pace,
    /// What the client does.
    pub(crate) client: Client,
    /// The smaller load, which takes start-up and first times out of the figures.
    pub(crate) few: Load,
    /// The larger one.
    pub(crate) many: Load,
    /// Whether instructions are counted; a run that looks for growth alone takes less time without.
    pub(crate) instructions: bool,
}

/// How much is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Requests, one after the other.
    pub(crate) requests: u64,
    /// Words of each answer.
    pub(crate) deltas: usize,
}

/// What the client does.
#[derive(Debug, Clone)]
pub(crate) enum Client {
    /// Sends these in turn, and expects this status.
    Requests {
        /// Whole requests, ready to be sent.
        requests: Vec<String>,
        /// The status of every response.
        status: u16,
    },
    /// Asks for each word when it has seen the one before.
    WordByWord(String),
    /// One turn, whose answer is the history of those that follow.
    Conversation {
        /// The turn before.
        earlier: String,
        /// The turn that is sent again and again.
        turn: String,
    },
    /// One stream is held open; what comes beside it is too much.
    Overload(String),
}

impl Scenario {
    /// How many units the larger load has more than the smaller.
    pub(crate) fn units(&self) -> u64 {
        if self.few.requests == self.many.requests {
            let deltas = self.many.deltas.saturating_sub(self.few.deltas);
            return self.many.requests * u64::try_from(deltas).unwrap_or_default();
        }
        self.many.requests - self.few.requests
    }
}

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<Scenario> {
    let answer = Scenario {
        name: "answer",
        unit: "an answer of 50 deltas, not streamed",
        complete: true,
        settings: &[],
        dialect: Dialect::New,
        pace: Pace::Burst,
        client: Client::Requests {
            requests: vec![chat(Dialect::New, false)],
            status: 200,
        },
        few: requests(10),
        many: requests(110),
        instructions: true,
    };
    let stream = Scenario {
        name: "stream",
        unit: "an answer of 50 deltas, streamed; they arrive together",
        client: Client::Requests {
            requests: vec![chat(Dialect::New, true)],
            status: 200,
        },
        ..answer.clone()
    };
    let bare = |name, scenario: &Scenario| Scenario {
        name,
        complete: false,
        ..scenario.clone()
    };
    vec![
        answer.clone(),
        bare("answer-bare", &answer),
        stream.clone(),
        bare("stream-bare", &stream),
        Scenario {
            name: "stream-event",
            unit: "a delta of a stream that arrives alone",
            pace: Pace::WordByWord,
            client: Client::WordByWord(chat(Dialect::New, true)),
            few: Load {
                requests: 10,
                deltas: 10,
            },
            many: Load {
                requests: 10,
                deltas: 110,
            },
            ..stream.clone()
        },
        Scenario {
            name: "classic-stream",
            unit: "the same of a classic agent, deltas together",
            dialect: Dialect::Classic,
            client: Client::Requests {
                requests: vec![chat(Dialect::Classic, true)],
                status: 200,
            },
            ..stream.clone()
        },
        Scenario {
            name: "conversation",
            unit: "turn 8 of a conversation, its 15 messages recognised, streamed",
            client: Client::Conversation {
                earlier: turn(7, ""),
                turn: turn(8, &text(1, DELTAS)),
            },
            ..stream.clone()
        },
        Scenario {
            name: "refused",
            unit: "a request with an unknown key (401)",
            client: Client::Requests {
                requests: vec![refused()],
                status: 401,
            },
            few: requests(30),
            many: requests(430),
            ..stream.clone()
        },
        Scenario {
            name: "overloaded",
            unit: "a request above the limit of requests in flight (503)",
            settings: &[("GATEWAY_MAX_CONCURRENT_REQUESTS", "1")],
            pace: Pace::WordByWord,
            client: Client::Overload(chat(Dialect::New, true)),
            few: requests(30),
            many: requests(430),
            ..stream.clone()
        },
        Scenario {
            name: "health",
            unit: "`GET /healthz`",
            client: Client::Requests {
                requests: vec![HEALTH.to_owned()],
                status: 200,
            },
            few: requests(30),
            many: requests(430),
            ..stream.clone()
        },
        Scenario {
            name: "long-run",
            unit: "answers and streams in turn, bare, a thousand of them",
            complete: false,
            client: Client::Requests {
                requests: vec![chat(Dialect::New, false), chat(Dialect::New, true)],
                status: 200,
            },
            few: requests(100),
            many: requests(1100),
            instructions: false,
            ..stream
        },
    ]
}

fn requests(requests: u64) -> Load {
    Load {
        requests,
        deltas: DELTAS,
    }
}
