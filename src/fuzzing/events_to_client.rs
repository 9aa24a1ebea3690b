//! Events of the waist to what a client reads: in chunks and as a whole.

use bytes::BytesMut;
use serde_json::Value;

use crate::{
    agent::{End, Event},
    openai::chat::{AnswerHead, answer::AnswerFold, chunks::ChunkWriter},
    sse::Decoder,
};

/// What a client has at the end.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    content: String,
    refusal: String,
    reasoning: String,
    /// Id, name and arguments.
    calls: Vec<[String; 3]>,
    annotations: Vec<Value>,
    finish_reason: Option<String>,
    usage: Option<Value>,
    has_failed: bool,
}

/// Asserts that the same events, in chunks and as a whole answer, tell the client the same, and that a failure is told
/// as one: no finish reason, no `[DONE]`, an error instead.
pub(super) fn check(events: &[Event], show_reasoning: bool) {
    let head = || AnswerHead {
        id: "chatcmpl-1".to_owned(),
        created: 1,
        model: "helper".to_owned(),
        thread_id: Some("thread_1".to_owned()),
        show_reasoning,
    };
    let streamed = in_chunks(events, head());
    let whole = as_a_whole(events, &head());
    let failed = matches!(events.last(), Some(Event::End(End::Failed(_))));
    assert_eq!(streamed.has_failed, failed, "{events:?}");
    assert_eq!(whole.has_failed, failed, "{events:?}");
    if failed {
        assert_eq!(streamed.finish_reason, None, "a failure with a good end");
        return;
    }
    assert_eq!(streamed, whole, "{events:?}");
}

fn in_chunks(events: &[Event], head: AnswerHead) -> Heard {
    let mut writer = ChunkWriter::new(head, true);
    let mut out = BytesMut::new();
    let mut told = Heard::default();
    for event in events {
        told.has_failed |= writer.write(event, &mut out).is_err();
    }
    let mut is_done = false;
    let mut errors = 0;
    let mut decoder = Decoder::new(usize::MAX / 2);
    let read = decoder.feed(&out, |name, data| {
        assert!(name.is_empty() && !is_done, "after [DONE]: {name} {data}");
        if data == "[DONE]" {
            is_done = true;
            return;
        }
        let chunk = json(data);
        match chunk.get("error") {
            Some(error) => {
                assert!(error["message"].is_string() && error["code"].is_string());
                errors += 1;
            }
            None => told.take_chunk(&chunk),
        }
    });
    assert_eq!(read, Ok(()), "chunks are no event stream");
    assert_eq!(is_done, !told.has_failed, "[DONE] is for a good end");
    assert_eq!(errors, usize::from(told.has_failed), "one error");
    told
}

fn as_a_whole(events: &[Event], head: &AnswerHead) -> Heard {
    let mut fold = AnswerFold::default();
    let mut told = Heard::default();
    for event in events {
        match fold.push(event.clone()) {
            None => {}
            Some(Err(_)) => told.has_failed = true,
            Some(Ok(reason)) => {
                let body = fold.body(head, reason);
                let body = json(std::str::from_utf8(&body).unwrap_or_default());
                told.take_whole(&body);
            }
        }
    }
    told
}

impl Heard {
    fn take_chunk(&mut self, chunk: &Value) {
        if chunk["usage"].is_object() {
            self.usage = Some(chunk["usage"].clone());
        }
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        self.content += text(&delta["content"]);
        self.refusal += text(&delta["refusal"]);
        self.reasoning += text(&delta["reasoning_content"]);
        self.annotations.extend(list(&delta["annotations"]));
        for call in list(&delta["tool_calls"]) {
            let index = call["index"].as_u64().unwrap_or(u64::MAX);
            if index == self.calls.len() as u64 {
                self.calls.push(Default::default());
            }
            let known = self.calls.iter_mut().zip(0..).find(|(_, at)| *at == index);
            let parts = [
                text(&call["id"]),
                text(&call["function"]["name"]),
                text(&call["function"]["arguments"]),
            ];
            let Some((known, _)) = known else {
                assert!(known.is_some(), "a call out of order: {call}");
                return;
            };
            for (known, part) in known.iter_mut().zip(parts) {
                known.push_str(part);
            }
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            assert_eq!(self.finish_reason, None, "a second finish reason");
            self.finish_reason = Some(reason.to_owned());
        }
    }

    fn take_whole(&mut self, body: &Value) {
        self.usage = body.get("usage").cloned();
        let choice = &body["choices"][0];
        let message = &choice["message"];
        text(&message["content"]).clone_into(&mut self.content);
        text(&message["refusal"]).clone_into(&mut self.refusal);
        text(&message["reasoning_content"]).clone_into(&mut self.reasoning);
        self.annotations = list(&message["annotations"]);
        self.calls = list(&message["tool_calls"])
            .iter()
            .map(|call| {
                let function = &call["function"];
                [&call["id"], &function["name"], &function["arguments"]]
                    .map(|part| text(part).to_owned())
            })
            .collect();
        self.finish_reason = choice["finish_reason"].as_str().map(str::to_owned);
    }
}

fn json(text: &str) -> Value {
    let read = serde_json::from_str(text);
    assert!(read.is_ok(), "no JSON for the client: {text}");
    read.unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
