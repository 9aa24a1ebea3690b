//! What an agent says it was given, and whether that is what the client sent. Pure.
//!
//! The model behind the emulator answers with the fingerprint of each message that it saw, in order, with the
//! conversations that their texts name, and with the system text in force. So an answer alone tells whether a message
//! was lost, doubled or of another conversation, whatever the upstream conversation looked like on the way.

use std::{
    collections::BTreeSet,
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
};

/// A message of a conversation, as both ends know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Whether the assistant said it, and not the user.
    pub(crate) by_assistant: bool,
    /// What was said.
    pub(crate) text: String,
}

impl Message {
    pub(crate) fn user(text: impl Into<String>) -> Self {
        Self {
            by_assistant: false,
            text: text.into(),
        }
    }

    pub(crate) fn assistant(text: impl Into<String>) -> Self {
        Self {
            by_assistant: true,
            text: text.into(),
        }
    }

    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.by_assistant.hash(&mut hasher);
        self.text.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// The conversation that a user's text names in front, as in `c17: question 3`.
    fn conversation(&self) -> Option<&str> {
        let (tag, _) = self.text.split_once(": ")?;
        let number = tag.strip_prefix('c')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (!self.by_assistant && is_number).then_some(tag)
    }
}

/// What an agent was given, or should have been given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Testimony {
    /// Conversations that the messages name.
    conversations: BTreeSet<String>,
    /// The system text in force; `none` without one.
    rule: String,
    /// Fingerprints of the messages, oldest first.
    messages: Vec<String>,
}

/// How an answer stands to the history that the client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The agent was given exactly it.
    Right,
    /// A message of it is missing.
    Lost,
    /// There is something of another conversation.
    Mixed,
    /// Something else is wrong: a message stands twice, or was never sent, the order or the system text differs, or
    /// the answer is no whole testimony.
    Wrong(&'static str),
}

/// The last words of every answer: without them it was cut, although it looked complete.
const END: &str = ". That is all";

impl Testimony {
    pub(crate) fn of(messages: &[Message], rule: Option<&str>) -> Self {
        let conversations = messages.iter().filter_map(Message::conversation);
        Self {
            conversations: conversations.map(str::to_owned).collect(),
            rule: rule.unwrap_or("none").to_owned(),
            messages: messages.iter().map(Message::fingerprint).collect(),
        }
    }

    /// The answer that says so; `take` tells answers to the same conversation apart.
    pub(crate) fn text(&self, take: u64) -> String {
        let mut text = "Given".to_owned();
        for conversation in &self.conversations {
            // Writing into a string cannot fail.
            let _ = write!(text, " {conversation}");
        }
        let _ = write!(text, " under {}:", self.rule);
        for message in &self.messages {
            let _ = write!(text, " {message}");
        }
        let _ = write!(text, ", take {take}{END}");
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("Given")?.strip_suffix(END)?;
        let (told, _) = text.rsplit_once(", take ")?;
        let (head, messages) = told.split_once(':')?;
        let (conversations, rule) = head.split_once(" under ")?;
        Some(Self {
            conversations: conversations
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            rule: rule.to_owned(),
            messages: messages.split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// Judges an answer by what the agent should have been given.
    pub(crate) fn judge(&self, answer: &str) -> Verdict {
        let Some(seen) = Self::parse(answer) else {
            return Verdict::Wrong("the answer is not whole, or not the model's");
        };
        if !seen.conversations.is_subset(&self.conversations) {
            return Verdict::Mixed;
        }
        if seen.messages == self.messages {
            return if seen.rule == self.rule {
                Verdict::Right
            } else {
                Verdict::Wrong("another system text was in force")
            };
        }
        if self.messages.iter().any(|one| !seen.messages.contains(one)) {
            return Verdict::Lost;
        }
        if seen.messages.iter().any(|one| !self.messages.contains(one)) {
            return Verdict::Wrong("the agent saw a message that the client does not know");
        }
        Verdict::Wrong("a message stands twice, or out of order")
    }

    /// Whether an answer may be that of an agent which was given another history of the conversation: the same question
    /// under the same system text, after whole turns, none of them twice and none of another conversation.
    pub(crate) fn is_after_other_turns(&self, answer: &str) -> bool {
        let Some(seen) = Self::parse(answer) else {
            return false;
        };
        let different: BTreeSet<_> = seen.messages.iter().collect();
        seen.rule == self.rule
            && seen.conversations.is_subset(&self.conversations)
            && seen.messages.last() == self.messages.last()
            && seen.messages.len() % 2 == 1
            && different.len() == seen.messages.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> Vec<Message> {
        vec![
            Message::user("c7: one"),
            Message::assistant("first"),
            Message::user("c7: two"),
            Message::assistant("second"),
            Message::user("c7: three"),
        ]
    }

    fn seen(messages: &[Message]) -> String {
        Testimony::of(messages, Some("brief")).text(2)
    }

    fn judged(answer: &str) -> Verdict {
        Testimony::of(&history(), Some("brief")).judge(answer)
    }

    #[test]
    fn what_the_client_sent_is_right() {
        assert_eq!(judged(&seen(&history())), Verdict::Right);
    }

    #[test]
    fn a_missing_message_is_lost() {
        let all = history();
        let last_turn = [&all[..2], &all[4..]].concat();
        for lossy in [&last_turn, &all[4..], &all[2..], &all[..4]] {
            assert_eq!(judged(&seen(lossy)), Verdict::Lost);
        }
    }

    #[test]
    fn the_same_question_after_other_whole_turns_is_told_from_everything_else() {
        let all = history();
        let right = Testimony::of(&all, Some("brief"));
        let after = |messages: &[Message]| right.is_after_other_turns(&seen(messages));
        assert!(after(&[&all[..2], &all[4..]].concat()), "an earlier turn");
        let edited = [Message::user("c7: other"), Message::assistant("x")];
        assert!(after(&[&edited, &all[4..]].concat()), "a branch");
        assert!(!after(&all[..4]), "without the question");
        assert!(!after(&all[1..]), "half a turn");
        assert!(!after(&[&all[..2], &all[..]].concat()), "a turn twice");
        let foreign = [Message::user("c8: other"), Message::assistant("x")];
        assert!(!after(&[&foreign, &all[4..]].concat()), "of another one");
        assert!(!right.is_after_other_turns(&Testimony::of(&all[4..], None).text(0)));
        assert!(!right.is_after_other_turns("Given"));
    }

    #[test]
    fn a_message_of_another_conversation_is_mixed() {
        let mut with_another = history();
        with_another.insert(2, Message::user("c8: one"));
        assert_eq!(judged(&seen(&with_another)), Verdict::Mixed);
        assert_eq!(judged(&seen(&[Message::user("c70: x")])), Verdict::Mixed);
    }

    #[test]
    fn what_is_doubled_swapped_unknown_cut_or_under_another_rule_is_wrong() {
        let mut doubled = history();
        doubled.insert(2, Message::user("c7: one"));
        let mut swapped = history();
        swapped.swap(0, 2);
        let mut unknown = history();
        unknown.insert(4, Message::assistant("never told"));
        for messages in [doubled, swapped, unknown] {
            assert!(matches!(judged(&seen(&messages)), Verdict::Wrong(_)));
        }
        let whole = seen(&history());
        for length in 0..whole.len() {
            assert!(
                matches!(judged(&whole[..length]), Verdict::Wrong(_)),
                "cut at {length}"
            );
        }
        let other_rule = Testimony::of(&history(), None).text(0);
        assert!(matches!(judged(&other_rule), Verdict::Wrong(_)));
    }

    #[test]
    fn only_users_name_conversations() {
        assert_eq!(Message::user("c12: x").conversation(), Some("c12"));
        assert_eq!(Message::user("Good morning: x").conversation(), None);
        assert_eq!(Message::assistant("c12: x").conversation(), None);
    }
}
