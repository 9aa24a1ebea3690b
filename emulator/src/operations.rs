//! Every operation of the service: method, path, name, handler. What the real service has and the emulator does not is
//! listed too, so that it is refused by name.

use futures_util::future::BoxFuture;
use http::Method;
use percent_encoding::percent_decode_str;

use crate::error::ServiceError;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::threads::{assistants, messages, runs, steps, submit};
use crate::{agents, conversations, files, responses, threads};

/// An operation that a request addressed.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// As it appears in the journal and in fault rules.
    pub(crate) name: &'static str,
    pub(crate) handler: Handler,
}

/// What answers an operation.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// At once.
    Now(fn(&Context, &ServiceRequest) -> Result<Reply, ServiceError>),
    /// After some time.
    Later(
        for<'a> fn(&'a Context, &'a ServiceRequest) -> BoxFuture<'a, Result<Reply, ServiceError>>,
    ),
    /// Never: 501.
    NotEmulated,
}

const fn now(
    method: &'static str,
    path: &'static str,
    name: &'static str,
    handler: fn(&Context, &ServiceRequest) -> Result<Reply, ServiceError>,
) -> Operation {
    Operation {
        method,
        path,
        name,
        handler: Handler::Now(handler),
    }
}

const fn later(
    method: &'static str,
    path: &'static str,
    name: &'static str,
    handler: for<'a> fn(
        &'a Context,
        &'a ServiceRequest,
    ) -> BoxFuture<'a, Result<Reply, ServiceError>>,
) -> Operation {
    Operation {
        method,
        path,
        name,
        handler: Handler::Later(handler),
    }
}

const fn missing(path: &'static str, name: &'static str) -> Operation {
    Operation {
        method: "*",
        path,
        name,
        handler: Handler::NotEmulated,
    }
}

/// Below `/api/projects/{project}`; `{}` is one segment, `**` any rest.
#[rustfmt::skip] // One operation a line.
const PROJECT: &[Operation] = &[
    now("GET", "agents", "list_agents", agents::handlers::list),
    now("POST", "agents", "create_agent", agents::handlers::create),
    now("GET", "agents/{}", "get_agent", agents::handlers::get),
    now("PATCH", "agents/{}", "patch_agent", agents::handlers::patch),
    now("DELETE", "agents/{}", "delete_agent", agents::handlers::delete),
    now("POST", "agents/{}:enable", "enable_agent", agents::handlers::enable),
    now("POST", "agents/{}:disable", "disable_agent", agents::handlers::disable),
    now("POST", "agents/{}", "update_agent", agents::handlers::update),
    now("POST", "agents/{}/versions", "create_agent_version", agents::handlers::create_version),
    now("GET", "agents/{}/versions", "list_agent_versions", agents::handlers::list_versions),
    now("GET", "agents/{}/versions/{}", "get_agent_version", agents::handlers::get_version),
    now("DELETE", "agents/{}/versions/{}", "delete_agent_version", agents::handlers::delete_version),
    now("GET", "assistants", "list_assistants", assistants::list),
    now("POST", "assistants", "create_assistant", assistants::create),
    now("GET", "assistants/{}", "get_assistant", assistants::get),
    now("POST", "assistants/{}", "update_assistant", assistants::update),
    now("DELETE", "assistants/{}", "delete_assistant", assistants::delete),
    later("POST", "threads/runs", "create_thread_and_run", runs::create_thread_and_run),
    now("GET", "threads", "list_threads", threads::list),
    now("POST", "threads", "create_thread", threads::create),
    now("GET", "threads/{}", "get_thread", threads::get),
    now("POST", "threads/{}", "update_thread", threads::update),
    now("DELETE", "threads/{}", "delete_thread", threads::delete),
    now("GET", "threads/{}/messages", "list_messages", messages::list),
    now("POST", "threads/{}/messages", "create_message", messages::create),
    now("GET", "threads/{}/messages/{}", "get_message", messages::get),
    now("POST", "threads/{}/messages/{}", "update_message", messages::update),
    now("DELETE", "threads/{}/messages/{}", "delete_message", messages::delete),
    now("GET", "threads/{}/runs", "list_runs", runs::list),
    later("POST", "threads/{}/runs", "create_run", runs::create),
    now("GET", "threads/{}/runs/{}", "get_run", runs::get),
    now("POST", "threads/{}/runs/{}", "update_run", runs::update),
    now("POST", "threads/{}/runs/{}/cancel", "cancel_run", runs::cancel),
    later("POST", "threads/{}/runs/{}/submit_tool_outputs", "submit_tool_outputs", submit::submit),
    now("GET", "threads/{}/runs/{}/steps", "list_run_steps", steps::list),
    now("GET", "threads/{}/runs/{}/steps/{}", "get_run_step", steps::get),
    now("GET", "files", "list_files", files::list),
    later("POST", "files", "upload_file", files::upload),
    now("GET", "files/{}", "get_file", files::get),
    now("DELETE", "files/{}", "delete_file", files::delete),
    now("GET", "files/{}/content", "get_file_content", files::content),
    missing("agents/**", "agent_sessions_and_publishing"),
    missing("applications/**", "agent_applications"),
    missing("connections/**", "connections"),
    missing("datasets/**", "datasets"),
    missing("deployments/**", "deployments"),
    missing("evaluations/**", "evaluations"),
    missing("evaluationrules/**", "evaluation_rules"),
    missing("evaluators/**", "evaluators"),
    missing("indexes/**", "indexes"),
    missing("insights/**", "insights"),
    missing("memory_stores/**", "memory_stores"),
    missing("models/**", "models"),
    missing("redTeams/**", "red_teams"),
    missing("routines/**", "routines"),
    missing("schedules/**", "schedules"),
    missing("skills/**", "skills"),
    missing("vector_stores/**", "vector_stores"),
];

/// Below `/openai/v1`, `/openai` (preview) and `/agents/{name}/endpoint/protocols/openai`.
#[rustfmt::skip] // One operation a line.
const OPENAI: &[Operation] = &[
    later("POST", "responses", "create_response", responses::handlers::create),
    now("GET", "responses/{}", "get_response", responses::handlers::get),
    now("DELETE", "responses/{}", "delete_response", responses::handlers::delete),
    now("POST", "responses/{}/cancel", "cancel_response", responses::handlers::cancel),
    now("GET", "responses/{}/input_items", "list_input_items", responses::handlers::input_items),
    now("POST", "conversations", "create_conversation", conversations::create),
    now("GET", "conversations/{}", "get_conversation", conversations::get),
    now("POST", "conversations/{}", "update_conversation", conversations::update),
    now("DELETE", "conversations/{}", "delete_conversation", conversations::delete),
    now("GET", "conversations/{}/items", "list_conversation_items", conversations::list_items),
    now("POST", "conversations/{}/items", "create_conversation_items", conversations::create_items),
    now("GET", "conversations/{}/items/{}", "get_conversation_item", conversations::get_item),
    now("DELETE", "conversations/{}/items/{}", "delete_conversation_item", conversations::delete_item),
    now("GET", "files", "list_files", files::list),
    later("POST", "files", "upload_file", files::upload),
    now("GET", "files/{}", "get_file", files::get),
    now("DELETE", "files/{}", "delete_file", files::delete),
    now("GET", "files/{}/content", "get_file_content", files::content),
    now("GET", "containers/{}/files/{}", "get_container_file", files::made::get_container_file),
    now("GET", "containers/{}/files/{}/content", "get_container_file_content", files::made::container_file_content),
    missing("containers/**", "containers"),
    missing("chat/**", "model_chat_completions"),
    missing("embeddings/**", "model_embeddings"),
    missing("evals/**", "evals"),
    missing("fine_tuning/**", "fine_tuning"),
    missing("models/**", "models"),
    missing("vector_stores/**", "vector_stores"),
];

/// Where a request was sent.
pub(crate) struct Target {
    pub(crate) project: String,
    /// The operation, or how the path is refused.
    pub(crate) operation: Result<&'static Operation, NoOperation>,
    /// Variable segments, decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) endpoint_agent: Option<String>,
    pub(crate) preview: bool,
    /// Whether the query must name an `api-version`.
    pub(crate) needs_api_version: bool,
}

/// Why a path leads to no operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoOperation {
    /// No operation has this path.
    UnknownPath,
    /// Operations have this path, with other methods.
    WrongMethod,
}

/// Finds the operation; `None` when the path is not below `/api/projects/{project}`.
pub(crate) fn find(method: &Method, path: &str) -> Option<Target> {
    let rest = path.strip_prefix("/api/projects/")?;
    let (project, rest) = rest.split_once('/').unwrap_or((rest, ""));
    if project.is_empty() {
        return None;
    }
    let segments: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let mut target = Target {
        project: decode(project),
        operation: Err(NoOperation::UnknownPath),
        segments: Vec::new(),
        endpoint_agent: None,
        preview: false,
        needs_api_version: true,
    };
    let (table, segments) = match segments.as_slice() {
        ["openai", "v1", rest @ ..] => {
            target.needs_api_version = false;
            (OPENAI, rest)
        }
        ["openai", rest @ ..] => {
            target.preview = true;
            (OPENAI, rest)
        }
        ["agents", name, "endpoint", "protocols", "openai", rest @ ..] => {
            target.endpoint_agent = Some(decode(name));
            (OPENAI, rest)
        }
        all => (PROJECT, all),
    };
    let mut wrong_method = false;
    for operation in table {
        let Some(variable) = matches(operation.path, segments) else {
            continue;
        };
        if operation.method == "*" && wrong_method {
            break;
        }
        if operation.method == "*" || operation.method == method.as_str() {
            target.operation = Ok(operation);
            target.segments = variable;
            return Some(target);
        }
        wrong_method = true;
    }
    if wrong_method {
        target.operation = Err(NoOperation::WrongMethod);
    }
    Some(target)
}

/// The variable segments when `segments` have the form of `pattern`.
fn matches(pattern: &str, segments: &[&str]) -> Option<Vec<String>> {
    let mut variable = Vec::new();
    let mut left = segments.iter();
    for expected in pattern.split('/') {
        if expected == "**" {
            return Some(variable);
        }
        let segment = left.next()?;
        match expected.strip_prefix("{}") {
            // `{}:enable`: a name and an action in one segment.
            Some(action) => {
                let name = segment.strip_suffix(action)?;
                if name.is_empty() {
                    return None;
                }
                variable.push(decode(name));
            }
            None if expected == *segment => {}
            None => return None,
        }
    }
    left.next().is_none().then_some(variable)
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(method: &Method, path: &str) -> Result<&'static str, NoOperation> {
        let target = find(method, &format!("/api/projects/p{path}")).unwrap();
        target.operation.map(|operation| operation.name)
    }

    #[test]
    fn paths_lead_to_operations() {
        assert_eq!(name(&Method::GET, "/agents"), Ok("list_agents"));
        assert_eq!(
            name(&Method::POST, "/agents/a:disable"),
            Ok("disable_agent")
        );
        assert_eq!(
            name(&Method::POST, "/threads/runs"),
            Ok("create_thread_and_run")
        );
        assert_eq!(
            name(&Method::POST, "/threads/t/runs/r/cancel"),
            Ok("cancel_run")
        );
        assert_eq!(
            name(&Method::POST, "/openai/v1/responses"),
            Ok("create_response")
        );
        assert_eq!(
            name(&Method::POST, "/openai/responses"),
            Ok("create_response")
        );
        assert_eq!(
            name(
                &Method::POST,
                "/agents/a/endpoint/protocols/openai/responses"
            ),
            Ok("create_response")
        );
        assert_eq!(
            name(&Method::POST, "/agents/a/endpoint/sessions"),
            Ok("agent_sessions_and_publishing")
        );
        assert_eq!(
            name(&Method::GET, "/vector_stores/v/files"),
            Ok("vector_stores")
        );
        assert_eq!(
            name(&Method::PUT, "/agents/a"),
            Err(NoOperation::WrongMethod)
        );
        assert_eq!(
            name(&Method::GET, "/nothing"),
            Err(NoOperation::UnknownPath)
        );
        assert!(find(&Method::GET, "/elsewhere").is_none());
    }

    #[test]
    fn segments_are_decoded() {
        let target = find(&Method::GET, "/api/projects/my%20project/agents/a%2Fb").unwrap();
        assert_eq!(target.project, "my project");
        assert_eq!(target.segments, ["a/b"]);
    }
}
