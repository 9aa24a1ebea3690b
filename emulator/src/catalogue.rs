//! The built-in agents: their names, and how each answers.
//!
//! Every project has all of them, as new agents (`fail-cut`) and as classic ones (`asst_fail_cut`). They have no other
//! powers: an agent that a client creates answers like `assistant`.

use crate::answer::{Answer, Citation, Ending, Part, Source};
use crate::behaviour::{Fault, Stage};
use crate::brain::Conversation;
use crate::error::ServiceError;
use crate::refusals;

/// The model deployment that the built-in agents name.
pub(crate) const MODEL: &str = "gpt-emulated";

/// Which of the two APIs is spoken; a few agents differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    /// New agents: the Responses API.
    Responses,
    /// Classic agents: threads and runs.
    Threads,
}

/// How an agent answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Persona {
    Assistant,
    Echo,
    Weather,
    Cites,
    MakesFiles,
    Draws,
    Approval,
    Consent,
    Refuses,
    TwoMessages,
    Reasons,
    RefusesStore,
    Hosted,
    Workflow,
    RateLimit,
    RateLimitMilliseconds,
    RateLimitXMilliseconds,
    RateLimitBare,
    RunRateLimit,
    RunServerError,
    RunModel,
    Permission,
    Audience,
    ContentFilter,
    ContentFilterOutput,
    Length,
    ErrorEvent,
    ErrorEventMiddle,
    Cut,
    Reset,
    Malformed,
    UnknownEvents,
    ServerError,
    Unavailable,
    Html,
    Locked,
    Cancelled,
    Expired,
    StallHeaders,
    StallCreated,
    StallMiddle,
}

/// A built-in agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BuiltIn {
    /// Its name; the classic id is `asst_` and the name with `_` for `-`.
    pub(crate) name: &'static str,
    pub(crate) persona: Persona,
    /// What it is for, shown as the agent's description.
    pub(crate) description: &'static str,
    /// The only API that has it; `None`: both do.
    pub(crate) only: Option<Dialect>,
}

/// All built-in agents, in the order in which they are listed, oldest first.
#[rustfmt::skip] // One agent a line.
const BUILT_IN: [BuiltIn; 41] = [
    agent("assistant", Persona::Assistant, "Answers by simple rules; the default agent."),
    agent("echo", Persona::Echo, "Returns the last user text exactly."),
    agent("weather", Persona::Weather, "Owns the function get_weather(location)."),
    agent("cites", Persona::Cites, "Cites a web page and a file after non-ASCII text."),
    agent("makes-files", Persona::MakesFiles, "Makes a file, and as a classic agent an image."),
    agent("draws", Persona::Draws, "Generates an image.").only(Dialect::Responses),
    agent("approval", Persona::Approval, "Asks for the approval of an MCP call."),
    agent("consent", Persona::Consent, "Asks for the user's OAuth consent.").only(Dialect::Responses),
    agent("refuses", Persona::Refuses, "Refuses in words.").only(Dialect::Responses),
    agent("two-messages", Persona::TwoMessages, "Answers with two messages."),
    agent("reasons", Persona::Reasons, "Reasons before it answers.").only(Dialect::Responses),
    agent("hosted", Persona::Hosted, "Runs in a container of its own, with sessions.").only(Dialect::Responses),
    agent("workflow", Persona::Workflow, "Answers with whole messages between its actions; a preview.").only(Dialect::Responses),
    agent("refuses-store", Persona::RefusesStore, "400 when store is false.").only(Dialect::Responses),
    agent("fail-rate-limit", Persona::RateLimit, "429 with Retry-After: 7."),
    agent("fail-rate-limit-ms", Persona::RateLimitMilliseconds, "429 with retry-after-ms: 1500."),
    agent("fail-rate-limit-x-ms", Persona::RateLimitXMilliseconds, "429 with x-ms-retry-after-ms: 2500."),
    agent("fail-rate-limit-bare", Persona::RateLimitBare, "429 without a header."),
    agent("fail-run-rate-limit", Persona::RunRateLimit, "200, then fails with rate_limit_exceeded."),
    agent("fail-run-server-error", Persona::RunServerError, "200, then fails with server_error."),
    agent("fail-run-model", Persona::RunModel, "200, then fails with invalid_engine_error."),
    agent("fail-permission", Persona::Permission, "401 PermissionDenied."),
    agent("fail-audience", Persona::Audience, "401 for a token of another audience."),
    agent("fail-content-filter", Persona::ContentFilter, "400 content_filter."),
    agent("fail-content-filter-output", Persona::ContentFilterOutput, "Stopped by the content filter after some text."),
    agent("fail-length", Persona::Length, "Stopped by the token limit after some text."),
    agent("fail-error-event", Persona::ErrorEvent, "An error event right after the start."),
    agent("fail-error-event-middle", Persona::ErrorEventMiddle, "An error event after some text."),
    agent("fail-cut", Persona::Cut, "The stream ends cleanly after some text."),
    agent("fail-reset", Persona::Reset, "The connection is reset after some text."),
    agent("fail-malformed", Persona::Malformed, "Broken JSON after some text."),
    agent("unknown-events", Persona::UnknownEvents, "Unknown events and items among the known ones."),
    agent("fail-server-error", Persona::ServerError, "500."),
    agent("fail-unavailable", Persona::Unavailable, "503 with Retry-After: 1."),
    agent("fail-html", Persona::Html, "502 with an HTML body."),
    agent("fail-locked", Persona::Locked, "400: the conversation or thread is in use."),
    agent("fail-cancelled", Persona::Cancelled, "Cancelled after some text.").only(Dialect::Threads),
    agent("fail-expired", Persona::Expired, "Expires after some text.").only(Dialect::Threads),
    agent("stall-headers", Persona::StallHeaders, "Never answers."),
    agent("stall-created", Persona::StallCreated, "Stalls after the first event."),
    agent("stall-middle", Persona::StallMiddle, "Stalls after some text."),
];

const fn agent(name: &'static str, persona: Persona, description: &'static str) -> BuiltIn {
    BuiltIn {
        name,
        persona,
        description,
        only: None,
    }
}

impl BuiltIn {
    /// Present in this API only.
    const fn only(mut self, dialect: Dialect) -> BuiltIn {
        self.only = Some(dialect);
        self
    }

    /// The built-in agents of one API, in the order in which they are listed.
    pub(crate) fn of(dialect: Dialect) -> impl Iterator<Item = &'static BuiltIn> {
        BUILT_IN
            .iter()
            .filter(move |agent| agent.only.is_none_or(|only| only == dialect))
    }

    /// The id of the classic agent.
    pub(crate) fn assistant_id(&self) -> String {
        format!("asst_{}", self.name.replace('-', "_"))
    }

    /// The instructions, the same for all.
    pub(crate) const INSTRUCTIONS: &'static str = "You are a helpful agent of the emulator.";
}

/// What some text of a failing agent is.
const SOME_TEXT: &str = "This is the text before the end that was not planned.";
const CITED_TEXT: &str = "π is about 3.14159 ≈ 22/7";

impl Persona {
    /// The answer that this agent has ready, or its refusal; `None` when it has to think.
    pub(crate) fn prepared_answer(
        self,
        conversation: &Conversation,
        dialect: Dialect,
    ) -> Result<Option<Answer>, ServiceError> {
        let some_text = || Answer::text(SOME_TEXT);
        let failed = |code: &str, message: &str| {
            Answer::default().ending(Ending::Failed {
                code: code.to_owned(),
                message: message.to_owned(),
            })
        };
        let answer = match self {
            Persona::Assistant
            | Persona::Weather
            | Persona::RefusesStore
            | Persona::Hosted
            | Persona::Reasons
            | Persona::UnknownEvents => return Ok(None),
            Persona::Approval if conversation.waits_for_answer() => return Ok(None),
            Persona::Echo => Answer::text(conversation.last_user_text()),
            Persona::Cites => Answer::parts(vec![cited_message(dialect)]),
            Persona::MakesFiles => Answer::parts(made_files(dialect)),
            Persona::Draws => {
                Answer::parts(vec![Part::Image, Part::message("Here is the picture.")])
            }
            Persona::Approval => Answer::parts(vec![Part::Approval {
                name: "search_catalogue".to_owned(),
                arguments: "{\"query\":\"lamps\"}".to_owned(),
                server_label: "catalogue".to_owned(),
            }]),
            Persona::Consent => Answer::parts(vec![Part::Consent {
                link: "https://consent.example.com/start?code=emulated".to_owned(),
                server_label: "calendar".to_owned(),
            }]),
            Persona::Refuses => Answer::parts(vec![Part::Refusal(
                "I'm sorry, I cannot help with that.".to_owned(),
            )]),
            Persona::TwoMessages => Answer::parts(vec![
                Part::message("This is the first message."),
                Part::message("This is the second message."),
            ]),
            Persona::Workflow => Answer {
                is_workflow: true,
                ..Answer::parts(vec![
                    Part::Action("SendActivity".to_owned()),
                    Part::message("The first step is done."),
                    Part::Action("SendActivity".to_owned()),
                    Part::message(format!(
                        "All is done for: {}",
                        conversation.last_user_text()
                    )),
                ])
            },
            Persona::RateLimit => {
                return Err(refusals::rate_limit().with_header("retry-after", "7"));
            }
            Persona::RateLimitMilliseconds => {
                return Err(refusals::rate_limit().with_header("retry-after-ms", "1500"));
            }
            Persona::RateLimitXMilliseconds => {
                return Err(refusals::rate_limit().with_header("x-ms-retry-after-ms", "2500"));
            }
            Persona::RateLimitBare => return Err(refusals::too_many_requests()),
            Persona::RunRateLimit => failed(
                "rate_limit_exceeded",
                "Rate limit is exceeded. Try again in 60 seconds.",
            ),
            Persona::RunServerError => failed("server_error", "Sorry, something went wrong."),
            Persona::RunModel => failed(
                "invalid_engine_error",
                "No connection matching model: gpt-emulated",
            ),
            Persona::Permission => return Err(refusals::permission_denied(dialect)),
            Persona::Audience => return Err(crate::auth::wrong_audience()),
            Persona::ContentFilter => return Err(refusals::content_filter()),
            Persona::ContentFilterOutput => some_text().ending(Ending::CutByFilter),
            Persona::Length => some_text().ending(Ending::CutByLength),
            Persona::ErrorEvent => some_text().breaking(Stage::Created, Fault::ErrorEvent),
            Persona::ErrorEventMiddle => some_text().breaking(Stage::Middle, Fault::ErrorEvent),
            Persona::Cut => some_text().breaking(Stage::Middle, Fault::Eof),
            Persona::Reset => some_text().breaking(Stage::Middle, Fault::Reset),
            Persona::Malformed => some_text().breaking(Stage::Middle, Fault::Malformed),
            Persona::ServerError => return Err(refusals::server_error()),
            Persona::Unavailable => return Err(refusals::unavailable()),
            Persona::Html => return Err(refusals::bad_gateway_page()),
            Persona::Locked => {
                return Err(match dialect {
                    Dialect::Responses => refusals::conversation_locked(),
                    Dialect::Threads => refusals::active_run("thread_emulated", "run_emulated"),
                });
            }
            Persona::Cancelled => some_text().ending(Ending::Cancelled),
            Persona::Expired => some_text().ending(Ending::Expired),
            Persona::StallHeaders => some_text().breaking(Stage::Headers, Fault::Stall),
            Persona::StallCreated => some_text().breaking(Stage::Created, Fault::Stall),
            Persona::StallMiddle => some_text().breaking(Stage::Middle, Fault::Stall),
        };
        Ok(Some(answer))
    }

    /// The kind of the agent, where it is not `prompt`.
    pub(crate) fn kind(self) -> Option<&'static str> {
        match self {
            Persona::Hosted => Some("hosted"),
            Persona::Workflow => Some("workflow"),
            _ => None,
        }
    }

    /// What this agent adds to a thought of its own.
    pub(crate) fn decorated(self, mut answer: Answer) -> Answer {
        match self {
            Persona::Reasons => {
                let summary = "The user wants an answer, so I give one.".to_owned();
                answer.parts.insert(0, Part::Reasoning(summary));
                answer.reasoning_tokens = 64;
            }
            Persona::UnknownEvents => answer.with_unknown_events = true,
            _ => {}
        }
        answer
    }
}

/// A table that the agent's code wrote, cited by its path in the sandbox; classic agents draw it, too.
fn made_files(dialect: Dialect) -> Vec<Part> {
    const PATH: &str = "sandbox:/mnt/data/chart.csv";
    let text = format!("The table ≈ {CITED_TEXT} is [here]({PATH}).");
    let made = Source::MadeFile {
        filename: "chart.csv".to_owned(),
    };
    let message = Part::Message {
        citations: Citation::of(&text, PATH, made).into_iter().collect(),
        text,
    };
    match dialect {
        Dialect::Responses => vec![Part::Code("print(22 / 7)".to_owned()), message],
        Dialect::Threads => vec![message, Part::Image],
    }
}

/// A text with non-ASCII characters before its citations; classic agents write a marker into the text.
fn cited_message(dialect: Dialect) -> Part {
    let (page, file) = match dialect {
        Dialect::Responses => ("the π page", "constants.md"),
        Dialect::Threads => ("【3:0†source】", "【3:1†constants.md】"),
    };
    let text = format!("{CITED_TEXT}, says {page} and so does {file}.");
    let url = Source::Url {
        url: "https://example.com/pi".to_owned(),
        title: "All about π".to_owned(),
    };
    let document = Source::File {
        file_id: "assistant-emulatedfile".to_owned(),
        filename: "constants.md".to_owned(),
    };
    let citations = [
        Citation::of(&text, page, url),
        Citation::of(&text, file, document),
    ];
    Part::Message {
        citations: citations.into_iter().flatten().collect(),
        text,
    }
}
