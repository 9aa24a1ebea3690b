//! Whether the process lives, and whether it can serve.

use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::{Extension, Json, extract::State};
use http::StatusCode;
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};

use crate::{app::AppState, error::ApiError, middleware::RequestId};

/// 200 at once: the Functions host asks `GET /` until it is answered, and now and then for ever after.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The last look at the service, kept so that probes do not become load.
#[derive(Debug, Default)]
pub struct Readiness {
    last: ArcSwapOption<Look>,
    looking: Mutex<()>,
}

#[derive(Debug)]
struct Look {
    problem: Option<&'static str>,
    at: Instant,
}

/// How long a look is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(10);
/// Bounds a look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// What is configured and reachable; nothing here is secret.
#[derive(Debug, Serialize)]
pub struct Report {
    status: &'static str,
    version: &'static str,
    project: ProjectReport,
    identity: IdentityReport,
    callers: CallersReport,
    agents: AgentsReport,
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
    let problem = look(&app, &request_id.0).await;
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
        agents: AgentsReport {
            aliases: config.agents.aliases.len(),
            classic: config.agents.classic_enabled,
        },
    };
    (status, Json(report))
}

/// The code of what is wrong, if anything is; its detail is in the log.
async fn look(app: &AppState, request_id: &str) -> Option<&'static str> {
    let believed = || {
        let last = app.readiness.last.load_full()?;
        (last.at.elapsed() < BELIEVED_FOR).then_some(last.problem)
    };
    if let Some(problem) = believed() {
        return problem;
    }
    let _one_at_a_time = app.readiness.looking.lock().await;
    if let Some(problem) = believed() {
        return problem;
    }
    let problem = match tokio::time::timeout(LOOK_TIMEOUT, app.directory.check(request_id)).await {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => {
            tracing::warn!(
                request.id = request_id,
                detail = failure.detail,
                "not ready: {failure}"
            );
            Some(ApiError::code_of(failure.kind))
        }
        Err(_) => {
            tracing::warn!(
                request.id = request_id,
                "not ready: no answer within the limit"
            );
            Some("upstream_timeout")
        }
    };
    app.readiness.last.store(Some(std::sync::Arc::new(Look {
        problem,
        at: Instant::now(),
    })));
    problem
}
