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
