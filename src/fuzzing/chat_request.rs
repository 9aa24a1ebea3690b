//! Bodies of chat completion requests, all the way to the requests of both dialects.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::{
    agent::{
        AgentReference, Definition, Message, Turn, UserPart, file::UpstreamFile,
        model_name::ResolvedAgent, turn::ToolCall,
    },
    config::{agents::OverridePolicy, approvals::ApprovalPolicy, endpoint::AgentEndpoint},
    error::ApiError,
    foundry::fuzzing,
    openai::chat::{fields::FIELDS, request::RawFields, to_turn},
};

/// An agent with tools of its own.
const DEFINITION: &str = r#"{"kind":"prompt","model":"m","instructions":"Be brief.","temperature":0.5,
    "reasoning":{"effort":"low"},"text":{"format":{"type":"text"}},
    "tools":[{"type":"file_search"},{"type":"function","name":"weather","parameters":{"type":"object"}}]}"#;

/// Input: the body of a request.
///
/// - It is read, or refused with a 400 or 404 that says what is wrong and names the field.
/// - Of two fields of one name none is dropped: such a request is refused.
/// - Every field that is given reaches the agent, overrides its definition, or is reported as ignored.
/// - The requests of both dialects are JSON, and hold every text of the messages in the client's order.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn chat_request(body: &[u8]) {
    let envelope = match to_turn::read_envelope(body) {
        Ok(envelope) => envelope,
        Err(error) => return check_error(&error, true),
    };
    let definition = fuzzing::definition(DEFINITION).map(Arc::new);
    assert!(definition.is_some(), "the definition reads");
    for reference in references() {
        for policy in policies() {
            let agent = agent(reference.clone(), policy);
            let read = to_turn::read_request(&envelope, &agent, &|id| {
                id.starts_with("file-")
                    .then(|| UpstreamFile::Agents(id.to_owned()))
            });
            let mut request = match read {
                Ok(request) => request,
                Err(error) => {
                    check_error(&error, false);
                    continue;
                }
            };
            check_fields(&envelope.fields, &request, policy);
            match (&reference, &definition) {
                (AgentReference::New { .. }, Some(definition)) => {
                    check_new(&request.turn);
                    request.turn.definition = Some(Arc::clone(definition));
                    check_new(&request.turn);
                }
                (_, Some(definition)) => check_classic(&request.turn, definition),
                _ => {}
            }
        }
    }
}

fn references() -> [AgentReference; 2] {
    let new = AgentReference::New {
        name: "helper".to_owned(),
        version: None,
    };
    let classic = AgentReference::Classic {
        assistant_id: "asst_1".to_owned(),
    };
    [new, classic]
}

const fn policies() -> [OverridePolicy; 4] {
    use OverridePolicy::{Auto, Ignore, Inline, Reject};
    [Auto, Inline, Reject, Ignore]
}

fn agent(reference: AgentReference, overrides: OverridePolicy) -> ResolvedAgent {
    ResolvedAgent {
        project: "default".to_owned(),
        reference,
        overrides,
        approvals: ApprovalPolicy::default(),
        endpoint: AgentEndpoint::default(),
    }
}

/// `before_fields`: what is no JSON has no field to blame.
fn check_error(error: &ApiError, before_fields: bool) {
    assert!(matches!(error.status.as_u16(), 400 | 404), "{error:?}");
    assert!(
        !error.message.is_empty() && error.code.is_some(),
        "{error:?}"
    );
    let is_no_json = before_fields && error.code.as_deref() == Some("invalid_json");
    let names_a_field = error.param.as_ref().is_some_and(|param| !param.is_empty());
    assert!(names_a_field || is_no_json, "{error:?}");
    let body: Value = serde_json::from_slice(&error.body()).unwrap_or_default();
    assert_eq!(body["error"]["message"].as_str(), Some(&*error.message));
}

fn check_fields(fields: &RawFields<'_>, request: &to_turn::Request, policy: OverridePolicy) {
    let to_turn::Request {
        turn,
        ignored,
        overriding,
        joining,
    } = request;
    let mut seen = BTreeSet::new();
    for (name, value) in fields.iter() {
        assert!(seen.insert(name), "{name} stands twice");
        let is_known = FIELDS.iter().any(|field| field.name == name);
        let reported = ignored.iter().any(|known| known == name);
        assert!(is_known || reported, "{name} is dropped in silence");
        assert!(
            reported || policy != OverridePolicy::Ignore || !turn_ignores(name),
            "{name}={value} is neither taken nor reported"
        );
    }
    for name in ignored.iter().chain(overriding).chain(joining) {
        let is_given = seen.contains(name.as_str()) || name == "messages.name";
        assert!(is_given, "{name} is reported and was not given");
    }
    let limits = ["max_completion_tokens", "max_tokens"];
    let limited = limits.iter().any(|name| seen.contains(name));
    assert_eq!(turn.max_output_tokens.is_some(), limited, "token limit");
    assert_eq!(
        turn.overrides.temperature.is_some(),
        seen.contains("temperature") && !ignored.iter().any(|name| name == "temperature"),
    );
}

/// Fields that nothing of a turn could hold.
fn turn_ignores(name: &str) -> bool {
    ["seed", "user", "prediction", "safety_identifier"].contains(&name)
}

fn check_new(turn: &Turn) {
    let request = fuzzing::responses::request(turn);
    let Ok(request) = request else {
        assert!(request.is_ok(), "{request:?}");
        return;
    };
    let Some(body) = json(&request) else {
        return;
    };
    let mut sent = Vec::new();
    for item in body
        .get("input")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        collect_texts(item, &mut sent);
    }
    let wanted = turn.messages.iter().flat_map(texts_of);
    check_order(wanted, &sent, &request);
    assert_eq!(body["stream"], true);
    let limit = body.get("max_output_tokens").and_then(Value::as_u64);
    assert_eq!(limit, turn.max_output_tokens.map(u64::from));
}

fn check_classic(turn: &Turn, own: &Definition) {
    let requests = fuzzing::threads::requests(turn, own);
    let Ok(requests) = requests else {
        assert!(requests.is_ok(), "{requests:?}");
        return;
    };
    let mut sent = Vec::new();
    for request in &requests {
        let Some(body) = json(request) else {
            return;
        };
        collect_texts(&body, &mut sent);
    }
    let shown = requests.concat();
    let (instructions, others): (Vec<_>, Vec<_>) = turn
        .messages
        .iter()
        .partition(|message| matches!(message, Message::Instruction { .. }));
    check_order(
        others.iter().flat_map(|message| texts_of(message)),
        &sent,
        &shown,
    );
    for text in instructions.iter().flat_map(|message| texts_of(message)) {
        assert!(
            sent.iter().any(|sent| sent.contains(text)),
            "{text} is lost: {shown}"
        );
    }
    let continuing = fuzzing::threads::continuing(turn, own);
    let Ok(continuing) = continuing else {
        assert!(continuing.is_ok(), "{continuing:?}");
        return;
    };
    for request in &continuing {
        json(request);
    }
}

/// Each wanted text is in what was sent, after the one before it.
fn check_order<'a>(wanted: impl Iterator<Item = &'a str>, sent: &[String], shown: &str) {
    let mut rest = sent.iter();
    let mut current = "";
    for text in wanted {
        loop {
            if let Some(at) = current.find(text) {
                current = current.get(at + text.len()..).unwrap_or_default();
                break;
            }
            let next = rest.next();
            assert!(next.is_some(), "{text:?} is lost or out of order: {shown}");
            current = next.map_or("", String::as_str);
        }
    }
}

fn texts_of(message: &Message) -> Vec<&str> {
    match message {
        Message::Instruction { text } => vec![text],
        Message::User { parts } => parts
            .iter()
            .map(|part| match part {
                UserPart::Text(text) => text.as_str(),
                UserPart::Image { url, .. } => url,
                // A classic agent's files are attached beside the text.
                UserPart::File(_) | UserPart::FileContent { .. } => "",
            })
            .collect(),
        Message::Assistant { text, tool_calls } => {
            let calls = tool_calls.iter().filter(|call| !is_approval(call));
            let calls = calls.map(|call| call.arguments.as_str());
            text.as_deref().into_iter().chain(calls).collect()
        }
        Message::ToolResult { call_id, .. } if call_id.starts_with("approval_") => Vec::new(),
        Message::ToolResult { output, .. } => vec![output],
    }
}

fn is_approval(call: &ToolCall) -> bool {
    call.call_id.starts_with("approval_")
}

/// Every text of a JSON document, in its order.
fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(fields) => fields
            .values()
            .for_each(|field| collect_texts(field, texts)),
        _ => {}
    }
}

/// The body, whose syntax must be right. `None` where the client's own schemas say what cannot be read, such as a
/// number that is too large: those are passed on as they are.
fn json(text: &str) -> Option<Value> {
    let syntax = serde_json::from_str::<serde::de::IgnoredAny>(text);
    assert!(syntax.is_ok(), "no JSON: {syntax:?} {text}");
    serde_json::from_str(text).ok()
}
