//! Files that agents read and make.

/// A file where the service keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamFile {
    /// Of the classic API: `/files/{id}`.
    Agents(String),
    /// Of the OpenAI part of the project: `/openai/v1/files/{id}`.
    OpenAi {
        /// The service's id.
        id: String,
        /// The name under which it was uploaded; empty where that is not known.
        name: String,
    },
    /// Of a code interpreter's container: `/openai/v1/containers/{container}/files/{file}`.
    Container {
        /// `cntr_...`.
        container: String,
        /// `cfile_...`.
        file: String,
    },
    /// An image in the output of a stored response.
    Image {
        /// `resp_...`.
        response: String,
        /// `ig_...`.
        item: String,
    },
}

impl UpstreamFile {
    /// The service's own id of the file.
    pub fn id(&self) -> &str {
        match self {
            Self::Agents(id) | Self::OpenAi { id, .. } => id,
            Self::Container { file, .. } => file,
            Self::Image { item, .. } => item,
        }
    }
}

/// A file that an agent made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFile {
    /// Where it is.
    pub file: UpstreamFile,
    /// Its name, without folders.
    pub name: String,
    /// Whether it can be shown as an image.
    pub is_image: bool,
    /// The content in base64, where the service sent it along.
    pub content: Option<String>,
}

/// A file as a client can download it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The id for `GET /v1/files/{id}`, good for one caller only.
    pub id: String,
    /// The address of its content.
    pub url: String,
    /// Its name.
    pub name: String,
}
