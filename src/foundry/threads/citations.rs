//! What annotations and parts of a message cite and hold. Pure.

use super::wire::{Annotation, MessagePart};
use crate::agent::{
    event::Source,
    file::{MadeFile, UpstreamFile},
};

/// What an annotation cites; `None` for kinds that are not known.
pub(super) fn source(annotation: &Annotation) -> Option<Source> {
    let Annotation {
        text,
        url_citation,
        file_citation,
        file_path,
        ..
    } = annotation;
    match (url_citation, file_citation, file_path) {
        (Some(page), _, _) => Some(Source::Url {
            url: page.url.clone(),
            title: page.title.clone(),
        }),
        (_, Some(document), _) => Some(Source::Document {
            file_id: document.file_id.clone(),
            name: named_by_marker(text).unwrap_or_default().to_owned(),
        }),
        (_, _, Some(file)) => {
            // `sandbox:/mnt/data/report.csv`
            let name = text.rsplit('/').next().filter(|name| !name.is_empty());
            Some(Source::Made(MadeFile {
                file: UpstreamFile::Agents(file.file_id.clone()),
                name: name.unwrap_or(&file.file_id).to_owned(),
                is_image: false,
                content: None,
            }))
        }
        _ => None,
    }
}

/// The image of a part that is one.
pub(super) fn image(part: &MessagePart) -> Option<MadeFile> {
    let image = part.image_file.as_ref()?;
    Some(MadeFile {
        file: UpstreamFile::Agents(image.file_id.clone()),
        name: format!("{}.png", image.file_id),
        is_image: true,
        content: None,
    })
}

/// The name in a marker such as `【3:1†constants.md】`; most say only `source`.
fn named_by_marker(marker: &str) -> Option<&str> {
    let (_, name) = marker.strip_suffix('】')?.split_once('†')?;
    Some(name).filter(|name| *name != "source")
}
