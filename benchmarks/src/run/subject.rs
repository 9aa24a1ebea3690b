//! What is measured side by side.

use std::net::SocketAddr;

use serde::Serialize;

use super::process::{Part, Process};
use crate::load::{Target, answer::Dialect};

/// One of the things that stand between a client and the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// Nothing: the client talks to the service.
    Direct,
    /// The bare pass-through.
    Floor,
    /// The pass-through that makes a stream one piece.
    CollectingFloor,
    /// nginx as a reverse proxy.
    Nginx,
    /// The gateway with new agents, telemetry and recognised histories.
    NewComplete,
    /// The same without telemetry and without continuity.
    NewBare,
    /// The gateway with classic agents, telemetry and recognised histories.
    ClassicComplete,
    /// The same without telemetry and without continuity.
    ClassicBare,
    /// LiteLLM's proxy, with classic agents.
    LiteLlm,
}

impl Subject {
    /// In the order of the tables.
    pub(crate) const ALL: [Self; 9] = [
        Self::Direct,
        Self::Floor,
        Self::CollectingFloor,
        Self::Nginx,
        Self::NewComplete,
        Self::NewBare,
        Self::ClassicComplete,
        Self::ClassicBare,
        Self::LiteLlm,
    ];

    /// The name for `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Floor => "floor",
            Self::CollectingFloor => "collecting-floor",
            Self::Nginx => "nginx",
            Self::NewComplete => "new-complete",
            Self::NewBare => "new-bare",
            Self::ClassicComplete => "classic-complete",
            Self::ClassicBare => "classic-bare",
            Self::LiteLlm => "litellm",
        }
    }

    /// The name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Floor => "floor",
            Self::CollectingFloor => "floor that collects a stream",
            Self::Nginx => "nginx",
            Self::NewComplete => "gateway, new agents",
            Self::NewBare => "gateway, new agents, bare",
            Self::ClassicComplete => "gateway, classic agents",
            Self::ClassicBare => "gateway, classic agents, bare",
            Self::LiteLlm => "LiteLLM, classic agents",
        }
    }

    /// Whether it is the gateway, in whatever dress.
    pub(crate) fn is_gateway(self) -> bool {
        matches!(
            self,
            Self::NewComplete | Self::NewBare | Self::ClassicComplete | Self::ClassicBare
        )
    }

    /// Whether it is the gateway with everything that a deployment has.
    pub(crate) fn is_complete(self) -> bool {
        matches!(self, Self::NewComplete | Self::ClassicComplete)
    }

    /// Whether a run goes on without it: it is somebody else's, and not everywhere installed.
    pub(crate) fn may_be_missing(self) -> bool {
        matches!(self, Self::Nginx | Self::LiteLlm)
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Direct | Self::Floor | Self::CollectingFloor | Self::Nginx => Dialect::Responses,
            _ => Dialect::Chat,
        }
    }

    /// What it calls the agent of this pace.
    pub(crate) fn agent(self, pace: &str) -> String {
        match self {
            Self::ClassicComplete | Self::ClassicBare => format!("asst_{pace}"),
            _ => pace.to_owned(),
        }
    }
}

/// The path of the service's endpoint for new agents.
pub(crate) const RESPONSES_PATH: &str = "/api/projects/p/openai/v1/responses";

/// A subject that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) subject: Subject,
    pub(crate) target: Target,
    /// Nothing for direct calls.
    pub(crate) server: Option<Server>,
}

/// Its process, which is stopped when this is dropped.
#[derive(Debug)]
pub(crate) enum Server {
    /// A program of its own.
    Program(Process),
    /// A part of the benchmark.
    Part(Part),
}

impl Running {
    pub(crate) fn new(
        subject: Subject,
        address: SocketAddr,
        key: &str,
        server: Option<Server>,
    ) -> Self {
        let path = match subject.dialect() {
            Dialect::Responses => RESPONSES_PATH,
            Dialect::Chat => "/v1/chat/completions",
        };
        Self {
            subject,
            target: Target {
                address,
                path: path.to_owned(),
                key: key.to_owned(),
                dialect: subject.dialect(),
            },
            server,
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(|server| match server {
            Server::Program(process) => process.pid(),
            Server::Part(part) => part.process.pid(),
        })
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.server {
            None => Ok(()),
            Some(Server::Program(process)) => process.stop().await,
            Some(Server::Part(part)) => part.process.stop().await,
        }
    }
}
