//! `/v1/files`: files that callers upload, and those that agents made for them.
//!
//! Every id is good for the caller it was given to, and tells where the file is; nothing is remembered here.

mod form;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use tokio::time::Instant;

use self::form::{Problem, UploadForm};
use crate::{
    agent::{Failure, FailureKind, file::UpstreamFile},
    app::AppState,
    config::projects::DEFAULT_PROJECT,
    error::ApiError,
    foundry::{
        Call,
        files::{self, FileContent, FileDescription},
        projects::Reach,
    },
    identity::callers::Caller,
    middleware::RequestId,
    openai::files::{DeletedFile, FileList, FileObject},
};

/// What an upload may say beside its form.
#[derive(Debug, Deserialize)]
pub struct UploadQuery {
    /// An agent in whose project the file is to be; without, it is the default project.
    model: Option<String>,
}

/// `POST /v1/files`: streams the file of a form to the project, under a name that tells whose it is.
pub async fn upload(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FileObject>, ApiError> {
    let limit = app.config.content.file_bytes;
    let (name, project) = project_of(&app, &caller, query.model.as_deref())?;
    let (file_ids, owner) = (app.file_ids.clone(), caller.name.0.clone());
    let form = UploadForm::new(&headers, body, limit, move |name| {
        file_ids.marked_name(&owner, name)
    })
    .map_err(|problem| refusal(&problem, limit))?;
    let (content_type, form, problem) = form.into_upstream();
    let call = call(&app, request_id);
    let uploaded = files::upload(&project.foundry, content_type, form, &call).await;
    match (problem.take(), uploaded) {
        // What is wrong with the form is why the service did not like it.
        (Some(problem), _) => Err(refusal(&problem, limit)),
        (None, Ok(file)) => Ok(Json(uploaded_file(&app, &caller, &name, file))),
        (None, Err(failure)) => Err(failure.into()),
    }
}

/// What a list of files may be asked for.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    /// An agent whose project's files are listed; without, those of the default project.
    model: Option<String>,
    purpose: Option<String>,
    order: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

/// Most files in one answer, as OpenAI has it.
const MAX_LISTED: usize = 10_000;

/// `GET /v1/files`: the files that this caller uploaded.
pub async fn list(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Result<Json<FileList>, ApiError> {
    let order = match query.order.as_deref() {
        Some("asc") => "asc",
        None | Some("desc") => "desc",
        Some(_) => {
            let message = "order must be asc or desc";
            return Err(ApiError::bad_request("invalid_value", "order", message));
        }
    };
    let mut filter = format!("&order={order}");
    if let Some(purpose) = &query.purpose {
        let purpose =
            percent_encoding::utf8_percent_encode(purpose, percent_encoding::NON_ALPHANUMERIC);
        filter = format!("{filter}&purpose={purpose}");
    }
    let is_own = |name: &str| app.file_ids.unmarked_name(&caller.name.0, name).is_some();
    let (name, project) = project_of(&app, &caller, query.model.as_deref())?;
    let call = call(&app, request_id);
    let found = files::list(&project.foundry, &filter, is_own, &call).await?;
    let all = found
        .into_iter()
        .map(|file| uploaded_file(&app, &caller, &name, file));
    let mut data: Vec<_> = match &query.after {
        None => all.collect(),
        Some(after) => all.skip_while(|file| file.id != *after).skip(1).collect(),
    };
    let limit = query.limit.unwrap_or(MAX_LISTED).clamp(1, MAX_LISTED);
    let has_more = limit < data.len();
    data.truncate(limit);
    Ok(Json(FileList {
        object: "list",
        first_id: data.first().map(|file| file.id.clone()),
        last_id: data.last().map(|file| file.id.clone()),
        data,
        has_more,
    }))
}

/// `GET /v1/files/{id}`.
pub async fn retrieve(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<FileObject>, ApiError> {
    let (project, file) = find(&app, &caller, &id)?;
    let described = files::describe(&project.foundry, &file, &call(&app, request_id)).await;
    let described = described.map_err(|failure| about_file(failure, &id))?;
    Ok(Json(file_object(&app, &caller, id, described)))
}

/// `GET /v1/files/{id}/content`: the bytes as they arrive.
pub async fn content(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (project, file) = find(&app, &caller, &id)?;
    let content = files::content(&project.foundry, &file, &call(&app, request_id)).await;
    let FileContent {
        content_type,
        bytes,
    } = content.map_err(|failure| about_file(failure, &id))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
        ),
        // An agent wrote it, or somebody who talks to one: no browser should run it as the gateway's own page.
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

/// `DELETE /v1/files/{id}`.
pub async fn delete(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<DeletedFile>, ApiError> {
    let (project, file) = find(&app, &caller, &id)?;
    let deleted = files::delete(&project.foundry, &file, &call(&app, request_id)).await;
    deleted.map_err(|failure| about_file(failure, &id))?;
    Ok(Json(DeletedFile {
        id,
        object: "file",
        deleted: true,
    }))
}

/// The project of a file and where it is there.
fn find(app: &AppState, caller: &Caller, id: &str) -> Result<(Reach, UpstreamFile), ApiError> {
    let found = app.file_ids.file(&caller.name.0, id);
    let reached = found.and_then(|(project, file)| {
        let project = app.projects.get(&project)?;
        Some((app.reach(project, caller), file))
    });
    reached.ok_or_else(|| ApiError::file_not_found(id, "file_id"))
}

/// The project of `model`, or the default one, with its name.
fn project_of(
    app: &AppState,
    caller: &Caller,
    model: Option<&str>,
) -> Result<(String, Reach), ApiError> {
    if let Some(model) = model {
        let (seen, project) = app
            .resolve(model, caller)
            .filter(|(seen, _)| seen.is_allowed)
            .ok_or_else(|| ApiError::model_not_found(model))?;
        return Ok((seen.agent.project, project));
    }
    match app.projects.default_project() {
        Some(project) => Ok((DEFAULT_PROJECT.to_owned(), app.reach(project, caller))),
        None => Err(ApiError::bad_request(
            "missing_required_parameter",
            "model",
            "there is no default project: name an agent of the project for the file, as in /v1/files?model=<agent>",
        )),
    }
}

fn call(app: &AppState, RequestId(request_id): RequestId) -> Call {
    Call {
        request_id,
        deadline: Instant::now() + app.config.limits.response_total,
    }
}

/// What is not there is the file, not an agent.
fn about_file(failure: Failure, id: &str) -> ApiError {
    match failure.kind {
        FailureKind::AgentNotFound => ApiError::file_not_found(id, "file_id"),
        _ => failure.into(),
    }
}

fn refusal(problem: &Problem, limit: u64) -> ApiError {
    match problem {
        Problem::TooLarge => ApiError::file_too_large(limit),
        Problem::FieldTooLong(name) => ApiError::bad_request(
            "invalid_value",
            name,
            format!(
                "the field {name:?} of the form is longer than {} bytes; only the field file may be",
                form::MAX_FIELD_BYTES
            ),
        ),
        Problem::Missing(field) => ApiError::bad_request(
            "missing_required_parameter",
            *field,
            format!("{field} is required: send a multipart/form-data body with purpose and file"),
        ),
        Problem::Unreadable(detail) => ApiError::bad_request(
            "invalid_value",
            "file",
            format!("the body is not a multipart/form-data form that can be read: {detail}"),
        ),
    }
}

fn uploaded_file(
    app: &AppState,
    caller: &Caller,
    project: &str,
    file: FileDescription,
) -> FileObject {
    let name = app.file_ids.unmarked_name(&caller.name.0, &file.filename);
    let place = UpstreamFile::OpenAi {
        id: file.id.clone(),
        name: name.unwrap_or_else(|| file.filename.clone()),
    };
    file_object(
        app,
        caller,
        app.file_ids.id(&caller.name.0, project, &place),
        file,
    )
}

fn file_object(app: &AppState, caller: &Caller, id: String, file: FileDescription) -> FileObject {
    let name = app.file_ids.unmarked_name(&caller.name.0, &file.filename);
    FileObject {
        id,
        object: "file",
        bytes: file.bytes,
        created_at: file.created_at,
        filename: name.unwrap_or(file.filename),
        purpose: file.purpose,
        status: "processed",
    }
}
