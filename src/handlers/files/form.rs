//! The form of an upload, read and written anew as it streams through: the file gets its caller's name, everything
//! else stays.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::{foundry::connections::RequestBody, random_id::random_id};

/// What is wrong with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// The file, or the form around it, is too large.
    TooLarge,
    /// A field is missing.
    Missing(&'static str),
    /// It is no form, or it broke off.
    Unreadable(String),
}

/// Where the problem of a form is told once it has streamed through.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Arc<Mutex<Option<Problem>>>);

impl Told {
    /// The problem, if there was one.
    pub(super) fn take(&self) -> Option<Problem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn tell(&self, problem: Problem) -> std::io::Error {
        let error = std::io::Error::other(format!("{problem:?}"));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
        error
    }
}

/// A form on its way.
pub(super) struct UploadForm {
    form: Multipart<'static>,
    name_file: NameFile,
    boundary: String,
    told: Told,
}

type NameFile = Box<dyn Fn(&str) -> String + Send + Sync>;
type Written = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// Fields other than the file are words.
const MAX_FIELD_BYTES: u64 = 4 << 10;
const FILE: &str = "file";
const PURPOSE: &str = "purpose";

impl UploadForm {
    /// The form in `body`, of at most `limit` bytes; `name_file` says what its file is called upstream.
    pub(super) fn new(
        headers: &HeaderMap,
        body: Body,
        limit: u64,
        name_file: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let content_type = headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default())
            .map_err(|error| Problem::Unreadable(error.to_string()))?;
        let sizes = SizeLimit::new()
            .whole_stream(limit.saturating_add(2 * MAX_FIELD_BYTES))
            .per_field(MAX_FIELD_BYTES)
            .for_field(FILE, limit);
        let constraints = Constraints::new().size_limit(sizes);
        Ok(Self {
            form: Multipart::with_constraints(body.into_data_stream(), boundary, constraints),
            name_file: Box::new(name_file),
            boundary: random_id("gateway-"),
            told: Told::default(),
        })
    }

    /// The content type and the body for the service, and where a problem will have been told.
    pub(super) fn into_upstream(self) -> (HeaderValue, RequestBody, Told) {
        let told = self.told.clone();
        let content_type = format!("multipart/form-data; boundary={}", self.boundary);
        let content_type = HeaderValue::from_str(&content_type)
            .unwrap_or(HeaderValue::from_static("multipart/form-data"));
        let fields = stream::try_unfold((self, Seen::default()), |(mut form, mut seen)| async {
            if seen.all {
                return Ok(None);
            }
            let written = match form.form.next_field().await {
                Ok(Some(field)) => form.write_field(field, &mut seen),
                Ok(None) => {
                    seen.check().map_err(|problem| form.told.tell(problem))?;
                    seen.all = true;
                    once(format!("--{}--\r\n", form.boundary))
                }
                Err(error) => return Err(form.told.tell(problem_of(&error))),
            };
            Ok(Some((written, (form, seen))))
        });
        (
            content_type,
            RequestBody::Streamed(
                StreamBody::new(fields.try_flatten().map_ok(Frame::data)).boxed_unsync(),
            ),
            told,
        )
    }

    fn write_field(&self, field: Field<'static>, seen: &mut Seen) -> Written {
        let name = field.name().unwrap_or_default().to_owned();
        let mut head = format!(
            "--{}\r\ncontent-disposition: form-data; name=\"{}\"",
            self.boundary,
            quoted(&name)
        );
        if name == FILE {
            seen.file = true;
            let file_name = (self.name_file)(field.file_name().unwrap_or(FILE));
            head = format!("{head}; filename=\"{}\"", quoted(&file_name));
            if let Some(kind) = field.content_type() {
                head = format!("{head}\r\ncontent-type: {kind}");
            }
        }
        seen.purpose |= name == PURPOSE;
        let told = self.told.clone();
        let content = field.map_err(move |error| told.tell(problem_of(&error)));
        Box::pin(futures_util::StreamExt::chain(
            futures_util::StreamExt::chain(once(format!("{head}\r\n\r\n")), content),
            once("\r\n".to_owned()),
        ))
    }
}

#[derive(Debug, Default)]
struct Seen {
    file: bool,
    purpose: bool,
    all: bool,
}

impl Seen {
    fn check(&self) -> Result<(), Problem> {
        match (self.file, self.purpose) {
            (false, _) => Err(Problem::Missing(FILE)),
            (_, false) => Err(Problem::Missing(PURPOSE)),
            _ => Ok(()),
        }
    }
}

fn once(text: String) -> Written {
    Box::pin(stream::once(async { Ok(Bytes::from(text)) }))
}

/// As browsers write names in forms.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn problem_of(error: &multer::Error) -> Problem {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            Problem::TooLarge
        }
        error => Problem::Unreadable(error.to_string()),
    }
}
