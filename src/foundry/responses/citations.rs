//! What annotations and items of a response cite and hold. Pure.

use super::wire::{Annotation, OutputItem};
use crate::agent::{
    event::Source,
    file::{MadeFile, UpstreamFile},
};

/// What an annotation cites; `None` for kinds that are not known.
pub(super) fn source(annotation: &Annotation) -> Option<Source> {
    let made = |file| {
        Some(Source::Made(MadeFile {
            file,
            name: file_name(annotation),
            is_image: is_image(&annotation.filename),
            content: None,
        }))
    };
    match annotation.kind.as_str() {
        "url_citation" => Some(Source::Url {
            url: annotation.url.clone(),
            title: annotation.title.clone(),
        }),
        "file_citation" => Some(Source::Document {
            file_id: annotation.file_id.clone(),
            name: annotation.filename.clone(),
        }),
        "file_path" => made(UpstreamFile::OpenAi {
            id: annotation.file_id.clone(),
            name: annotation.filename.clone(),
        }),
        "container_file_citation" => made(UpstreamFile::Container {
            container: annotation.container_id.clone(),
            file: annotation.file_id.clone(),
        }),
        _ => None,
    }
}

/// The image of an item that holds one.
pub(super) fn image(response: &str, item: &OutputItem) -> Option<MadeFile> {
    Some(MadeFile {
        file: UpstreamFile::Image {
            response: response.to_owned(),
            item: item.id.clone(),
        },
        name: "image.png".to_owned(),
        is_image: true,
        content: Some(item.result.clone()?),
    })
}

fn file_name(annotation: &Annotation) -> String {
    let name = if annotation.filename.is_empty() {
        &annotation.file_id
    } else {
        &annotation.filename
    };
    name.clone()
}

/// Whether a file of that name can be shown in a page.
fn is_image(name: &str) -> bool {
    let ending = name.rsplit('.').next().unwrap_or_default();
    ["png", "jpg", "jpeg", "gif", "webp"].contains(&ending.to_ascii_lowercase().as_str())
}
