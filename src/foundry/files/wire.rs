//! Files as the service tells them: `/openai/v1/files`, `/files`, containers, and images in responses.

use serde::Deserialize;

use crate::foundry::lenient::{Lenient, null_as_default};

/// A file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FileDescription {
    /// The service's id; empty for files that have none of their own.
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "null_as_default")]
    pub filename: String,
    /// What it is for, such as `assistants` or `user_data`.
    #[serde(deserialize_with = "null_as_default")]
    pub purpose: String,
    /// Its size.
    #[serde(deserialize_with = "null_as_default")]
    pub bytes: u64,
    /// Unix seconds.
    #[serde(deserialize_with = "null_as_default")]
    pub created_at: i64,
}

impl FileDescription {
    /// A file that an agent made.
    pub(super) fn made(name: Option<&str>, bytes: u64, created_at: i64) -> Self {
        Self {
            id: String::new(),
            filename: name.unwrap_or("file").to_owned(),
            purpose: "assistants_output".to_owned(),
            bytes,
            created_at,
        }
    }
}

/// A page of `GET /openai/v1/files`.
#[derive(Debug, Deserialize)]
pub(super) struct FileList {
    pub(super) data: Vec<FileDescription>,
    #[serde(default)]
    pub(super) last_id: Option<String>,
    #[serde(default)]
    pub(super) has_more: Option<bool>,
}

/// `GET /openai/v1/containers/{id}/files/{id}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerFile {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) path: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) bytes: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) created_at: i64,
}

/// `GET /openai/v1/responses/{id}`, as far as images are concerned.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StoredResponse {
    pub(super) created_at: i64,
    pub(super) output: Vec<Lenient<ImageItem>>,
}

/// An item that may hold an image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ImageItem {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) id: String,
    /// Base64.
    pub(super) result: Option<String>,
}
