//! What becomes of each kind of output item of a new agent. Pure.
//!
//! The kinds are those of the SDKs' models (openai 3.54.0) and of the service's own items in its recordings and
//! documentation. `docs/answers.md` shows this table; a test holds the two together.

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is told to the client.
    Told,
    /// The service deals with it itself; the client sees only that the agent works.
    Unseen,
    /// The client would have to run it, and a chat completion cannot ask for that: the answer fails.
    Failed,
}

/// One kind of item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// `type` of the item.
    pub(super) kind: &'static str,
    /// What becomes of it.
    pub(super) fate: Fate,
    /// What that is, in words.
    #[cfg_attr(not(test), expect(dead_code, reason = "shown in the documentation"))]
    pub(super) what: &'static str,
}

const fn item(kind: &'static str, fate: Fate, what: &'static str) -> Item {
    Item { kind, fate, what }
}

use Fate::{Failed, Told, Unseen};

/// Every kind that is known.
pub(super) const ITEMS: &[Item] = &[
    item(
        "message",
        Told,
        "`content`, or `refusal`; several messages are joined by a blank line",
    ),
    item("function_call", Told, "`tool_calls`"),
    item(
        "reasoning",
        Told,
        "`reasoning_content`, the summary only, where `GATEWAY_REASONING_CONTENT` is `true`",
    ),
    item(
        "mcp_approval_request",
        Told,
        "decided by the policy, a tool call, or the error `approval_required`",
    ),
    item(
        "oauth_consent_request",
        Told,
        "the error `oauth_consent_required` with the link",
    ),
    item("workflow_action", Unseen, "a step of a workflow agent"),
    item("web_search_call", Unseen, "its sources are `annotations`"),
    item("file_search_call", Unseen, "its sources are `annotations`"),
    item("code_interpreter_call", Unseen, "run by the service"),
    item("image_generation_call", Unseen, "run by the service"),
    item("mcp_list_tools", Unseen, "run by the service"),
    item("mcp_call", Unseen, "run by the service"),
    item("shell_call", Unseen, "run by the service"),
    item("shell_call_output", Unseen, "run by the service"),
    item("tool_search_call", Unseen, "run by the service"),
    item("tool_search_output", Unseen, "run by the service"),
    item("additional_tools", Unseen, "run by the service"),
    item("compaction", Unseen, "run by the service"),
    item("program", Unseen, "run by the service"),
    item("program_output", Unseen, "run by the service"),
    item(
        "computer_call",
        Failed,
        "the error `agent_misconfigured`: the client would have to run it",
    ),
    item(
        "custom_tool_call",
        Failed,
        "the error `agent_misconfigured`: the client would have to run it",
    ),
    item(
        "local_shell_call",
        Failed,
        "the error `agent_misconfigured`: the client would have to run it",
    ),
    item(
        "apply_patch_call",
        Failed,
        "the error `agent_misconfigured`: the client would have to run it",
    ),
];

/// What becomes of an item; `None` for a kind that is not known.
pub(super) fn fate(kind: &str) -> Option<Fate> {
    ITEMS
        .iter()
        .find(|item| item.kind == kind)
        .map(|item| item.fate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_is_this_one() {
        let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/answers.md"));
        let word = |fate| match fate {
            Told => "told",
            Unseen => "unseen",
            Failed => "fails",
        };
        let rows = ITEMS
            .iter()
            .map(|item| format!("| `{}` | {} | {} |", item.kind, word(item.fate), item.what));
        let table = rows.collect::<Vec<_>>().join("\n");
        assert!(
            document.contains(&table),
            "docs/answers.md has to hold exactly these rows:\n{table}"
        );
    }

    #[test]
    fn no_kind_stands_twice() {
        let mut kinds: Vec<_> = ITEMS.iter().map(|item| item.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), ITEMS.len());
    }

    #[test]
    fn the_fate_of_a_kind_is_that_of_its_row() {
        assert_eq!(fate("message"), Some(Told));
        assert_eq!(fate("mcp_call"), Some(Unseen));
        assert_eq!(fate("computer_call"), Some(Failed));
        assert_eq!(fate("novelty"), None);
    }
}
