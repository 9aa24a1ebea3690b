//! Files that agents make: always the same ones, in every project, never listed.
//!
//! A code interpreter's container is read as OpenAI's API has it, `GET /containers/{id}/files/{id}[/content]`.

use bytes::Bytes;
use serde_json::json;

use super::{File, unknown};
use crate::error::ServiceError;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;

/// The container in which code runs.
pub(crate) const CONTAINER: &str = "cntr_emulated";
/// The table that code has made there.
pub(crate) const CONTAINER_FILE: &str = "cfile_emulated";
/// The same for classic agents.
pub(crate) const FILE: &str = "assistant-emulatedtable";
/// The image that a classic agent's code has drawn.
pub(crate) const IMAGE: &str = "assistant-emulatedimage";
/// A PNG of one pixel.
pub(crate) const IMAGE_BASE64: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const IMAGE_BYTES: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\x0dIDATx\xdacd\xf8\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\x00\x00\x00\x00IEND\xaeB`\x82";
const TABLE: &[u8] = b"x,y\n22,7\n";
const MADE_AT: u64 = 1_760_000_000;

/// The made file of this id.
pub(super) fn file(id: &str) -> Option<File> {
    let (filename, content) = match id {
        FILE => ("chart.csv", Bytes::from_static(TABLE)),
        IMAGE => ("image.png", Bytes::from_static(IMAGE_BYTES)),
        _ => return None,
    };
    Some(File {
        id: id.to_owned(),
        filename: filename.to_owned(),
        purpose: "assistants_output".to_owned(),
        created_at: MADE_AT,
        content,
    })
}

/// `GET /containers/{id}/files/{id}`
pub(crate) fn get_container_file(
    _context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    check(request)?;
    Ok(Reply::json(json!({
        "id": CONTAINER_FILE,
        "object": "container.file",
        "created_at": MADE_AT,
        "bytes": TABLE.len(),
        "container_id": CONTAINER,
        "path": "/mnt/data/chart.csv",
        "source": "assistant",
    })))
}

/// `GET /containers/{id}/files/{id}/content`
pub(crate) fn container_file_content(
    _context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    check(request)?;
    Ok(Reply::file(Bytes::from_static(TABLE)))
}

fn check(request: &ServiceRequest) -> Result<(), ServiceError> {
    if (request.segment(0), request.segment(1)) == (CONTAINER, CONTAINER_FILE) {
        return Ok(());
    }
    Err(unknown(request.segment(1)))
}
