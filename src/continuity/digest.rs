//! Fingerprints of a conversation: a keyed chain over its messages, instructions left out.
//!
//! Clients change texts a little when they resend them. Of answers they trim and collapse white space, cut `<think>`
//! blocks and citation markers, and write a call's arguments anew: what survives that is hashed. What users and tools said they leave alone but for
//! blanks around it, and there a change of indentation is an edit. All of them may send parts for a string.

use std::borrow::Cow;

use crate::{
    agent::{Message, Turn, UserPart, turn::ToolCall},
    continuity::store::Key,
    hash::{MacKey, hex},
};

/// A link of the chain: 32 bytes that stand for all messages so far.
pub type Link = [u8; 32];

/// The key of all fingerprints of one caller with one agent.
///
/// Without it nobody can tell from a row which text it stands for, and no caller's chain meets another's.
#[derive(Debug, Clone)]
pub struct ScopeKey(MacKey);

impl ScopeKey {
    /// The key of `caller` with `agent` (and, where it is named, of one conversation), under the gateway's secret.
    pub fn new(secret: &MacKey, caller: &str, agent: &str, conversation: &str) -> Self {
        Self(MacKey::new(&secret.sign_fields(&[
            b"scope",
            caller.as_bytes(),
            agent.as_bytes(),
            conversation.as_bytes(),
        ])))
    }

    /// The caller's part of a row, the same for all agents' rows of this scope.
    pub fn public(&self) -> String {
        hex(&self.0.sign_fields(&[b"public"]))
    }

    /// The first link, before any message.
    fn start(&self) -> Link {
        self.0.sign_fields(&[b"start"])
    }

    /// The link after `message`.
    pub fn after(&self, link: Link, message: &Message) -> Link {
        let mut fingerprint = Fingerprint::default();
        fingerprint.message(message);
        self.0.sign_fields(&[&link, &fingerprint.0])
    }

    /// Where the row of `link` is, in the partition of the conversation that begins with `root`.
    pub fn key(&self, root: Link, link: Link) -> Key {
        Key {
            partition: hex(&root),
            row: hex(&link),
        }
    }

    /// Where the row of an id that a client was told is.
    pub fn id_key(&self, id: &str) -> Key {
        let place = self.0.sign_fields(&[b"id", id.as_bytes()]);
        Key {
            partition: hex(&place),
            row: hex(&self.0.sign_fields(&[b"id row", id.as_bytes()])),
        }
    }

    /// Where the row of the run is that waits for the results of calls, the first of which in order of their ids is
    /// `call_id`. The service makes these ids up, so that one is enough.
    pub fn call_key(&self, call_id: &str) -> Key {
        Key {
            partition: hex(&self.0.sign_fields(&[b"call", call_id.as_bytes()])),
            row: hex(&self.0.sign_fields(&[b"call row", call_id.as_bytes()])),
        }
    }

    /// Fingerprint of all system and developer texts together.
    pub fn instructions(&self, turn: &Turn) -> String {
        let texts: Vec<_> = turn.instructions().collect();
        if texts.is_empty() {
            return String::new();
        }
        let parts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        hex(&self
            .0
            .sign_fields(&[b"instructions", &self.0.sign_fields(&parts)]))
    }
}

/// The root and the link of a row, which [`ScopeKey::key`] made its key of; `None` for any other key.
pub fn links_of(key: &Key) -> Option<(Link, Link)> {
    Some((link_of(&key.partition)?, link_of(&key.row)?))
}

fn link_of(text: &str) -> Option<Link> {
    let mut link = Link::default();
    if text.len() != 2 * link.len() {
        return None;
    }
    for (index, byte) in link.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(link)
}

/// The chain of a request's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The link after the first message: the conversation's partition.
    pub root: Link,
    /// The link after the last assistant message, and how many messages (instructions counted) precede what follows.
    pub known: Option<(Link, usize)>,
    /// The link after all messages.
    pub all: Link,
}

impl Chain {
    /// Walks over the conversation of `turn`; `None` where it holds no message but instructions.
    pub fn of(turn: &Turn, scope: &ScopeKey) -> Option<Self> {
        let mut link = scope.start();
        let mut root = None;
        let mut known = None;
        for (index, message) in turn.messages.iter().enumerate() {
            if matches!(message, Message::Instruction { .. }) {
                continue;
            }
            link = scope.after(link, message);
            root.get_or_insert(link);
            if matches!(message, Message::Assistant { .. }) {
                known = Some((link, index + 1));
            }
        }
        Some(Self {
            root: root?,
            known,
            all: link,
        })
    }
}

/// What of a message is hashed: role, text without what clients change, calls and their ids.
#[derive(Default)]
struct Fingerprint(Vec<u8>);

impl Fingerprint {
    fn message(&mut self, message: &Message) {
        match message {
            Message::Instruction { text } => self.texts("instruction", [text.as_str()]),
            Message::User { parts } => {
                let parts: Vec<_> = parts.iter().map(text_of).collect();
                self.texts("user", parts.iter().map(Cow::as_ref));
            }
            Message::Assistant { text, tool_calls } => {
                let text = text.as_deref().map(settled).unwrap_or_default();
                self.texts("assistant", [text.as_str()]);
                for ToolCall {
                    call_id,
                    name,
                    arguments,
                } in tool_calls
                {
                    // Two conversations may read the same but for the ids of their calls, which results are matched by.
                    self.field(call_id.as_bytes());
                    self.field(name.as_bytes());
                    self.texts("arguments", [plain_json(arguments).as_str()]);
                }
            }
            Message::ToolResult { call_id, output } => {
                self.field(call_id.as_bytes());
                self.texts("tool", [output.as_str()]);
            }
        }
    }

    fn texts<'a>(&mut self, role: &str, texts: impl IntoIterator<Item = &'a str>) {
        self.field(role.as_bytes());
        let joined = texts.into_iter().collect::<Vec<_>>().join("\n");
        self.field(joined.replace("\r\n", "\n").trim().as_bytes());
    }

    /// Length first, so that no two different lists of fields read the same.
    fn field(&mut self, bytes: &[u8]) {
        self.0
            .extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }
}

/// An answer without `<think>` blocks, citation markers and differences of white space.
fn settled(text: &str) -> String {
    let text = without(text, "<think>", "</think>");
    let text = without(&text, "【", "】");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Arguments as JSON without differences of white space and escapes: some clients read them and write them anew.
fn plain_json(arguments: &str) -> String {
    serde_json::from_str(arguments).map_or_else(
        |_| arguments.to_owned(),
        |json: serde_json::Value| json.to_string(),
    )
}

/// The text without every stretch from `open` to the next `close`; an `open` without a `close` stays.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(open) {
        let Some((_, after)) = from.split_once(close) else {
            break;
        };
        kept.push_str(before);
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// What stands for a part: its text, or what nobody types.
fn text_of(part: &UserPart) -> Cow<'_, str> {
    match part {
        UserPart::Text(text) => Cow::Borrowed(text),
        UserPart::Image { url, .. } => Cow::Owned(format!("\u{1}image {url}")),
        UserPart::File(file) => Cow::Owned(format!("\u{1}file {file:?}")),
        UserPart::FileContent { name, data } => Cow::Owned(format!("\u{1}content {name} {data}")),
    }
}

#[cfg(test)]
mod tests;
