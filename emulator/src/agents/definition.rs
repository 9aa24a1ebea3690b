//! What a client says about an agent, checked, and in the order in which the service shows it.

use serde_json::{Map, Value, json};

use super::AgentVersion;
use crate::error::ServiceError;
use crate::metadata;
use crate::service::Context;

/// The longest agent name.
const LONGEST_NAME: usize = 63;

/// Refuses a name that no agent may have.
pub(super) fn check_name(name: &str) -> Result<(), ServiceError> {
    let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let allowed = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let fits = name.len() <= LONGEST_NAME;
    if allowed && fits && edge(name.chars().next()) && edge(name.chars().last()) {
        return Ok(());
    }
    Err(ServiceError::invalid_request(
        Some("invalid_parameters"),
        Some("name"),
        "The agent name must start and end with an alphanumeric character, can contain hyphens in the middle, and may have at most 63 characters.",
    ))
}

/// The version that the body of a request describes; it has no number yet.
pub(super) fn read_version(
    context: &Context,
    body: &Map<String, Value>,
) -> Result<AgentVersion, ServiceError> {
    let definition = match body.get("definition") {
        Some(Value::Object(definition)) => definition,
        Some(_) => return Err(ServiceError::invalid_type("definition", "an object")),
        None => return Err(ServiceError::missing_parameter("definition")),
    };
    let kind = definition
        .get("kind")
        .and_then(Value::as_str)
        .ok_or_else(|| ServiceError::missing_parameter("definition.kind"))?;
    if kind == "prompt" && definition.get("model").and_then(Value::as_str).is_none() {
        return Err(ServiceError::missing_parameter("definition.model"));
    }
    Ok(AgentVersion {
        version: String::new(),
        description: body
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        metadata: metadata::read(body)?,
        created_at: context.clock.unix_seconds(),
        definition: ordered_definition(definition),
    })
}

/// The definition with the service's order of keys: `kind`, `model`, `instructions`, then the rest; in tools `type`
/// comes first.
fn ordered_definition(definition: &Map<String, Value>) -> Value {
    let mut ordered = first_keys(definition, &["kind", "model", "instructions"]);
    if let Some(Value::Array(tools)) = ordered.get_mut("tools") {
        for tool in tools {
            if let Value::Object(object) = tool {
                *object = first_keys(object, &["type"]);
            }
        }
    }
    Value::Object(ordered)
}

fn first_keys(object: &Map<String, Value>, first: &[&str]) -> Map<String, Value> {
    let leading = first.iter().filter_map(|key| object.get_key_value(*key));
    let others = object
        .iter()
        .filter(|(key, _)| !first.contains(&key.as_str()));
    leading
        .chain(others)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The endpoint's settings as the service shows them: `type` first in rules, the protocols by name, the default scheme.
pub(super) fn endpoint_json(settings: &Value) -> Value {
    let rules: Vec<Value> = settings
        .pointer("/version_selector/version_selection_rules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .map(|rule| Value::Object(first_keys(rule, &["type"])))
        .collect();
    let configuration = settings
        .get("protocol_configuration")
        .cloned()
        .unwrap_or_else(|| json!({"responses": {}}));
    let protocols: Vec<&String> = configuration
        .as_object()
        .map(|configuration| configuration.keys().collect())
        .unwrap_or_default();
    json!({
        "version_selector": {"version_selection_rules": rules},
        "protocols": protocols,
        "protocol_configuration": configuration,
        "authorization_schemes": settings.get("authorization_schemes").cloned().unwrap_or_else(|| {
            json!([{"type": "Entra", "isolation_key_source": {"kind": "Entra"}}])
        }),
    })
}
