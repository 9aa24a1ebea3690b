//! The form of an upload, read and written anew as it streams through: the file gets its caller's name, everything
//! else stays.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    /// A field other than the file, of this name, is too long.
    FieldTooLong(String),
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
        // The first one is the cause of those that follow.
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(problem);
        error
    }
}

/// A form on its way.
pub(super) struct UploadForm {
    form: Multipart<'static>,
    between_contents: BetweenContents,
    name_file: NameFile,
    boundary: String,
    told: Told,
}

type NameFile = Box<dyn Fn(&str) -> String + Send + Sync>;
type Written = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// Fields other than the file are words.
pub(super) const MAX_FIELD_BYTES: u64 = 4 << 10;
/// Most bytes between the contents of two fields, where the reader keeps everything until it finds the end of a head.
/// What has arrived of a content beside its head counts too.
const MAX_BYTES_BETWEEN_CONTENTS: usize = 1 << 20;
/// Part of the name of a field that is repeated.
const MAX_NAME_CHARACTERS: usize = 64;
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
        let (between_contents, told) = (BetweenContents::default(), Told::default());
        let bytes = between_contents.bounding(body, told.clone());
        Ok(Self {
            form: Multipart::with_constraints(bytes, boundary, constraints),
            between_contents,
            name_file: Box::new(name_file),
            boundary: random_id("gateway-"),
            told,
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
            form.between_contents.begin();
            let field = form.form.next_field().await;
            form.between_contents.end();
            let written = match field {
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

/// Counts what is read while no content is.
#[derive(Debug, Clone, Default)]
struct BetweenContents(Arc<Mutex<Option<usize>>>);

impl BetweenContents {
    fn begin(&self) {
        *self.read() = Some(0);
    }

    fn end(&self) {
        *self.read() = None;
    }

    fn read(&self) -> MutexGuard<'_, Option<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of `body`, up to a bound while nothing but heads is read.
    fn bounding(
        &self,
        body: Body,
        told: Told,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + use<> {
        let between = self.clone();
        TryStreamExt::map_err(body.into_data_stream(), std::io::Error::other).and_then(
            move |chunk| {
                let mut read = between.read();
                if let Some(read) = &mut *read {
                    *read += chunk.len();
                }
                let is_too_much = read.is_some_and(|read| MAX_BYTES_BETWEEN_CONTENTS < read);
                std::future::ready(if is_too_much {
                    Err(told.tell(Problem::Unreadable(format!(
                        "the head of a field, or what is before the first one, is longer than \
                         {MAX_BYTES_BETWEEN_CONTENTS} bytes"
                    ))))
                } else {
                    Ok(chunk)
                })
            },
        )
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
        multer::Error::FieldSizeExceeded { field_name, .. }
            if field_name.as_deref() != Some(FILE) =>
        {
            let name = field_name.as_deref().unwrap_or_default();
            Problem::FieldTooLong(name.chars().take(MAX_NAME_CHARACTERS).collect())
        }
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            Problem::TooLarge
        }
        error => Problem::Unreadable(error.to_string()),
    }
}
