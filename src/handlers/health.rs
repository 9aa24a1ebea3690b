//! Whether the process lives, and whether it can serve.

use axum::{Extension, Json, extract::State};
use http::StatusCode;
use serde::Serialize;

use crate::{app::AppState, error::ApiError, middleware::RequestId};

/// 200 at once: the Functions host asks `GET /` until it is answered, and now and then for ever after.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// What is configured and reachable; nothing here is secret.
#[derive(Debug, Serialize)]
pub struct Report {
    status: &'static str,
    version: &'static str,
    project: ProjectReport,
    identity: IdentityReport,
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
struct IdentityReport {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct CallersReport {
    keys: usize,
    anonymous: bool,
}

#[derive(Debug, Serialize)]
struct AgentsReport {
    aliases: usize,
    classic: bool,
}

/// 200 when agents can be listed, else 503; either way the report.
pub async fn ready(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
) -> (StatusCode, Json<Report>) {
    let problem = app
        .readiness
        .problem(&request_id.0)
        .await
        .map(ApiError::code_of);
    let (status, word) = match problem {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let config = &app.config;
    let report = Report {
        status: word,
        version: env!("CARGO_PKG_VERSION"),
        project: ProjectReport {
            endpoint: app.foundry.endpoint().to_owned(),
            reachable: problem.is_none(),
            problem,
        },
        identity: IdentityReport {
            kind: config.identity.credential.kind(),
            client_id: config.identity.credential.client_id().map(str::to_owned),
        },
        callers: CallersReport {
            keys: config.callers.keys.len(),
            anonymous: config.callers.allow_anonymous,
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
