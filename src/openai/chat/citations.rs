//! Citations to annotations. Pure.

use std::borrow::Cow;

use super::response::{Annotation, CitedFile, UrlCitation};
use crate::agent::{Citation, event::Source};

/// The annotation that a citation becomes.
pub(super) fn annotation(citation: &Citation) -> Annotation<'_> {
    match &citation.source {
        Source::Url { url, title } => of_url(citation, Cow::Borrowed(url), title),
        Source::Document { file_id, name } => Annotation {
            file_citation: Some(CitedFile {
                file_id,
                filename: name,
            }),
            ..of_url(citation, document_url(file_id), title(name, file_id))
        },
        Source::Download(download) => Annotation {
            file_path: Some(CitedFile {
                file_id: &download.id,
                filename: &download.name,
            }),
            ..of_url(citation, Cow::Borrowed(&download.url), &download.name)
        },
        Source::Made(file) => of_url(citation, Cow::Borrowed(""), &file.name),
    }
}

fn of_url<'a>(citation: &Citation, url: Cow<'a, str>, title: &'a str) -> Annotation<'a> {
    Annotation {
        kind: "url_citation",
        url_citation: UrlCitation {
            start_index: citation.start,
            end_index: citation.end,
            url,
            title,
        },
        file_citation: None,
        file_path: None,
    }
}

/// Names a document without a way to it: that an agent has read it does not let its callers do so.
fn document_url(file_id: &str) -> Cow<'_, str> {
    Cow::Owned(format!("urn:foundry:file:{file_id}"))
}

fn title<'a>(name: &'a str, file_id: &'a str) -> &'a str {
    if name.is_empty() { file_id } else { name }
}
