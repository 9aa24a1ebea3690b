//! Files of the project: uploaded ones, and those that agents made.

mod wire;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, Method, header};
use tokio::time::Instant;

use self::wire::{ContainerFile, FileList, StoredResponse};
use super::{
    client::{Call, Foundry, UpstreamRequest, byte_stream, read_json},
    connections::RequestBody,
};
use crate::agent::{Failure, FailureKind, file::UpstreamFile, stream::ByteStream};

pub use self::wire::FileDescription;

/// What a file holds, as it arrives.
pub struct FileContent {
    /// What the service says of its kind.
    pub content_type: Option<HeaderValue>,
    /// The bytes; the silence between two reads is bounded, and all of it as a streaming answer is.
    pub bytes: ByteStream,
}

impl std::fmt::Debug for FileContent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FileContent")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// Files per page, the service's maximum.
const PAGE_SIZE: usize = 100;
/// Most pages that are followed.
const MAX_PAGES: usize = 100;

/// Uploads a file: `form` is a `multipart/form-data` body. Sent once: a body that streams cannot be sent again.
pub async fn upload(
    foundry: &Foundry,
    content_type: HeaderValue,
    form: RequestBody,
    call: &Call,
) -> Result<FileDescription, Failure> {
    let response = foundry
        .send_stream("/openai/v1/files", content_type, form, call)
        .await?;
    read_json(response, call.deadline).await
}

/// All uploaded files whose names `is_wanted` likes, as far as the service's list is followed.
pub async fn list(
    foundry: &Foundry,
    query: &str,
    is_wanted: impl Fn(&str) -> bool,
    call: &Call,
) -> Result<Vec<FileDescription>, Failure> {
    let mut files = Vec::new();
    let mut after = String::new();
    for _ in 0..MAX_PAGES {
        let path = format!("/openai/v1/files?limit={PAGE_SIZE}{query}{after}");
        let page: FileList = foundry.get_json(&path, call).await?;
        let last = page.data.last().map(|file| file.id.clone());
        files.extend(
            page.data
                .into_iter()
                .filter(|file| is_wanted(&file.filename)),
        );
        let last = page
            .last_id
            .or(last)
            .filter(|_| page.has_more != Some(false));
        let next = last.map(|last| format!("&after={}", escaped(&last)));
        match next {
            Some(next) if next != after => after = next,
            _ => return Ok(files),
        }
    }
    tracing::warn!(
        request.id = call.request_id,
        "the list of files does not end: the rest is left out"
    );
    Ok(files)
}

/// What the service says of a file.
pub async fn describe(
    foundry: &Foundry,
    file: &UpstreamFile,
    call: &Call,
) -> Result<FileDescription, Failure> {
    match file {
        UpstreamFile::Agents(_) | UpstreamFile::OpenAi { .. } => {
            foundry.get_json(&path(file), call).await
        }
        UpstreamFile::Container { .. } => {
            let file: ContainerFile = foundry.get_json(&path(file), call).await?;
            Ok(FileDescription::made(
                file.path.rsplit('/').next(),
                file.bytes,
                file.created_at,
            ))
        }
        UpstreamFile::Image { .. } => {
            let (image, created_at) = read_image(foundry, file, call).await?;
            let length = u64::try_from(image.len()).unwrap_or(u64::MAX);
            Ok(FileDescription::made(Some("image.png"), length, created_at))
        }
    }
}

/// The content of a file.
pub async fn content(
    foundry: &Foundry,
    file: &UpstreamFile,
    call: &Call,
) -> Result<FileContent, Failure> {
    if let UpstreamFile::Image { .. } = file {
        let (image, _) = read_image(foundry, file, call).await?;
        return Ok(FileContent {
            content_type: Some(HeaderValue::from_static("image/png")),
            bytes: Box::pin(futures_util::stream::once(async { Ok(image) })),
        });
    }
    let path = path(file);
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let separator = if query.is_empty() { "" } else { "?" };
    let request = UpstreamRequest {
        method: Method::GET,
        path: &format!("{path}/content{separator}{query}"),
        body: None,
        features: None,
    };
    let response = foundry.send(request, call).await?;
    let silence = foundry.limits.between_bytes;
    let deadline = Instant::now() + foundry.limits.stream_total;
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let bytes =
        futures_util::stream::unfold(Some(byte_stream(response)), move |bytes| async move {
            let mut bytes = bytes?;
            let now = Instant::now();
            if deadline <= now {
                return Some((Err("the file did not pass within the limit".into()), None));
            }
            match tokio::time::timeout_at(deadline.min(now + silence), bytes.next()).await {
                Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(bytes))),
                Ok(Some(Err(error))) => Some((Err(error), None)),
                Ok(None) => None,
                Err(_) => Some((Err("no byte of the file within the limit".into()), None)),
            }
        });
    Ok(FileContent {
        content_type,
        bytes: Box::pin(bytes),
    })
}

/// Deletes an uploaded file, or one that a classic agent made. The others go with their container or response.
pub async fn delete(foundry: &Foundry, file: &UpstreamFile, call: &Call) -> Result<(), Failure> {
    match file {
        UpstreamFile::Agents(_) | UpstreamFile::OpenAi { .. } => {
            foundry.delete(&path(file), call).await
        }
        UpstreamFile::Container { .. } | UpstreamFile::Image { .. } => Err(Failure::new(
            FailureKind::InvalidRequest,
            "a file that an agent made goes with its conversation, and cannot be deleted by itself",
        )),
    }
}

fn path(file: &UpstreamFile) -> String {
    match file {
        UpstreamFile::Agents(id) => format!("/files/{}?api-version=v1", escaped(id)),
        UpstreamFile::OpenAi { id, .. } => format!("/openai/v1/files/{}", escaped(id)),
        UpstreamFile::Container { container, file } => format!(
            "/openai/v1/containers/{}/files/{}",
            escaped(container),
            escaped(file)
        ),
        UpstreamFile::Image { response, .. } => {
            format!("/openai/v1/responses/{}", escaped(response))
        }
    }
}

fn escaped(id: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// An image in a stored response, and when that was made.
async fn read_image(
    foundry: &Foundry,
    file: &UpstreamFile,
    call: &Call,
) -> Result<(Bytes, i64), Failure> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let response: StoredResponse = foundry.get_json(&path(file), call).await?;
    let image = response
        .output
        .iter()
        .find(|item| item.id == file.id())
        .and_then(|item| item.result.as_deref());
    let image = image.ok_or_else(|| {
        Failure::new(
            FailureKind::AgentNotFound,
            "the response does not hold the image any more",
        )
    })?;
    let bytes = STANDARD
        .decode(image)
        .map_err(|error| Failure::unreadable(error.to_string()))?;
    Ok((bytes.into(), response.created_at))
}
