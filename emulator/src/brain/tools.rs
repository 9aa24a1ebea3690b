//! Which functions a question calls for, and with which arguments.

use serde_json::Value;

use super::places::places;
use super::schema::Filler;
use super::{Conversation, FunctionTool, ToolChoice};

/// Words in function names that say what is done, not what it is about.
const VERBS: [&str; 22] = [
    "get", "fetch", "list", "search", "find", "lookup", "look", "create", "make", "set", "update",
    "delete", "read", "write", "call", "run", "query", "current", "the", "by", "for", "tool",
];

/// The calls a forced tool choice demands.
pub(super) fn forced(conversation: &Conversation, question: &str) -> Option<Vec<(String, String)>> {
    let tool = match &conversation.choice {
        ToolChoice::Auto | ToolChoice::Off => return None,
        ToolChoice::Named(name) => conversation.tools.iter().find(|tool| tool.name == *name)?,
        ToolChoice::Required => conversation
            .tools
            .iter()
            .find(|tool| is_subject(tool, question))
            .or_else(|| conversation.tools.first())?,
    };
    Some(calls(tool, conversation, question))
}

/// The calls that a question about the subject of a tool demands.
pub(super) fn called_for(
    conversation: &Conversation,
    question: &str,
) -> Option<Vec<(String, String)>> {
    if conversation.choice == ToolChoice::Off {
        return None;
    }
    let tool = conversation
        .tools
        .iter()
        .find(|tool| is_subject(tool, question))?;
    Some(calls(tool, conversation, question))
}

/// One call, or one for each place the question names.
fn calls(
    tool: &FunctionTool,
    conversation: &Conversation,
    question: &str,
) -> Vec<(String, String)> {
    let places = places(question);
    let calls = if conversation.one_call_only {
        1
    } else {
        places.len().max(1)
    };
    let mut arguments: Vec<String> = (0..calls)
        .map(|number| arguments(tool, question, places.get(number).map(String::as_str)))
        .collect();
    // A function without a place among its parameters is called once, however many places there are.
    arguments.dedup();
    arguments
        .into_iter()
        .map(|arguments| (tool.name.clone(), arguments))
        .collect()
}

fn arguments(tool: &FunctionTool, question: &str, place: Option<&str>) -> String {
    if tool.parameters.is_null() {
        return "{}".to_owned();
    }
    let filled = Filler::for_arguments(&tool.parameters, question, place).fill();
    match filled {
        Value::Object(_) => filled.to_string(),
        _ => "{}".to_owned(),
    }
}

/// Whether a word of the question is a noun of the function's name: "weather" and `get_weather`, "time" and
/// `fetch_current_datetime`.
fn is_subject(tool: &FunctionTool, question: &str) -> bool {
    let question = question.to_lowercase();
    let words: Vec<&str> = question
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.len() > 2)
        .collect();
    name_parts(&tool.name)
        .iter()
        .filter(|part| part.len() > 2 && !VERBS.contains(&part.as_str()))
        .any(|part| words.iter().any(|word| same_noun(part, word)))
}

fn same_noun(part: &str, word: &str) -> bool {
    let singular = |noun: &str| noun.strip_suffix('s').unwrap_or(noun).to_owned();
    singular(part) == singular(word)
        || (word.len() >= 4 && (part.starts_with(word) || part.ends_with(word)))
}

/// The words of `snake_case`, `kebab-case` and `camelCase` names, in lower case.
fn name_parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && after_lower) {
            parts.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(part) = parts.last_mut()
        {
            part.extend(letter.to_lowercase());
        }
        after_lower = letter.is_lowercase();
    }
    parts
}
