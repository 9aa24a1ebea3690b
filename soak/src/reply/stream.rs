//! A streamed answer: comments and chunks, then `[DONE]` after a clean end, or one error and nothing after it.

use serde_json::Value;

use super::{Reply, error};

/// Reads a stream that has ended.
pub(crate) fn read_stream(body: &[u8]) -> Reply {
    let Ok(text) = std::str::from_utf8(body) else {
        return Reply::Malformed("a stream that is not UTF-8".to_owned());
    };
    read(text).unwrap_or_else(|problem| {
        let end: String = text.chars().rev().take(300).collect();
        let end: String = end.chars().rev().collect();
        Reply::Malformed(format!("{problem}; the stream ends in {end:?}"))
    })
}

/// What has been read of a stream so far.
#[derive(Debug, Default)]
struct Reading {
    id: Option<String>,
    thread_id: Option<String>,
    has_role: bool,
    text: String,
    finished: bool,
}

fn read(text: &str) -> Result<Reply, &'static str> {
    let Some(text) = text.strip_suffix("\n\n") else {
        return Err("the last event is not whole");
    };
    let mut reading = Reading::default();
    let mut events = text.split("\n\n").filter(|event| !event.starts_with(':'));
    while let Some(event) = events.next() {
        let data = event.strip_prefix("data: ").ok_or("no data in an event")?;
        if data.contains('\n') {
            return Err("an event of several lines");
        }
        if data == "[DONE]" {
            return match (events.next(), reading.finished) {
                (None, true) => reading.answer(),
                (Some(_), _) => Err("something follows [DONE]"),
                (None, false) => Err("[DONE] without a finish_reason"),
            };
        }
        let data: Value = serde_json::from_str(data).map_err(|_| "an event that is not JSON")?;
        if data.get("error").is_some() {
            let error = error(200, &data).ok_or("an error without all of its fields")?;
            return match (events.next(), reading.finished) {
                (None, false) => Ok(error),
                (Some(_), _) => Err("something follows the error"),
                (None, true) => Err("an error after the finish_reason"),
            };
        }
        reading.take(&data)?;
    }
    Err("the stream ends without [DONE] and without an error")
}

impl Reading {
    fn take(&mut self, chunk: &Value) -> Result<(), &'static str> {
        let text = |pointer: &str| chunk.pointer(pointer).and_then(Value::as_str);
        if text("/object") != Some("chat.completion.chunk") {
            return Err("an event that is no chunk");
        }
        let id = text("/id").ok_or("a chunk without an id")?;
        match &self.id {
            None => {
                self.id = Some(id.to_owned());
                self.thread_id = text("/thread_id").map(str::to_owned);
            }
            Some(first) if first == id => {}
            Some(_) => return Err("a chunk of another answer"),
        }
        let choices = chunk.get("choices").and_then(Value::as_array);
        let choices = choices.ok_or("a chunk without choices")?;
        if choices.is_empty() {
            // The usage, which follows the end.
            return if self.finished {
                Ok(())
            } else {
                Err("usage before the finish_reason")
            };
        }
        if self.finished {
            return Err("a delta after the finish_reason");
        }
        self.has_role |= text("/choices/0/delta/role") == Some("assistant");
        if !self.has_role {
            return Err("a delta before the role");
        }
        self.text
            .push_str(text("/choices/0/delta/content").unwrap_or_default());
        match text("/choices/0/finish_reason") {
            None => {}
            Some("stop") => self.finished = true,
            Some(_) => return Err("another finish_reason than stop"),
        }
        Ok(())
    }

    fn answer(self) -> Result<Reply, &'static str> {
        Ok(Reply::Answer {
            text: self.text,
            thread_id: self.thread_id.ok_or("no thread_id in the first chunk")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = r#"data: {"id":"1","object":"chat.completion.chunk","choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"thread_id":"t"}"#;
    const TEXT: &str = r#"data: {"id":"1","object":"chat.completion.chunk","choices":[{"delta":{"content":"hi"},"finish_reason":null}]}"#;
    const STOP: &str = r#"data: {"id":"1","object":"chat.completion.chunk","choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    const USAGE: &str =
        r#"data: {"id":"1","object":"chat.completion.chunk","choices":[],"usage":{}}"#;
    const ERROR: &str =
        r#"data: {"error":{"message":"m","type":"t","param":null,"code":"agent_failed"}}"#;
    const DONE: &str = "data: [DONE]";
    const COMMENT: &str = ": keep-alive";

    fn reply(events: &[&str]) -> Reply {
        let stream = [events, &[""]].concat().join("\n\n");
        read_stream(stream.as_bytes())
    }

    #[test]
    fn a_clean_stream_is_an_answer() {
        let answer = Reply::Answer {
            text: "hihi".to_owned(),
            thread_id: "t".to_owned(),
        };
        let events = [COMMENT, ROLE, TEXT, COMMENT, TEXT, STOP, USAGE, DONE];
        assert_eq!(reply(&events), answer);
    }

    #[test]
    fn an_error_ends_a_stream() {
        let failed = Reply::Failed {
            status: 200,
            code: "agent_failed".to_owned(),
        };
        assert_eq!(reply(&[ROLE, TEXT, ERROR]), failed);
        assert_eq!(reply(&[COMMENT, ERROR]), failed);
    }

    #[test]
    fn everything_else_is_malformed() {
        let other_id = TEXT.replace("\"1\"", "\"2\"");
        let cut = STOP.replace("stop", "length");
        for events in [
            &[ROLE, TEXT, ERROR, DONE][..],
            &[ROLE, TEXT, DONE],
            &[ROLE, TEXT, STOP],
            &[ROLE, TEXT],
            &[],
            &[TEXT, STOP, DONE],
            &[ROLE, STOP, TEXT, DONE],
            &[ROLE, STOP, DONE, DONE],
            &[ROLE, STOP, ERROR],
            &[ROLE, &other_id, STOP, DONE],
            &[ROLE, &cut, DONE],
            &[ROLE, "data: {", STOP, DONE],
            &[ROLE, "event: x", STOP, DONE],
        ] {
            let reply = reply(events);
            assert!(matches!(reply, Reply::Malformed(_)), "{events:?}");
        }
        let whole = [ROLE, TEXT, STOP, DONE].join("\n\n");
        assert!(matches!(read_stream(whole.as_bytes()), Reply::Malformed(_)));
    }
}
