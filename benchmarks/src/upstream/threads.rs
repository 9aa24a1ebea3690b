//! Answers of classic agents, in the shape of the recordings (`tests/fixtures/recordings/classic`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    answer_text, later_delta,
    script::{Script, frame},
    template::Template,
};

const AGENT_ID: &str = "asst_instant";
const MESSAGE_ID: &str = "msg_LJpjzinOhi3QbKWxrNlvXXS7";
const CREATED_AT: u64 = 1_745_873_038;

/// An answer of a classic agent, streamed and polled, and what else its API gives.
#[derive(Debug)]
pub(super) struct ClassicAgents {
    /// A run on a thread that is there.
    pub(super) run: Arc<Script>,
    /// A run with its thread.
    pub(super) thread_and_run: Arc<Script>,
    pub(super) thread: Template,
    pub(super) thread_deleted: Template,
    pub(super) message: Template,
    pub(super) queued_run: Template,
    pub(super) completed_run: Template,
    pub(super) messages: Template,
}

impl ClassicAgents {
    pub(super) fn new(deltas: usize) -> Self {
        let text = answer_text("@MARK@", deltas);
        let question = json!({
            "id": "msg_question", "object": "thread.message", "thread_id": "thread_@THREAD@", "role": "user",
            "content": [{"type": "text", "text": {"value": "Say something. @MARK@", "annotations": []}}],
        });
        let messages = json!({
            "object": "list", "data": [message("completed", Some(&text)), question],
            "first_id": MESSAGE_ID, "last_id": "msg_question", "has_more": false,
        });
        let template = |value: Value| Template::new(&value.to_string());
        Self {
            run: Arc::new(script(&text, deltas, false)),
            thread_and_run: Arc::new(script(&text, deltas, true)),
            thread: template(thread()),
            thread_deleted: template(
                json!({"id": "thread_@THREAD@", "object": "thread.deleted", "deleted": true}),
            ),
            message: template(message("completed", None)),
            queued_run: template(run("queued")),
            completed_run: template(run("completed")),
            messages: template(messages),
        }
    }
}

fn script(text: &str, deltas: usize, with_thread: bool) -> Script {
    let mut before = Vec::new();
    if with_thread {
        before.push(frame("thread.created", thread()));
    }
    before.extend([
        frame("thread.run.created", run("queued")),
        frame("thread.run.queued", run("queued")),
        frame("thread.run.in_progress", run("in_progress")),
        frame("thread.run.step.created", step("in_progress")),
        frame("thread.run.step.in_progress", step("in_progress")),
        frame("thread.message.created", message("in_progress", None)),
        frame("thread.message.in_progress", message("in_progress", None)),
    ]);
    let deltas: Vec<String> = (0..deltas)
        .map(|number| {
            let text = match number {
                0 => json!({"value": "@MARK@", "annotations": []}),
                _ => json!({"value": later_delta(number)}),
            };
            let delta = json!({
                "id": MESSAGE_ID, "object": "thread.message.delta",
                "delta": {"content": [{"index": 0, "type": "text", "text": text}]},
            });
            frame("thread.message.delta", delta)
        })
        .collect();
    let after = [
        frame("thread.message.completed", message("completed", Some(text))),
        frame("thread.run.step.completed", step("completed")),
        frame("thread.run.completed", run("completed")),
        "event: done\ndata: [DONE]\n\n".to_owned(),
    ];
    Script::new(&before, &deltas, &after)
}

fn thread() -> Value {
    json!({
        "id": "thread_@THREAD@", "object": "thread", "created_at": CREATED_AT, "metadata": {}, "tool_resources": {},
    })
}

fn run(status: &str) -> Value {
    let ended = status == "completed";
    let usage = json!({
        "prompt_tokens": 61, "completion_tokens": 50, "total_tokens": 111,
        "prompt_token_details": {"cached_tokens": 0},
    });
    json!({
        "id": "run_@NUMBER@", "object": "thread.run", "created_at": CREATED_AT, "assistant_id": AGENT_ID,
        "thread_id": "thread_@THREAD@", "status": status, "started_at": null, "expires_at": CREATED_AT + 600,
        "cancelled_at": null, "failed_at": null, "completed_at": ended.then_some(CREATED_AT + 1),
        "required_action": null, "last_error": null, "model": "gpt-4o", "instructions": "You are helpful agent",
        "tools": [], "tool_resources": {}, "metadata": {}, "temperature": 1.0, "top_p": 1.0,
        "max_completion_tokens": null, "max_prompt_tokens": null,
        "truncation_strategy": {"type": "auto", "last_messages": null}, "incomplete_details": null,
        "usage": ended.then_some(usage), "response_format": "auto", "tool_choice": "auto",
        "parallel_tool_calls": true,
    })
}

fn step(status: &str) -> Value {
    json!({
        "id": "step_@NUMBER@", "object": "thread.run.step", "created_at": CREATED_AT, "run_id": "run_@NUMBER@",
        "assistant_id": AGENT_ID, "thread_id": "thread_@THREAD@", "type": "message_creation", "status": status,
        "cancelled_at": null, "completed_at": null, "expires_at": CREATED_AT + 600, "failed_at": null,
        "last_error": null,
        "step_details": {"type": "message_creation", "message_creation": {"message_id": MESSAGE_ID}}, "usage": null,
    })
}

fn message(status: &str, text: Option<&str>) -> Value {
    let content =
        text.map(|text| json!({"type": "text", "text": {"value": text, "annotations": []}}));
    json!({
        "id": MESSAGE_ID, "object": "thread.message", "created_at": CREATED_AT, "assistant_id": AGENT_ID,
        "thread_id": "thread_@THREAD@", "run_id": "run_@NUMBER@", "status": status, "incomplete_details": null,
        "incomplete_at": null, "completed_at": null, "role": "assistant",
        "content": content.into_iter().collect::<Vec<_>>(), "attachments": [], "metadata": {},
    })
}
