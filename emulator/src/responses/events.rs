//! An answer laid out as the events of a stream, before they get their sequence numbers.

use serde_json::{Map, Value, json};

use super::object::{Settings, item_json};
use crate::answer::{Answer, Citation, Part, Source};
use crate::brain::pieces;
use crate::files::made;
use crate::ids;
use crate::stream::Mark;

/// One event, and what it completes.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) body: Map<String, Value>,
    pub(crate) mark: Mark,
    /// About half of the text has been said with it.
    pub(crate) half: bool,
    /// The output item that is complete with it.
    pub(crate) completes: Option<Value>,
}

/// The events between `response.in_progress` and the terminal event.
pub(crate) fn lay_out(settings: &Settings, answer: &Answer, obfuscate: bool) -> Vec<Event> {
    let mut layout = Layout {
        settings,
        obfuscate,
        whole_messages: answer.is_workflow,
        events: Vec::new(),
        output_index: 0,
    };
    if answer.with_unknown_events {
        layout.unknown();
    }
    for part in &answer.parts {
        layout.part(part);
        if answer.with_unknown_events {
            layout.push("response.emulator_future.ticked", json!({"ticks": 1}));
        }
    }
    mark_half(&mut layout.events);
    layout.events
}

/// Marks the first piece of text, and the one with which half of the text has been said.
fn mark_half(events: &mut [Event]) {
    let total = events
        .iter()
        .filter(|event| event.mark == Mark::Text)
        .count();
    let texts = events.iter_mut().filter(|event| event.mark == Mark::Text);
    for (place, event) in texts.enumerate() {
        if place == 0 {
            event.mark = Mark::FirstText;
        }
        event.half = place + 1 == total.div_ceil(2);
    }
}

struct Layout<'a> {
    settings: &'a Settings,
    obfuscate: bool,
    whole_messages: bool,
    events: Vec<Event>,
    output_index: usize,
}

impl Layout<'_> {
    fn part(&mut self, part: &Part) {
        match part {
            Part::Message { text, .. } if self.whole_messages => self.whole_message(text),
            Part::Message { text, citations } => self.message(text, citations),
            Part::Action(kind) => self.whole_item(
                "workflow_action",
                &ids::response("wfa"),
                &json!({"kind": kind, "action_id": ids::uuid(), "status": "completed"}),
            ),
            Part::Refusal(text) => self.refusal(text),
            Part::Reasoning(summary) => self.reasoning(summary),
            Part::Code(code) => self.code(code),
            Part::Image => self.image(),
            Part::Call { name, arguments } => self.call(name, arguments),
            Part::Approval {
                name,
                arguments,
                server_label,
            } => self.whole_item(
                "mcp_approval_request",
                &ids::response("mcpr"),
                &json!({"arguments": arguments, "name": name, "server_label": server_label}),
            ),
            Part::Consent { link, server_label } => self.whole_item(
                "oauth_consent_request",
                &ids::response("oacr"),
                &json!({"consent_link": link, "server_label": server_label}),
            ),
        }
        self.output_index += 1;
    }

    fn message(&mut self, text: &str, citations: &[Citation]) {
        let id = ids::response("msg");
        let annotations: Vec<Value> = citations.iter().map(annotation).collect();
        self.message_start(
            &id,
            &json!({"type": "output_text", "annotations": [], "logprobs": [], "text": ""}),
        );
        for piece in pieces(text) {
            let mut body = self.place(&id);
            body.insert("delta".to_owned(), json!(piece));
            body.insert("logprobs".to_owned(), json!([]));
            self.text_event("response.output_text.delta", body, piece.len());
        }
        for (index, annotation) in annotations.iter().enumerate() {
            let mut body = self.place(&id);
            body.insert("annotation_index".to_owned(), json!(index));
            body.insert("annotation".to_owned(), annotation.clone());
            self.push("response.output_text.annotation.added", Value::Object(body));
        }
        let mut body = self.place(&id);
        body.insert("text".to_owned(), json!(text));
        body.insert("logprobs".to_owned(), json!([]));
        self.push("response.output_text.done", Value::Object(body));
        self.message_end(
            &id,
            &json!({"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}),
            &json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}),
        );
    }

    fn refusal(&mut self, text: &str) {
        let id = ids::response("msg");
        self.message_start(&id, &json!({"type": "refusal", "refusal": ""}));
        for piece in pieces(text) {
            let mut body = self.place(&id);
            body.insert("delta".to_owned(), json!(piece));
            self.text_event("response.refusal.delta", body, piece.len());
        }
        let mut body = self.place(&id);
        body.insert("refusal".to_owned(), json!(text));
        self.push("response.refusal.done", Value::Object(body));
        let part = json!({"type": "refusal", "refusal": text});
        self.message_end(&id, &part, &part);
    }

    fn message_start(&mut self, id: &str, part: &Value) {
        let item = self.item(
            "message",
            id,
            Some("in_progress"),
            &json!({"role": "assistant", "content": []}),
        );
        self.item_added(&item);
        let mut body = self.place(id);
        body.insert("part".to_owned(), part.clone());
        self.push("response.content_part.added", Value::Object(body));
    }

    fn message_end(&mut self, id: &str, part: &Value, content: &Value) {
        let mut body = self.place(id);
        body.insert("part".to_owned(), part.clone());
        self.push("response.content_part.done", Value::Object(body));
        let item = self.item(
            "message",
            id,
            Some("completed"),
            &json!({"role": "assistant", "content": [content]}),
        );
        self.item_done(item);
    }

    fn reasoning(&mut self, summary: &str) {
        let id = ids::response("rs");
        let item = self.item("reasoning", &id, None, &json!({"summary": []}));
        self.item_added(&item);
        let place = |output_index: usize| {
            let mut body = Map::new();
            body.insert("item_id".to_owned(), json!(id));
            body.insert("output_index".to_owned(), json!(output_index));
            body.insert("summary_index".to_owned(), json!(0));
            body
        };
        let with = |mut body: Map<String, Value>, key: &str, value: Value| {
            body.insert(key.to_owned(), value);
            Value::Object(body)
        };
        let output_index = self.output_index;
        let part = |text: &str| json!({"type": "summary_text", "text": text});
        self.push(
            "response.reasoning_summary_part.added",
            with(place(output_index), "part", part("")),
        );
        self.push(
            "response.reasoning_summary_text.delta",
            with(place(output_index), "delta", json!(summary)),
        );
        self.push(
            "response.reasoning_summary_text.done",
            with(place(output_index), "text", json!(summary)),
        );
        self.push(
            "response.reasoning_summary_part.done",
            with(place(output_index), "part", part(summary)),
        );
        let item = self.item("reasoning", &id, None, &json!({"summary": [part(summary)]}));
        self.item_done(item);
    }

    fn call(&mut self, name: &str, arguments: &str) {
        let (id, call_id) = (ids::response("fc"), ids::call());
        let fields =
            |arguments: &str| json!({"call_id": call_id, "name": name, "arguments": arguments});
        let item = self.item("function_call", &id, Some("in_progress"), &fields(""));
        self.item_added(&item);
        for piece in pieces(arguments) {
            let mut body = self.item_place(&id);
            body.insert("delta".to_owned(), json!(piece));
            self.text_event("response.function_call_arguments.delta", body, piece.len());
        }
        let mut body = self.item_place(&id);
        body.insert("arguments".to_owned(), json!(arguments));
        self.push("response.function_call_arguments.done", Value::Object(body));
        let item = self.item("function_call", &id, Some("completed"), &fields(arguments));
        self.item_done(item);
    }

    /// A message that is there at once, as workflows send theirs.
    fn whole_message(&mut self, text: &str) {
        let part = json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
        let fields = json!({"role": "assistant", "status": "completed", "content": [part]});
        let item = self.item("message", &ids::response("msg"), None, &fields);
        self.item_done(item);
    }

    fn code(&mut self, code: &str) {
        let id = ids::response("ci");
        let fields = json!({"code": code, "container_id": made::CONTAINER, "outputs": null});
        let item = self.item("code_interpreter_call", &id, Some("in_progress"), &fields);
        self.item_added(&item);
        for name in [
            "response.code_interpreter_call.in_progress",
            "response.code_interpreter_call.interpreting",
            "response.code_interpreter_call.completed",
        ] {
            let body = self.item_place(&id);
            self.push(name, Value::Object(body));
        }
        let item = self.item("code_interpreter_call", &id, Some("completed"), &fields);
        self.item_done(item);
    }

    fn image(&mut self) {
        let id = ids::response("ig");
        let item = self.item(
            "image_generation_call",
            &id,
            Some("in_progress"),
            &json!({"result": null}),
        );
        self.item_added(&item);
        for name in [
            "response.image_generation_call.in_progress",
            "response.image_generation_call.generating",
            "response.image_generation_call.completed",
        ] {
            let body = self.item_place(&id);
            self.push(name, Value::Object(body));
        }
        let item = self.item(
            "image_generation_call",
            &id,
            Some("completed"),
            &json!({"result": made::IMAGE_BASE64}),
        );
        self.item_done(item);
    }

    /// An item that is there at once.
    fn whole_item(&mut self, kind: &str, id: &str, fields: &Value) {
        let item = self.item(kind, id, None, fields);
        self.item_added(&item);
        self.item_done(item);
    }

    /// An event and an item that no client knows.
    fn unknown(&mut self) {
        self.push(
            "response.emulator_future.started",
            json!({"note": "unknown"}),
        );
        self.whole_item(
            "emulator_future_call",
            &ids::response("fut"),
            &json!({"note": "unknown"}),
        );
        self.output_index += 1;
    }

    fn item(&self, kind: &str, id: &str, status: Option<&str>, fields: &Value) -> Value {
        item_json(self.settings, kind, id, status, fields)
    }

    fn item_added(&mut self, item: &Value) {
        let body = json!({"output_index": self.output_index, "item": item});
        self.push("response.output_item.added", body);
    }

    fn item_done(&mut self, item: Value) {
        let body = json!({"output_index": self.output_index, "item": item});
        self.push("response.output_item.done", body);
        if let Some(event) = self.events.last_mut() {
            event.completes = Some(item);
        }
    }

    fn item_place(&self, item_id: &str) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("item_id".to_owned(), json!(item_id));
        body.insert("output_index".to_owned(), json!(self.output_index));
        body
    }

    fn place(&self, item_id: &str) -> Map<String, Value> {
        let mut body = self.item_place(item_id);
        body.insert("content_index".to_owned(), json!(0));
        body
    }

    fn text_event(&mut self, name: &'static str, mut body: Map<String, Value>, length: usize) {
        if self.obfuscate {
            // The padding brings a delta to a multiple of 16 bytes, so that its length tells nothing.
            let padding = 16 - length % 16;
            body.insert("obfuscation".to_owned(), json!(ids::padding(padding)));
        }
        self.push(name, Value::Object(body));
        if let Some(event) = self.events.last_mut() {
            event.mark = Mark::Text;
        }
    }

    fn push(&mut self, name: &'static str, body: Value) {
        self.events.push(Event {
            name,
            body: match body {
                Value::Object(body) => body,
                _ => Map::new(),
            },
            mark: Mark::Other,
            half: false,
            completes: None,
        });
    }
}

/// A citation as an annotation: offsets in code points; a file is cited where the quoted text ends.
fn annotation(citation: &Citation) -> Value {
    match &citation.source {
        Source::Url { url, title } => json!({
            "type": "url_citation",
            "start_index": citation.start,
            "end_index": citation.end,
            "title": title,
            "url": url,
        }),
        Source::File { file_id, filename } => json!({
            "type": "file_citation",
            "file_id": file_id,
            "filename": filename,
            "index": citation.end,
        }),
        Source::MadeFile { filename } => json!({
            "type": "container_file_citation",
            "container_id": made::CONTAINER,
            "file_id": made::CONTAINER_FILE,
            "filename": filename,
            "start_index": citation.start,
            "end_index": citation.end,
        }),
    }
}
