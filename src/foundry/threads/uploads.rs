//! Files that come inside a message of a classic agent: threads hold no contents, so each is uploaded, attached, and
//! deleted with its thread. The thread itself tells which files those are, by their names.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Method};
use serde::Deserialize;

use super::{API_VERSION, cleanup::ThreadOwner};
use crate::{
    agent::{Failure, FailureKind, Message, Turn, UserPart, file::UpstreamFile},
    foundry::{
        client::{Call, Foundry, UpstreamRequest, read_json},
        connections::RequestBody,
        files::FileDescription,
        lenient::null_as_default,
    },
    random_id::random_id,
};

/// Stands before the ending of the name of such a file: `report.from-message.pdf`.
const MARK: &str = ".from-message";
/// Messages per page, the service's maximum.
const PAGE_SIZE: usize = 100;
/// Most pages of messages that are looked through.
const MAX_PAGES: usize = 20;

/// The turn with every content uploaded; `owner` deletes them with the thread. Turns without any cost nothing.
pub(super) async fn upload_contents<'t>(
    foundry: &Foundry,
    turn: &'t Turn,
    owner: &mut ThreadOwner,
    call: &Call,
) -> Result<Cow<'t, Turn>, Failure> {
    if !turn.messages.iter().any(has_content) {
        return Ok(Cow::Borrowed(turn));
    }
    let mut turn = turn.clone();
    for message in &mut turn.messages {
        let Message::User { parts } = message else {
            continue;
        };
        for part in parts {
            if let UserPart::FileContent { name, data } = part {
                let id = upload(foundry, name, data, call).await?;
                owner.own_file(&id);
                *part = UserPart::File(UpstreamFile::OpenAi {
                    id,
                    name: std::mem::take(name),
                });
            }
        }
    }
    Ok(Cow::Owned(turn))
}

fn has_content(message: &Message) -> bool {
    let Message::User { parts } = message else {
        return false;
    };
    parts
        .iter()
        .any(|part| matches!(part, UserPart::FileContent { .. }))
}

async fn upload(foundry: &Foundry, name: &str, data: &str, call: &Call) -> Result<String, Failure> {
    let content = data
        .rsplit_once(";base64,")
        .map_or(data, |(_, content)| content);
    let content = STANDARD.decode(content).map_err(|_| {
        let message = format!("the file_data of {name:?} is not base64");
        Failure::new(FailureKind::InvalidRequest, message)
    })?;
    let boundary = random_id("gateway-");
    let name = marked(name).replace(['"', '\r', '\n'], "_");
    let mut form = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(&content);
    form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={boundary}");
    let kind = HeaderValue::from_str(&kind)
        .map_err(|error| Failure::new(FailureKind::InvalidRequest, error.to_string()))?;
    let path = format!("/files?{API_VERSION}");
    let form = RequestBody::whole(form.into());
    let response = foundry.send_stream(&path, kind, form, call).await?;
    let file: FileDescription = read_json(response, call.deadline).await?;
    Ok(file.id)
}

fn marked(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}{MARK}.{ending}"),
        None => format!("{name}{MARK}"),
    }
}

fn is_marked(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.ends_with(MARK) || name.ends_with(MARK)
}

/// Files that came inside the messages of a thread. What cannot be read is left alone: the thread goes all the same.
pub(super) async fn of_thread(foundry: &Foundry, thread_id: &str, call: &Call) -> Vec<String> {
    let mut found = Vec::new();
    let mut after = String::new();
    for _ in 0..MAX_PAGES {
        let path = format!("/threads/{thread_id}/messages?{API_VERSION}&limit={PAGE_SIZE}{after}");
        let Ok(page) = foundry.get_json::<Messages>(&path, call).await else {
            break;
        };
        let attachments = page.data.iter().flat_map(|message| &message.attachments);
        for attachment in attachments {
            let path = format!("/files/{}?{API_VERSION}", attachment.file_id);
            match foundry.get_json::<FileDescription>(&path, call).await {
                Ok(file) if is_marked(&file.filename) => found.push(file.id),
                _ => {}
            }
        }
        match page.last_id.filter(|_| page.has_more == Some(true)) {
            Some(last) => after = format!("&after={last}"),
            None => break,
        }
    }
    found
}

/// Deletes files, as far as that succeeds.
pub(super) async fn delete(foundry: &Foundry, ids: &[String], call: &Call) {
    for id in ids {
        let path = format!("/files/{id}?{API_VERSION}");
        let request = UpstreamRequest {
            method: Method::DELETE,
            path: &path,
            body: None,
            features: None,
        };
        if let Err(failure) = foundry.send(request, call).await {
            tracing::warn!(
                request.id = call.request_id,
                detail = failure.detail,
                "a file of a thread could not be deleted: {failure}"
            );
        }
    }
}

/// A page of `GET /threads/{id}/messages`.
#[derive(Debug, Deserialize)]
struct Messages {
    data: Vec<MessageFiles>,
    #[serde(default)]
    last_id: Option<String>,
    #[serde(default)]
    has_more: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct MessageFiles {
    #[serde(default, deserialize_with = "null_as_default")]
    attachments: Vec<AttachedFile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AttachedFile {
    #[serde(deserialize_with = "null_as_default")]
    file_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_messages_are_marked() {
        for name in ["report.pdf", "no ending", "a.tar.gz"] {
            assert!(is_marked(&marked(name)), "{name}");
        }
        for name in [
            "report.pdf",
            "x.from-message.gw0123456789ab.pdf",
            "from-message",
        ] {
            assert!(!is_marked(name), "{name}");
        }
    }
}
