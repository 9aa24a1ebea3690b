//! Files as OpenAI's clients know them. Wire only.

use serde::Serialize;

/// A file.
#[derive(Debug, Serialize)]
pub struct FileObject {
    /// `file-...`, good for its caller only.
    pub id: String,
    /// Always `file`.
    pub object: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Unix seconds.
    pub created_at: i64,
    /// Its name.
    pub filename: String,
    /// What it is for.
    pub purpose: String,
    /// Always `processed`: the service takes a file whole or not at all.
    pub status: &'static str,
}

/// A list of files.
#[derive(Debug, Serialize)]
pub struct FileList {
    /// Always `list`.
    pub object: &'static str,
    /// The files.
    pub data: Vec<FileObject>,
    /// The id of the first; null in an empty list.
    pub first_id: Option<String>,
    /// The id of the last; null in an empty list.
    pub last_id: Option<String>,
    /// Whether there are more after the last.
    pub has_more: bool,
}

/// A file that is gone.
#[derive(Debug, Serialize)]
pub struct DeletedFile {
    /// Its id.
    pub id: String,
    /// Always `file`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}
