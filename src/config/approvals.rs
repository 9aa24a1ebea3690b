//! What becomes of an agent's requests for the approval of MCP calls.

use serde::Deserialize;

use super::{ConfigError, Environment};

/// The policy of one agent. Nothing is approved that is not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalPolicy {
    /// What is approved without asking: `server` for every tool of a server, `server/tool` for one.
    #[serde(default)]
    pub approve: Vec<String>,
    /// What becomes of everything else; `GATEWAY_APPROVALS` where it is left out.
    #[serde(default)]
    pub otherwise: Option<Unlisted>,
}

/// What becomes of a request for an approval that is not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unlisted {
    /// The answer fails with `approval_required`.
    #[default]
    Fail,
    /// The agent is told no, and goes on without the call.
    Refuse,
    /// The client is asked, as by a tool call.
    Surface,
}

/// What becomes of one request for an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The agent is told yes or no.
    Decided {
        /// Whether it is yes.
        approve: bool,
    },
    /// The client is asked.
    Surface,
    /// The answer fails.
    Fail,
}

impl ApprovalPolicy {
    /// What becomes of the request for `tool` of the server `server_label`.
    pub fn verdict(&self, server_label: &str, tool: &str) -> Verdict {
        let is_listed = self
            .approve
            .iter()
            .any(|entry| match entry.split_once('/') {
                None => entry == server_label,
                Some((server, name)) => server == server_label && name == tool,
            });
        match self.otherwise.unwrap_or_default() {
            _ if is_listed => Verdict::Decided { approve: true },
            Unlisted::Fail => Verdict::Fail,
            Unlisted::Refuse => Verdict::Decided { approve: false },
            Unlisted::Surface => Verdict::Surface,
        }
    }

    /// Whether some requests are answered without the client.
    pub fn decides(&self) -> bool {
        !self.approve.is_empty() || self.otherwise == Some(Unlisted::Refuse)
    }

    /// The policy with the general word where it has none of its own.
    #[must_use]
    pub fn or(&self, general: Unlisted) -> Self {
        Self {
            otherwise: Some(self.otherwise.unwrap_or(general)),
            ..self.clone()
        }
    }
}

impl Unlisted {
    /// Reads `GATEWAY_APPROVALS`: `fail` (default), `refuse` or `surface`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const APPROVALS: &str = "GATEWAY_APPROVALS";
        match environment.get(APPROVALS).unwrap_or("fail") {
            "fail" => Ok(Self::Fail),
            "refuse" => Ok(Self::Refuse),
            "surface" => Ok(Self::Surface),
            _ => Err(ConfigError::invalid(
                APPROVALS,
                "write fail, refuse or surface; what is approved is listed for each alias in GATEWAY_AGENTS",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_approved() {
        let policy = ApprovalPolicy {
            approve: vec!["docs".to_owned(), "shop/search".to_owned()],
            otherwise: None,
        };
        let yes = Verdict::Decided { approve: true };
        let rows = [
            ("docs", "anything", yes),
            ("shop", "search", yes),
            ("shop", "buy", Verdict::Fail),
            ("search", "search", Verdict::Fail),
            ("docs2", "anything", Verdict::Fail),
            ("", "docs", Verdict::Fail),
        ];
        for (server, tool, expected) in rows {
            assert_eq!(policy.verdict(server, tool), expected, "{server}/{tool}");
        }
        let refusing = policy.or(Unlisted::Refuse);
        assert_eq!(
            refusing.verdict("shop", "buy"),
            Verdict::Decided { approve: false }
        );
        assert_eq!(refusing.verdict("shop", "search"), yes);
    }

    #[test]
    fn nothing_is_decided_without_being_told_so() {
        assert!(!ApprovalPolicy::default().decides());
        assert!(!ApprovalPolicy::default().or(Unlisted::Surface).decides());
        assert!(ApprovalPolicy::default().or(Unlisted::Refuse).decides());
    }

    #[test]
    fn every_general_word_is_read() {
        let read = |word: &str| {
            Unlisted::from_environment(&Environment::from_iter([("GATEWAY_APPROVALS", word)])).ok()
        };
        let words = ["", "fail", "refuse", "surface", "always"];
        assert_eq!(
            words.map(read),
            [
                Some(Unlisted::Fail),
                Some(Unlisted::Fail),
                Some(Unlisted::Refuse),
                Some(Unlisted::Surface),
                None
            ]
        );
    }
}
