//! The parts of a user's message: text, images and files. Pure.

use super::request::{Content, File, ImageUrl, Part};
use crate::{
    agent::{UserPart, file::UpstreamFile},
    error::ApiError,
};

/// Finds the file of an id; `None` for an id that was not given to this caller.
pub type FindFile<'a> = &'a dyn Fn(&str) -> Option<UpstreamFile>;

/// Reads the content of a user's message; `field` is where it stands.
pub(super) fn read(
    content: Option<Content<'_>>,
    field: &str,
    find_file: FindFile<'_>,
) -> Result<Vec<UserPart>, ApiError> {
    match content {
        None => Err(missing(field)),
        Some(Content::Text(text)) => Ok(vec![UserPart::Text(text.into_owned())]),
        Some(Content::Parts(parts)) if parts.is_empty() => Err(ApiError::bad_request(
            "empty_array",
            field,
            format!("{field} must hold at least one part"),
        )),
        Some(Content::Parts(parts)) => parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| read_part(part, &format!("{field}[{index}]"), find_file))
            .collect(),
    }
}

fn read_part(part: Part<'_>, place: &str, find_file: FindFile<'_>) -> Result<UserPart, ApiError> {
    match part.kind.as_ref() {
        "text" => {
            let text = part.text.ok_or_else(|| missing(&format!("{place}.text")))?;
            Ok(UserPart::Text(text.0.into_owned()))
        }
        "image_url" => {
            let image = part
                .image_url
                .ok_or_else(|| missing(&format!("{place}.image_url")))?;
            read_image(image, &format!("{place}.image_url"))
        }
        "file" => {
            let file = part.file.ok_or_else(|| missing(&format!("{place}.file")))?;
            read_file(file, &format!("{place}.file"), find_file)
        }
        "input_audio" => Err(ApiError::bad_request(
            "unsupported_value",
            place,
            format!(
                "{place} is of type \"input_audio\"; agents do not listen: send a transcript as text"
            ),
        )),
        kind => Err(ApiError::bad_request(
            "unsupported_value",
            place,
            format!(
                "{place} is of type {kind:?}; only text, image_url and file can be sent to an agent"
            ),
        )),
    }
}

fn read_image(image: ImageUrl<'_>, place: &str) -> Result<UserPart, ApiError> {
    let known = ["https://", "http://", "data:image/"];
    if !known.iter().any(|scheme| image.url.starts_with(scheme)) {
        let at = format!("{place}.url");
        let message = format!("{at} must be an https address or a data:image/... URL");
        return Err(ApiError::bad_request("invalid_value", at, message));
    }
    let detail = image.detail.map(|detail| detail.0.into_owned());
    if detail
        .as_deref()
        .is_some_and(|detail| !["auto", "low", "high"].contains(&detail))
    {
        let at = format!("{place}.detail");
        let message = format!("{at} must be auto, low or high");
        return Err(ApiError::bad_request("invalid_value", at, message));
    }
    Ok(UserPart::Image {
        url: image.url.into_owned(),
        detail,
    })
}

fn read_file(file: File<'_>, place: &str, find_file: FindFile<'_>) -> Result<UserPart, ApiError> {
    match (file.file_id, file.file_data) {
        (Some(id), None) => find_file(&id.0).map(UserPart::File).ok_or_else(|| {
            let at = format!("{place}.file_id");
            ApiError::file_not_found(&id.0, at)
        }),
        (None, Some(data)) => Ok(UserPart::FileContent {
            name: file
                .filename
                .map_or_else(|| "file".to_owned(), |name| name.0.into_owned()),
            data: data.0.into_owned(),
        }),
        (None, None) => Err(missing(&format!("{place}.file_id"))),
        (Some(_), Some(_)) => Err(ApiError::bad_request(
            "invalid_value",
            place,
            format!("{place} has both file_id and file_data; send one of them"),
        )),
    }
}

fn missing(field: &str) -> ApiError {
    ApiError::bad_request(
        "missing_required_parameter",
        field,
        format!("{field} is required"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read_one(part: Value) -> Result<UserPart, ApiError> {
        let json = json!([part]).to_string();
        let content: Content<'_> = serde_json::from_str(&json).unwrap();
        let find = |id: &str| (id == "file-1").then(|| UpstreamFile::Agents("upstream".to_owned()));
        read(Some(content), "content", &find).map(|mut parts| parts.remove(0))
    }

    fn image(image: Value) -> Result<UserPart, ApiError> {
        read_one(json!({"type": "image_url", "image_url": image}))
    }

    fn file(file: Value) -> Result<UserPart, ApiError> {
        read_one(json!({"type": "file", "file": file}))
    }

    #[test]
    fn images_are_addresses_or_data_and_may_be_looked_at_closely() {
        for url in [
            "https://x/i.png",
            "http://x/i.png",
            "data:image/png;base64,AAAA",
        ] {
            for detail in [None, Some("auto"), Some("low"), Some("high")] {
                let expected = UserPart::Image {
                    url: url.to_owned(),
                    detail: detail.map(str::to_owned),
                };
                assert_eq!(image(json!({"url": url, "detail": detail})), Ok(expected));
            }
        }
        let at = |part: Value| image(part).unwrap_err().param.unwrap();
        assert_eq!(
            at(json!({"url": "file:///i.png"})),
            "content[0].image_url.url"
        );
        assert_eq!(
            at(json!({"url": "data:text/plain,a"})),
            "content[0].image_url.url"
        );
        assert_eq!(
            at(json!({"url": "https://x", "detail": "close"})),
            "content[0].image_url.detail"
        );
    }

    #[test]
    fn files_are_ids_of_the_caller_or_contents_with_a_name() {
        assert_eq!(
            file(json!({"file_id": "file-1"})),
            Ok(UserPart::File(UpstreamFile::Agents("upstream".to_owned())))
        );
        let content = |name: &str| {
            Ok(UserPart::FileContent {
                name: name.to_owned(),
                data: "AAAA".to_owned(),
            })
        };
        assert_eq!(
            file(json!({"file_data": "AAAA", "filename": "a.csv"})),
            content("a.csv")
        );
        assert_eq!(file(json!({"file_data": "AAAA"})), content("file"));
        let error = |part: Value| {
            let error = file(part).unwrap_err();
            (error.code.unwrap().into_owned(), error.param.unwrap())
        };
        let row = |code: &str, param: &str| (code.to_owned(), param.to_owned());
        assert_eq!(
            error(json!({"file_id": "file-2"})),
            row("file_not_found", "content[0].file.file_id")
        );
        assert_eq!(
            error(json!({})),
            row("missing_required_parameter", "content[0].file.file_id")
        );
        assert_eq!(
            error(json!({"file_id": "file-1", "file_data": "AAAA"})),
            row("invalid_value", "content[0].file")
        );
    }

    #[test]
    fn a_part_without_what_its_type_promises_is_refused_by_its_place() {
        for (kind, field) in [
            ("text", "text"),
            ("image_url", "image_url"),
            ("file", "file"),
        ] {
            let error = read_one(json!({"type": kind})).unwrap_err();
            assert_eq!(error.param, Some(format!("content[0].{field}")));
        }
        let audio = read_one(json!({"type": "input_audio"})).unwrap_err();
        assert!(audio.message.contains("transcript"), "{}", audio.message);
        let other = read_one(json!({"type": "video"})).unwrap_err();
        assert!(other.message.contains("\"video\""), "{}", other.message);
    }
}
