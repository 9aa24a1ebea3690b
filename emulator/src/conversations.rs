//! Conversations of new agents: items that outlive a response.
//!
//! While a response is being made in a conversation, a second one is refused with `conversation_locked`.

use serde_json::{Map, Value, json};

use crate::error::ServiceError;
use crate::ids;
use crate::metadata;
use crate::paging::PageQuery;
use crate::project::{Project, ProjectHandle};
use crate::refusals;
use crate::request::{Reply, ServiceRequest};
use crate::responses::items;
use crate::service::Context;
use crate::store::Identified;

/// A stored conversation.
#[derive(Debug)]
pub(crate) struct StoredConversation {
    id: String,
    created_at: u64,
    metadata: Value,
    /// Items with ids, oldest first.
    pub(crate) items: Vec<Value>,
    busy: bool,
}

impl Identified for StoredConversation {
    fn id(&self) -> &str {
        &self.id
    }
}

impl StoredConversation {
    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "conversation",
            "metadata": self.metadata,
            "created_at": self.created_at,
        })
    }
}

/// The right to answer in a conversation; given back when dropped.
#[derive(Debug)]
pub(crate) struct ConversationLease {
    project: ProjectHandle,
    /// The conversation's id.
    pub(crate) id: String,
}

impl ConversationLease {
    /// Takes the conversation, which `project`, locked by the caller, holds.
    pub(crate) fn take(
        handle: &ProjectHandle,
        project: &mut Project,
        id: &str,
    ) -> Result<ConversationLease, ServiceError> {
        let conversation = project
            .conversations
            .get_mut(id)
            .ok_or_else(|| unknown(id))?;
        if std::mem::replace(&mut conversation.busy, true) {
            return Err(refusals::conversation_locked());
        }
        Ok(ConversationLease {
            project: handle.clone(),
            id: id.to_owned(),
        })
    }
}

impl Drop for ConversationLease {
    fn drop(&mut self) {
        if let Some(conversation) = self.project.lock().conversations.get_mut(&self.id) {
            conversation.busy = false;
        }
    }
}

/// `POST /conversations`
pub(crate) fn create(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let body = request.json_object()?;
    let conversation = StoredConversation {
        id: ids::conversation("conv"),
        created_at: context.clock.unix_seconds(),
        metadata: metadata::read(&body)?,
        items: read_items(&body)?,
        busy: false,
    };
    let reply = Reply::json(conversation.json());
    context.project.lock().conversations.insert(conversation);
    Ok(reply)
}

/// `GET /conversations/{id}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let project = context.project.lock();
    Ok(Reply::json(find(&project, request.segment(0))?.json()))
}

/// `POST /conversations/{id}`: replaces the metadata.
pub(crate) fn update(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let metadata = metadata::read(&request.json_object()?)?;
    let mut project = context.project.lock();
    let conversation = find_mut(&mut project, request.segment(0))?;
    conversation.metadata = metadata;
    Ok(Reply::json(conversation.json()))
}

/// `DELETE /conversations/{id}`
pub(crate) fn delete(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let id = request.segment(0);
    match context.project.lock().conversations.remove(id) {
        Some(_) => Ok(Reply::json(
            json!({"id": id, "object": "conversation.deleted", "deleted": true}),
        )),
        None => Err(unknown(id)),
    }
}

/// `GET /conversations/{id}/items`
pub(crate) fn list_items(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let project = context.project.lock();
    let items = find(&project, request.segment(0))?.items.clone();
    Ok(Reply::json(query.page(items)))
}

/// `POST /conversations/{id}/items`
pub(crate) fn create_items(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let body = request.json_object()?;
    if !body.contains_key("items") {
        return Err(ServiceError::missing_parameter("items"));
    }
    let items = read_items(&body)?;
    let mut project = context.project.lock();
    let conversation = find_mut(&mut project, request.segment(0))?;
    conversation.items.extend(items.iter().cloned());
    let id_of = |item: Option<&Value>| item.and_then(|item| item.get("id")).cloned();
    Ok(Reply::json(json!({
        "object": "list",
        "data": items,
        "has_more": false,
        "first_id": id_of(items.first()),
        "last_id": id_of(items.last()),
    })))
}

/// `GET /conversations/{id}/items/{item}`
pub(crate) fn get_item(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let project = context.project.lock();
    let conversation = find(&project, request.segment(0))?;
    let place = place_of(conversation, request.segment(1))?;
    Ok(Reply::json(json!(conversation.items.get(place))))
}

/// `DELETE /conversations/{id}/items/{item}`: answers the conversation.
pub(crate) fn delete_item(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    let conversation = find_mut(&mut project, request.segment(0))?;
    let place = place_of(conversation, request.segment(1))?;
    conversation.items.remove(place);
    Ok(Reply::json(conversation.json()))
}

fn place_of(conversation: &StoredConversation, item_id: &str) -> Result<usize, ServiceError> {
    conversation
        .items
        .iter()
        .position(|item| item.get("id").and_then(Value::as_str) == Some(item_id))
        .ok_or_else(|| {
            ServiceError::not_found(format!(
                "Item with id '{item_id}' not found in conversation with id '{}'.",
                conversation.id
            ))
        })
}

fn read_items(body: &Map<String, Value>) -> Result<Vec<Value>, ServiceError> {
    let items = match body.get("items") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(items) => items::read(items, "/items")?,
    };
    Ok(items.into_iter().map(items::with_id).collect())
}

fn find<'a>(project: &'a Project, id: &str) -> Result<&'a StoredConversation, ServiceError> {
    project.conversations.get(id).ok_or_else(|| unknown(id))
}

fn find_mut<'a>(
    project: &'a mut Project,
    id: &str,
) -> Result<&'a mut StoredConversation, ServiceError> {
    project.conversations.get_mut(id).ok_or_else(|| unknown(id))
}

/// 404 for a conversation that does not exist.
pub(crate) fn unknown(id: &str) -> ServiceError {
    ServiceError::not_found(format!("Conversation with id '{id}' not found."))
}
