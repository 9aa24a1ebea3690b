//! Uploaded files, one store for both dialects: kept, listed and read back, never searched. What agents make is in
//! [`made`].

pub(crate) mod made;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::error::ServiceError;
use crate::ids;
use crate::paging::PageQuery;
use crate::project::Project;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::store::Identified;

/// An uploaded file.
#[derive(Debug)]
pub(crate) struct File {
    id: String,
    filename: String,
    purpose: String,
    created_at: u64,
    content: Bytes,
}

impl Identified for File {
    fn id(&self) -> &str {
        &self.id
    }
}

impl File {
    fn json(&self) -> Value {
        json!({
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": self.content.len(),
            "created_at": self.created_at,
            "status": "processed",
            "status_details": null,
        })
    }
}

/// `POST /files`, a multipart form with `purpose` and `file`
pub(crate) fn upload<'a>(
    context: &'a Context,
    request: &'a ServiceRequest,
) -> BoxFuture<'a, Result<Reply, ServiceError>> {
    Box::pin(async move {
        let uploaded = read_form(context, request).await?;
        let reply = Reply::json(uploaded.json());
        context.project.lock().files.insert(uploaded);
        Ok(reply)
    })
}

async fn read_form(context: &Context, request: &ServiceRequest) -> Result<File, ServiceError> {
    let refused = |error: multer::Error| {
        ServiceError::invalid_request(None, None, format!("The form cannot be read: {error}."))
    };
    let content_type = request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(refused)?;
    let body = request.body.clone();
    let body = futures_util::stream::once(async move { Ok::<_, std::io::Error>(body) });
    let mut form = multer::Multipart::new(body, boundary);
    let (mut purpose, mut file) = (None, None);
    while let Some(field) = form.next_field().await.map_err(refused)? {
        match field.name() {
            Some("purpose") => purpose = Some(field.text().await.map_err(refused)?),
            Some("file") => {
                let told_name = field.file_name().unwrap_or("file").to_owned();
                file = Some((told_name, field.bytes().await.map_err(refused)?));
            }
            _ => {}
        }
    }
    let (told_name, bytes) = file.ok_or_else(|| ServiceError::missing_parameter("file"))?;
    Ok(File {
        id: ids::file(),
        filename: told_name,
        purpose: purpose.ok_or_else(|| ServiceError::missing_parameter("purpose"))?,
        created_at: context.clock.unix_seconds(),
        content: bytes,
    })
}

/// `GET /files`, also by `purpose`
pub(crate) fn list(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let purpose = request.query("purpose");
    let project = context.project.lock();
    let files = project
        .files
        .iter()
        .filter(|file| purpose.is_none_or(|purpose| file.purpose == purpose))
        .map(File::json)
        .collect();
    Ok(Reply::json(query.page(files)))
}

/// `GET /files/{id}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let project = context.project.lock();
    let id = request.segment(0);
    let file = project.files.get(id).map(File::json);
    let file = file.or_else(|| made::file(id).map(|file| file.json()));
    Ok(Reply::json(file.ok_or_else(|| unknown(id))?))
}

/// `GET /files/{id}/content`
pub(crate) fn content(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let project = context.project.lock();
    let id = request.segment(0);
    let uploaded = project.files.get(id).map(|file| file.content.clone());
    let bytes = uploaded.or_else(|| made::file(id).map(|file| file.content));
    Ok(Reply::file(bytes.ok_or_else(|| unknown(id))?))
}

/// `DELETE /files/{id}`
pub(crate) fn delete(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let id = request.segment(0);
    match context.project.lock().files.remove(id) {
        Some(_) => Ok(Reply::json(
            json!({"object": "file", "id": id, "deleted": true}),
        )),
        None => Err(unknown(id)),
    }
}

/// Refuses items whose files the project does not have.
pub(crate) fn check_items(project: &Project, items: &[Value]) -> Result<(), ServiceError> {
    let parts = items
        .iter()
        .filter_map(|item| item.get("content").and_then(Value::as_array))
        .flatten();
    let mut ids = parts.filter_map(|part| part.get("file_id").and_then(Value::as_str));
    let missing = ids.find(|id| project.files.get(id).is_none() && made::file(id).is_none());
    match missing {
        None => Ok(()),
        Some(id) => Err(ServiceError::invalid_request(
            Some("invalid_value"),
            Some("input"),
            format!("No file found with id '{id}'."),
        )),
    }
}

pub(crate) fn unknown(id: &str) -> ServiceError {
    ServiceError::not_found(format!("No file found with id '{id}'."))
}
