//! The sentences the default agent knows.

use super::{Conversation, Turn};

/// How many characters of a question are quoted.
const QUOTE_LIMIT: usize = 300;

/// The answer to one of the known sentences.
pub(super) fn known_answer(conversation: &Conversation, question: &str) -> Option<String> {
    if let Some(text) = after(question, "repeat exactly:") {
        return Some(text.trim_start().to_owned());
    }
    if find(question, "what is my name").is_some() || find(question, "what's my name").is_some() {
        return Some(match told_name(conversation) {
            Some(name) => format!("Your name is {name}."),
            None => "You have not told me your name.".to_owned(),
        });
    }
    if find(question, "what are your instructions").is_some() {
        let told = instructions(conversation);
        return Some(if told.is_empty() {
            "I have no instructions.".to_owned()
        } else {
            format!("My instructions are: \"{}\".", told.join("\", \""))
        });
    }
    None
}

/// Whether the user wants the stream to break.
pub(super) fn asks_to_break(question: &str) -> bool {
    find(question, "please fail in the middle").is_some()
}

/// A plain sentence that quotes the question.
pub(super) fn quote_question(question: &str, attachments: usize) -> String {
    let length = question.chars().count();
    let answer = if length > QUOTE_LIMIT {
        let start: String = question.chars().take(QUOTE_LIMIT).collect();
        format!("You said: \"{start}...\" and so on for {length} characters.")
    } else {
        format!("You said: \"{question}\".")
    };
    match attachments {
        0 => answer,
        _ => format!("{answer} Attachments: {attachments}."),
    }
}

/// A sentence that quotes what the functions returned: name and output of each.
pub(super) fn quote_outputs(outputs: &[(&str, &str)]) -> String {
    let quoted: Vec<String> = outputs
        .iter()
        .map(|(name, output)| format!("{name} returned: {output}"))
        .collect();
    quoted.join("\n")
}

/// The name of the newest "My name is ...", in whoever's message.
fn told_name(conversation: &Conversation) -> Option<String> {
    let turns = conversation.turns.iter().filter_map(|turn| match turn {
        Turn::User { text, .. } | Turn::System(text) => Some(text),
        _ => None,
    });
    conversation
        .instructions
        .iter()
        .chain(turns)
        .filter_map(|text| after(text, "my name is"))
        .filter_map(name_at_start)
        .next_back()
}

/// The first word, and the capitalised words that follow it directly: "Ada Lovelace and ..." is "Ada Lovelace".
fn name_at_start(text: &str) -> Option<String> {
    let mut name = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        let capitalised = bare.chars().next().is_some_and(char::is_uppercase);
        if bare.is_empty() || (!name.is_empty() && !capitalised) {
            break;
        }
        name.push(bare);
        if !word.ends_with(bare) {
            break;
        }
    }
    (!name.is_empty()).then(|| name.join(" "))
}

fn instructions(conversation: &Conversation) -> Vec<&str> {
    let system = conversation.turns.iter().filter_map(|turn| match turn {
        Turn::System(text) => Some(text.as_str()),
        _ => None,
    });
    conversation
        .instructions
        .iter()
        .map(String::as_str)
        .chain(system)
        .collect()
}

/// The text after the last `phrase`, whatever its case.
fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let start = find(text, phrase)? + phrase.len();
    text.get(start..)
}

/// Where the last `phrase`, an ASCII text in lower case, starts in `text`, whatever its case there.
fn find(text: &str, phrase: &str) -> Option<usize> {
    // Only ASCII letters are folded, so that byte offsets stay those of `text`.
    text.to_ascii_lowercase().rfind(phrase)
}
