//! Reads an answer as it comes, in either dialect, and says whether it is right. Pure.

mod wire;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::wire::{ChatObject, ResponseObject, ResponsesEvent};

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Foundry's Responses API: the service itself, and what passes it through.
    Responses,
    /// OpenAI's chat completions: gateways.
    Chat,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The connection failed before the answer was whole.
    Connection(String),
    /// A status other than 200.
    Status(u16, String),
    /// Something that the dialect does not know.
    Unreadable(String),
    /// An error inside the answer.
    Error(String),
    /// Another text than the right one.
    Text(String),
    /// Another end than a good one.
    Ending(String),
    /// A stream of chat completions without `[DONE]`.
    MissingDone,
}

impl Problem {
    /// In one word, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connection(_) => "connection",
            Self::Status(..) => "status",
            Self::Unreadable(_) => "unreadable",
            Self::Error(_) => "error",
            Self::Text(_) => "text",
            Self::Ending(_) => "ending",
            Self::MissingDone => "missing [DONE]",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => write!(formatter, "the connection failed: {error}"),
            Self::Status(status, body) => write!(formatter, "status {status}: {body}"),
            Self::Unreadable(what) => write!(formatter, "unreadable: {what}"),
            Self::Error(error) => write!(formatter, "an error in the answer: {error}"),
            Self::Text(text) => write!(formatter, "the wrong text: {text:?}"),
            Self::Ending(end) => write!(formatter, "ended by {end:?}"),
            Self::MissingDone => formatter.write_str("no [DONE] at the end of the stream"),
        }
    }
}

/// An answer as far as it has come.
#[derive(Debug)]
pub struct AnswerReader {
    dialect: Dialect,
    stream: bool,
    /// Of a stream the line that is not whole yet, else the whole body.
    pending: Vec<u8>,
    text: String,
    end: Option<String>,
    done: bool,
    response_id: Option<String>,
    problem: Option<Problem>,
}

/// A right answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its text.
    pub text: String,
    /// The id by which a Responses request goes on with it.
    pub response_id: Option<String>,
}

impl AnswerReader {
    /// Begins to read the answer to a request that did or did not ask for a stream.
    pub fn new(dialect: Dialect, stream: bool) -> Self {
        Self {
            dialect,
            stream,
            pending: Vec::new(),
            text: String::new(),
            end: None,
            done: false,
            response_id: None,
            problem: None,
        }
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if !self.stream {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            self.line(line.strip_suffix(b"\r").unwrap_or(line));
            rest = after.get(1..).unwrap_or_default();
        }
        self.pending = rest.to_vec();
    }

    /// Whether there is text by now.
    pub fn has_text(&self) -> bool {
        !self.text.is_empty()
    }

    /// The body has ended: is it the right answer?
    pub fn finish(mut self, expected: &str) -> Result<Answer, Problem> {
        if !self.stream {
            self.whole();
        }
        let good_end = match self.dialect {
            Dialect::Responses => "completed",
            Dialect::Chat => "stop",
        };
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if self.text != expected {
            return Err(Problem::Text(self.text));
        }
        if self.end.as_deref() != Some(good_end) {
            return Err(Problem::Ending(self.end.unwrap_or_default()));
        }
        // A Responses stream has no such line.
        if self.stream && self.dialect == Dialect::Chat && !self.done {
            return Err(Problem::MissingDone);
        }
        Ok(Answer {
            text: self.text,
            response_id: self.response_id,
        })
    }

    fn line(&mut self, line: &[u8]) {
        let Some(data) = line.strip_prefix(b"data:") else {
            return;
        };
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return;
        }
        let read = match self.dialect {
            Dialect::Responses => {
                serde_json::from_slice(data).map(|event| self.responses_event(event))
            }
            Dialect::Chat => serde_json::from_slice(data).map(|chunk| self.chat(chunk)),
        };
        if let Err(error) = read {
            self.unreadable(&error, data);
        }
    }

    fn whole(&mut self) {
        let body = std::mem::take(&mut self.pending);
        let read = match self.dialect {
            Dialect::Responses => serde_json::from_slice(&body).map(|whole| self.response(whole)),
            Dialect::Chat => serde_json::from_slice(&body).map(|whole| self.chat(whole)),
        };
        if let Err(error) = read {
            self.unreadable(&error, &body);
        }
    }

    fn unreadable(&mut self, error: &serde_json::Error, data: &[u8]) {
        let what = format!("{error} in {}", String::from_utf8_lossy(data));
        self.problem.get_or_insert(Problem::Unreadable(what));
    }

    fn responses_event(&mut self, event: ResponsesEvent<'_>) {
        match &*event.kind {
            "response.output_text.delta" => self.text.push_str(&event.delta),
            "response.created" => {
                self.response_id = event.response.map(|response| response.id.into_owned());
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.end = event.response.map(|response| response.status.into_owned());
            }
            "error" => {
                let error = Problem::Error("an error event".to_owned());
                self.problem.get_or_insert(error);
            }
            _ => {}
        }
    }

    fn response(&mut self, response: ResponseObject<'_>) {
        self.response_id = Some(response.id.into_owned());
        self.end = Some(response.status.into_owned());
        for part in response.output.iter().flat_map(|item| &item.content) {
            self.text.push_str(&part.text);
        }
    }

    fn chat(&mut self, chunk: ChatObject<'_>) {
        if let Some(error) = chunk.error {
            let error = Problem::Error(error.message.into_owned());
            self.problem.get_or_insert(error);
        }
        for choice in chunk.choices {
            let said = choice
                .delta
                .or(choice.message)
                .and_then(|said| said.content);
            self.text.push_str(&said.unwrap_or_default());
            if let Some(reason) = choice.finish_reason {
                self.end = Some(reason.into_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKS: [&str; 4] = [
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"#q0000001\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\" tok1\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    ];
    const TEXT: &str = "#q0000001 tok1";

    fn read(dialect: Dialect, stream: bool, body: &str) -> Result<Answer, Problem> {
        // One byte at a time, which is as cut up as a body can be.
        let mut reader = AnswerReader::new(dialect, stream);
        for byte in body.as_bytes() {
            reader.push(&[*byte]);
        }
        reader.finish(TEXT)
    }

    fn chat_stream(chunks: &[&str]) -> Result<Answer, Problem> {
        read(Dialect::Chat, true, &chunks.concat())
    }

    #[test]
    fn a_right_stream_is_right() {
        assert_eq!(chat_stream(&CHUNKS).unwrap().text, TEXT);
    }

    #[test]
    fn a_stream_without_done_is_seen() {
        assert_eq!(chat_stream(&CHUNKS[..3]), Err(Problem::MissingDone));
    }

    #[test]
    fn a_missing_doubled_or_foreign_text_is_seen() {
        let [role, text, end, done] = CHUNKS;
        for chunks in [
            [role, role, end, done].as_slice(),
            &[role, text, text, end, done],
        ] {
            let problem = chat_stream(chunks).unwrap_err();
            assert_eq!(problem.kind(), "text", "{problem}");
        }
        let foreign = text.replace("#q0000001", "#q0000002");
        let problem = chat_stream(&[role, &foreign, end, done]).unwrap_err();
        assert_eq!(problem, Problem::Text("#q0000002 tok1".to_owned()));
    }

    #[test]
    fn another_end_than_stop_is_seen() {
        let [role, text, end, done] = CHUNKS;
        let cut = end.replace("stop", "length");
        let problem = chat_stream(&[role, text, &cut, done]).unwrap_err();
        assert_eq!(problem, Problem::Ending("length".to_owned()));
        let problem = chat_stream(&[role, text, done]).unwrap_err();
        assert_eq!(problem, Problem::Ending(String::new()));
    }

    #[test]
    fn an_error_in_a_stream_and_garbage_are_seen() {
        let [role, text, end, done] = CHUNKS;
        let error = "data: {\"error\":{\"message\":\"the agent failed\"}}\n\n";
        let problem = chat_stream(&[role, text, error, end, done]).unwrap_err();
        assert_eq!(problem, Problem::Error("the agent failed".to_owned()));
        let problem = chat_stream(&[role, text, "data: {\n\n", end, done]).unwrap_err();
        assert_eq!(problem.kind(), "unreadable");
    }

    #[test]
    fn whole_answers_of_both_dialects_are_read() {
        let chat = format!(
            r#"{{"choices":[{{"message":{{"content":"{TEXT}"}},"finish_reason":"stop"}}]}}"#
        );
        assert_eq!(read(Dialect::Chat, false, &chat).unwrap().text, TEXT);
        let response = format!(
            r#"{{"id":"resp_1","status":"completed","output":[{{"content":[{{"text":"{TEXT}"}}]}}]}}"#
        );
        let answer = read(Dialect::Responses, false, &response).unwrap();
        assert_eq!(answer.response_id.as_deref(), Some("resp_1"));
        let incomplete = response.replace("completed", "incomplete");
        let problem = read(Dialect::Responses, false, &incomplete).unwrap_err();
        assert_eq!(problem, Problem::Ending("incomplete".to_owned()));
    }
}
