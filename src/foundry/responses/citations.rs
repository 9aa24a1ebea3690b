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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cited(annotation: Value) -> Option<Source> {
        source(&serde_json::from_value(annotation).unwrap())
    }

    fn made(annotation: Value) -> MadeFile {
        match cited(annotation) {
            Some(Source::Made(file)) => file,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_annotation_cites_its_own_source() {
        assert_eq!(
            cited(json!({"type": "url_citation", "url": "https://x", "title": "X"})),
            Some(Source::Url {
                url: "https://x".to_owned(),
                title: "X".to_owned()
            })
        );
        assert_eq!(
            cited(json!({"type": "file_citation", "file_id": "f", "filename": "a.md"})),
            Some(Source::Document {
                file_id: "f".to_owned(),
                name: "a.md".to_owned()
            })
        );
        let uploaded = made(json!({"type": "file_path", "file_id": "f", "filename": "a.csv"}));
        assert_eq!(
            uploaded.file,
            UpstreamFile::OpenAi {
                id: "f".to_owned(),
                name: "a.csv".to_owned()
            }
        );
        let contained =
            made(json!({"type": "container_file_citation", "container_id": "c", "file_id": "f"}));
        assert_eq!(
            contained.file,
            UpstreamFile::Container {
                container: "c".to_owned(),
                file: "f".to_owned()
            }
        );
        assert_eq!(cited(json!({"type": "novelty"})), None);
    }

    #[test]
    fn a_file_is_named_by_its_id_where_it_has_no_name_and_images_are_known_by_their_ending() {
        let file =
            |name: &str| made(json!({"type": "file_path", "file_id": "f", "filename": name}));
        assert_eq!(file("").name, "f");
        assert_eq!(file("chart.PNG").name, "chart.PNG");
        assert!(file("chart.PNG").is_image);
        assert!(!file("chart.csv").is_image && !file("").is_image);
    }

    #[test]
    fn an_image_comes_with_its_content_or_not_at_all() {
        let item = |item: Value| serde_json::from_value::<OutputItem>(item).unwrap();
        let drawn = image("resp_1", &item(json!({"id": "ig_1", "result": "AAAA"}))).unwrap();
        let file = UpstreamFile::Image {
            response: "resp_1".to_owned(),
            item: "ig_1".to_owned(),
        };
        assert_eq!(drawn.file, file);
        assert!(drawn.is_image);
        assert_eq!(drawn.content.as_deref(), Some("AAAA"));
        assert_eq!(image("resp_1", &item(json!({"id": "ig_1"}))), None);
    }
}
