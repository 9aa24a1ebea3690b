//! The bytes of an agent's answers: recordings of the service with as many deltas as a scenario wants.
//!
//! They are made once, each event as a chunk of HTTP/1.1. A number of fixed width makes each answer's ids and text its
//! own without changing a length.

use std::fmt::Write as _;

const NEW: &str =
    include_str!("../../tests/fixtures/recordings/new/prompt_agent_stream.preview.sse");
const NEW_RESPONSE: &str = "resp_fe045874fd625fee006982121c5360819099a355bd83d6c811";
const NEW_TEXT: &str = "The capital of France is Paris.";

const CLASSIC: &str = include_str!("../../tests/fixtures/recordings/classic/create_stream.sse");
const CLASSIC_RUN: &str = "run_YzrfmWISvOtaM0dCxyDqZzRj";
const CLASSIC_THREAD: &str = "thread_7ISSfUbj0zxL9ZaHrp4zC8ma";
const CLASSIC_TEXT: &str = "Of course! Here's a joke for you:\\n\\nWhy don’t skeletons fight each other?\\n\\n\
                            Because they don’t have the guts! 😄";

/// What stands for the number of an answer until that is known.
const NUMBER: &str = "@@@@@@@";

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\
                    date: Sun, 29 Nov 2026 12:00:00 GMT\r\nx-request-id: 4ff1d1b1-7c1f-4d6e-b0a3-000000000000\r\n\
                    x-ms-region: Sweden Central\r\n\r\n";

/// Which of the service's two dialects an answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Responses API.
    New,
    /// Threads and runs.
    Classic,
}

/// An answer in three parts, so that it can be sent at once or word by word.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    opening: String,
    deltas: Vec<String>,
    closing: String,
}

impl Answer {
    /// An answer of `deltas` words, as the recording of `dialect` has it around them.
    pub(crate) fn recorded(dialect: Dialect, deltas: usize) -> Self {
        let (recording, delta_event) = match dialect {
            Dialect::New => (NEW, "event: response.output_text.delta\n"),
            Dialect::Classic => (CLASSIC, "event: thread.message.delta\n"),
        };
        let mut answer = Self {
            opening: HEAD.to_owned(),
            deltas: Vec::new(),
            closing: String::new(),
        };
        let text: String = (0..deltas).map(word).collect();
        for event in recording.trim_end().split("\n\n") {
            if event.starts_with(delta_event) {
                if answer.deltas.is_empty() {
                    answer.deltas = (0..deltas)
                        .map(|index| chunk(&delta(dialect, index)))
                        .collect();
                }
                continue;
            }
            let event = renamed(dialect, event, &text);
            if answer.deltas.is_empty() {
                answer.opening.push_str(&chunk(&event));
            } else {
                answer.closing.push_str(&chunk(&event));
            }
        }
        answer.closing.push_str("0\r\n\r\n");
        answer
    }

    /// The head of the response and the events before the first word.
    pub(crate) fn opening(&self, number: u64) -> String {
        numbered(&self.opening, number)
    }

    /// The events of the words, one by one.
    pub(crate) fn deltas(&self, number: u64) -> impl Iterator<Item = String> + '_ {
        self.deltas.iter().map(move |delta| numbered(delta, number))
    }

    /// The events after the last word, and the end of the body.
    pub(crate) fn closing(&self, number: u64) -> String {
        numbered(&self.closing, number)
    }

    /// All of it.
    pub(crate) fn whole(&self, number: u64) -> String {
        let mut whole = self.opening(number);
        whole.extend(self.deltas(number));
        whole.push_str(&self.closing(number));
        whole
    }
}

/// What the agent says in the answer of this number, as a client puts it together.
pub(crate) fn text(number: u64, deltas: usize) -> String {
    numbered(&(0..deltas).map(word).collect::<String>(), number)
}

/// One word of an answer; the first is the number, so that no two answers are alike.
pub(crate) fn word(index: usize) -> String {
    if index == 0 {
        NUMBER.to_owned()
    } else {
        format!(" w{index:03}")
    }
}

fn delta(dialect: Dialect, index: usize) -> String {
    let word = word(index);
    match dialect {
        Dialect::New => format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
             \"sequence_number\":{},\"item_id\":\"msg_fe045874fd625fee006982121ca2fc8190a76af55903ec9f53\",\
             \"output_index\":0,\"content_index\":0,\"delta\":\"{word}\",\"logprobs\":[],\
             \"obfuscation\":\"Y4AbQv4FmBo\"}}",
            index + 4
        ),
        Dialect::Classic => format!(
            "event: thread.message.delta\ndata: {{\"id\":\"msg_LJpjzinOhi3QbKWxrNlvXXS7\",\
             \"object\":\"thread.message.delta\",\"delta\":{{\"content\":[{{\"index\":0,\"type\":\"text\",\
             \"text\":{{\"value\":\"{word}\"}}}}]}}}}"
        ),
    }
}

/// A recorded event with the ids and the text of the answer that is made.
fn renamed(dialect: Dialect, event: &str, text: &str) -> String {
    match dialect {
        Dialect::New => event
            .replace(NEW_RESPONSE, &with_number(NEW_RESPONSE))
            .replace(NEW_TEXT, text),
        Dialect::Classic => event
            .replace(CLASSIC_RUN, &with_number(CLASSIC_RUN))
            .replace(CLASSIC_THREAD, &with_number(CLASSIC_THREAD))
            .replace(CLASSIC_TEXT, text),
    }
}

/// An id of the same length that ends in the number.
fn with_number(id: &str) -> String {
    let kept = id.len() - NUMBER.len();
    id.chars().take(kept).chain(NUMBER.chars()).collect()
}

fn numbered(template: &str, number: u64) -> String {
    template.replace(NUMBER, &format!("{number:07}"))
}

fn chunk(event: &str) -> String {
    let mut chunk = String::new();
    // Writing to a `String` cannot fail.
    let _ = write!(chunk, "{:x}\r\n{event}\n\n\r\n", event.len() + 2);
    chunk
}
