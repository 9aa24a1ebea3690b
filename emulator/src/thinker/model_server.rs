//! A client of `/v1/chat/completions`.

use serde_json::{Value, json};

use crate::answer::{Answer, Ending, Part};
use crate::brain::{Conversation, Format, ToolChoice, Turn};
use crate::error::ServiceError;
use crate::refusals;

/// An OpenAI-compatible model server that thinks for the agents.
#[derive(Clone, Debug)]
pub struct ModelServer {
    /// The base URL, such as `http://127.0.0.1:11434/v1`; `/chat/completions` is added.
    pub url: String,
    /// The API key, if the server wants one.
    pub key: Option<String>,
    /// The model to ask for, whatever the agent's definition says.
    pub model: String,
}

/// Talks to a model server.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: ModelServer,
}

impl Client {
    pub(crate) fn new(server: ModelServer) -> std::io::Result<Client> {
        // The cryptography for HTTPS. An error says that the program has chosen already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Client { http, server })
    }

    /// The model's answer. A server that cannot be reached or refuses is a 500 of the emulator, with the reason logged.
    pub(crate) async fn think(&self, conversation: &Conversation) -> Result<Answer, ServiceError> {
        match self.ask(conversation).await {
            Ok(completion) => Ok(read(&completion)),
            Err(error) => {
                tracing::warn!(%error, url = self.server.url, "the model server gave no answer");
                Err(refusals::server_error())
            }
        }
    }

    async fn ask(&self, conversation: &Conversation) -> reqwest::Result<Value> {
        let url = format!("{}/chat/completions", self.server.url.trim_end_matches('/'));
        let mut request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .body(completion_request(conversation, &self.server.model).to_string());
        if let Some(key) = &self.server.key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }
}

/// The conversation as a chat completion request.
fn completion_request(conversation: &Conversation, model: &str) -> Value {
    let instructions = conversation
        .instructions
        .iter()
        .map(|text| json!({"role": "system", "content": text}));
    let turns = conversation.turns.iter().map(|turn| match turn {
        Turn::User { text, .. } => json!({"role": "user", "content": text}),
        Turn::Assistant(text) => json!({"role": "assistant", "content": text}),
        Turn::System(text) => json!({"role": "system", "content": text}),
        Turn::Call(call) => json!({"role": "assistant", "content": null, "tool_calls": [{
            "id": call.call_id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }]}),
        Turn::Output { call_id, output } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": output})
        }
    });
    let mut body = json!({
        "model": model,
        "messages": instructions.chain(turns).collect::<Vec<_>>(),
    });
    let Some(fields) = body.as_object_mut() else {
        return body;
    };
    if !conversation.tools.is_empty() {
        let tools: Vec<Value> = conversation
            .tools
            .iter()
            .map(|tool| {
                json!({"type": "function", "function": {
                    "name": tool.name,
                    "parameters": tool.parameters,
                }})
            })
            .collect();
        fields.insert("tools".to_owned(), json!(tools));
        let choice = match &conversation.choice {
            ToolChoice::Auto => json!("auto"),
            ToolChoice::Off => json!("none"),
            ToolChoice::Required => json!("required"),
            ToolChoice::Named(name) => json!({"type": "function", "function": {"name": name}}),
        };
        fields.insert("tool_choice".to_owned(), choice);
    }
    match &conversation.format {
        Format::Text => {}
        Format::JsonObject => {
            fields.insert("response_format".to_owned(), json!({"type": "json_object"}));
        }
        Format::JsonSchema(schema) => {
            fields.insert(
                "response_format".to_owned(),
                json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}),
            );
        }
    }
    body
}

/// The answer in a chat completion.
fn read(completion: &Value) -> Answer {
    let choice = completion.pointer("/choices/0");
    let text_at = |pointer: &str| {
        choice
            .and_then(|choice| choice.pointer(pointer))
            .and_then(Value::as_str)
    };
    let mut parts: Vec<Part> = text_at("/message/content")
        .filter(|text| !text.is_empty())
        .map(Part::message)
        .into_iter()
        .collect();
    let calls = choice
        .and_then(|choice| choice.pointer("/message/tool_calls"))
        .and_then(Value::as_array);
    for call in calls.into_iter().flatten() {
        let field = |pointer: &str| call.pointer(pointer).and_then(Value::as_str);
        parts.push(Part::Call {
            name: field("/function/name").unwrap_or_default().to_owned(),
            arguments: field("/function/arguments").unwrap_or("{}").to_owned(),
        });
    }
    let ending = match text_at("/finish_reason") {
        Some("length") => Ending::CutByLength,
        Some("content_filter") => Ending::CutByFilter,
        _ => Ending::Completed,
    };
    Answer::parts(parts).ending(ending)
}
