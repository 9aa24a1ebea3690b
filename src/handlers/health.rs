//! Whether the process lives, and whether it can serve.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use serde::Serialize;

use crate::{
    agent::FailureKind, app::AppState, config::projects::DEFAULT_PROJECT, error::ApiError,
    foundry::projects::Project, identity::Identity, middleware::RequestId,
};

/// 200 at once: the Functions host asks `GET /` until it is answered, and now and then for ever after.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// What is configured and reachable; nothing here is secret.
#[derive(Debug, Serialize)]
pub struct Report {
    status: &'static str,
    version: &'static str,
    /// The project of `FOUNDRY_PROJECT_ENDPOINT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectReport>,
    identity: IdentityReport,
    /// Those of `GATEWAY_AGENTS`, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    projects: BTreeMap<String, FurtherProjectReport>,
    callers: CallersReport,
    agents: AgentsReport,
    conversations: ConversationsReport,
}

#[derive(Debug, Serialize)]
struct ConversationsReport {
    /// `table` or `memory`.
    store: &'static str,
}

#[derive(Debug, Serialize)]
struct ProjectReport {
    endpoint: String,
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct FurtherProjectReport {
    #[serde(flatten)]
    project: ProjectReport,
    identity: IdentityReport,
}

#[derive(Debug, Serialize)]
struct IdentityReport {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct CallersReport {
    keys: usize,
    anonymous: bool,
    /// Whether tokens of an Entra tenant are taken.
    entra: bool,
    /// On whose behalf Foundry is called.
    upstream_identity: &'static str,
}

#[derive(Debug, Serialize)]
struct AgentsReport {
    aliases: usize,
    classic: bool,
}

impl ProjectReport {
    fn new(project: &Project, problem: Option<FailureKind>) -> Self {
        Self {
            endpoint: project.foundry.endpoint().to_owned(),
            reachable: problem.is_none(),
            problem: problem.map(ApiError::code_of),
        }
    }
}

impl IdentityReport {
    fn new(identity: &Identity) -> Self {
        Self {
            kind: identity.kind(),
            client_id: identity.client_id().map(str::to_owned),
        }
    }
}

/// 200 when the agents of every project can be listed, else 503; either way the report.
pub async fn ready(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
) -> (StatusCode, Json<Report>) {
    let mut default = None;
    let mut further = BTreeMap::new();
    let mut all_reachable = true;
    for (name, project, problem) in app.projects.problems(&request_id.0).await {
        all_reachable &= problem.is_none();
        let report = ProjectReport::new(project, problem);
        if name == DEFAULT_PROJECT {
            default = Some(report);
        } else {
            let report = FurtherProjectReport {
                project: report,
                identity: IdentityReport::new(&project.identity),
            };
            further.insert(name.to_owned(), report);
        }
    }
    let (status, word) = if all_reachable {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let config = &app.config;
    let report = Report {
        status: word,
        version: env!("CARGO_PKG_VERSION"),
        project: default,
        identity: IdentityReport::new(&app.identity),
        projects: further,
        callers: CallersReport {
            keys: config.callers.keys.len(),
            anonymous: config.callers.allow_anonymous,
            entra: config.callers.entra.is_some(),
            upstream_identity: config.callers.upstream.word(),
        },
        conversations: ConversationsReport {
            store: app.store.kind(),
        },
        agents: AgentsReport {
            aliases: config.agents.aliases.len(),
            classic: config.agents.classic_enabled,
        },
    };
    (status, Json(report))
}
