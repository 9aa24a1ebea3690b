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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cited(annotation: Value) -> Option<Source> {
        source(&serde_json::from_value(annotation).unwrap())
    }

    #[test]
    fn every_kind_of_annotation_cites_its_own_source() {
        assert_eq!(
            cited(json!({"type": "url_citation", "text": "【1†source】",
                "url_citation": {"url": "https://x", "title": "X"}})),
            Some(Source::Url {
                url: "https://x".to_owned(),
                title: "X".to_owned()
            })
        );
        let document = |marker: &str| {
            cited(
                json!({"type": "file_citation", "text": marker, "file_citation": {"file_id": "f"}}),
            )
        };
        let named = |name: &str| {
            Some(Source::Document {
                file_id: "f".to_owned(),
                name: name.to_owned(),
            })
        };
        assert_eq!(document("【3:1†constants.md】"), named("constants.md"));
        assert_eq!(document("【3:1†source】"), named(""));
        assert_eq!(document("[1]"), named(""));
        assert_eq!(cited(json!({"type": "novelty"})), None);
    }

    #[test]
    fn a_made_file_is_named_by_its_path_or_else_by_its_id() {
        let name = |path: &str| {
            let annotation =
                json!({"type": "file_path", "text": path, "file_path": {"file_id": "f"}});
            match cited(annotation) {
                Some(Source::Made(file)) => {
                    assert_eq!(file.file, UpstreamFile::Agents("f".to_owned()));
                    file.name
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(name("sandbox:/mnt/data/report.csv"), "report.csv");
        assert_eq!(name("sandbox:/mnt/data/"), "f");
    }

    #[test]
    fn an_image_of_a_message_is_a_file_to_show() {
        let part = |part: Value| image(&serde_json::from_value(part).unwrap());
        let shown = part(json!({"type": "image_file", "image_file": {"file_id": "f"}})).unwrap();
        assert_eq!(shown.file, UpstreamFile::Agents("f".to_owned()));
        assert_eq!(shown.name, "f.png");
        assert!(shown.is_image);
        assert_eq!(part(json!({"type": "text"})), None);
    }
}
