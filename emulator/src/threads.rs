//! Classic agents: assistants, threads, messages, runs and steps.
//!
//! A run is a queue of [`plan::Move`]s. A stream makes them happen while it writes them; without a stream they happen as
//! their time comes, whenever somebody looks at the thread ([`Thread::settle`]). Shapes as recorded under `classic/` of
//! the fixtures.

pub(crate) mod assistants;
pub(crate) mod messages;
pub(crate) mod moves;
pub(crate) mod plan;
pub(crate) mod player;
pub(crate) mod run;
pub(crate) mod run_request;
pub(crate) mod runs;
pub(crate) mod steps;
pub(crate) mod submit;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use self::messages::Message;
use self::run::Run;
use crate::clock::Clock;
use crate::error::ServiceError;
use crate::ids;
use crate::metadata;
use crate::paging::PageQuery;
use crate::project::Project;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::store::Identified;

/// A thread with its messages and runs, oldest first.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) id: String,
    created_at: u64,
    metadata: Value,
    tool_resources: Value,
    pub(crate) messages: Vec<Message>,
    pub(crate) runs: Vec<Run>,
}

impl Identified for Thread {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Where an object is shown: the service fills in empty tool resources differently.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shown {
    /// In the answer to the request that made it.
    Created,
    /// Read later.
    Read,
    /// In an event of a stream.
    Event,
}

impl Thread {
    /// A thread as the body of a create request describes it.
    pub(crate) fn read(body: &Map<String, Value>, clock: Clock) -> Result<Thread, ServiceError> {
        Ok(Thread {
            id: ids::classic("thread"),
            created_at: clock.unix_seconds(),
            metadata: metadata::read(body)?,
            tool_resources: tool_resources(body)?,
            messages: messages::read_list(body.get("messages"), "messages", clock)?,
            runs: Vec::new(),
        })
    }

    /// The thread as JSON.
    pub(crate) fn json(&self, shown: Shown) -> Value {
        let empty = self.tool_resources.as_object().is_none_or(Map::is_empty);
        let tool_resources = match shown {
            Shown::Event if empty => json!({"code_interpreter": {"file_ids": []}}),
            Shown::Read if empty => {
                json!({"code_interpreter": {"file_ids": []}, "azure_ai_search": {"indexes": []}})
            }
            _ => self.tool_resources.clone(),
        };
        json!({
            "id": self.id,
            "object": "thread",
            "created_at": self.created_at,
            "metadata": self.metadata,
            "tool_resources": tool_resources,
        })
    }

    /// The run that is not over, if any. Call after [`Thread::settle`].
    pub(crate) fn active_run(&self) -> Option<&Run> {
        self.runs.iter().find(|run| !run.status.is_over())
    }

    /// The run of this id.
    pub(crate) fn run(&self, id: &str) -> Result<&Run, ServiceError> {
        self.runs
            .iter()
            .find(|run| run.id == id)
            .ok_or_else(|| unknown_run(id))
    }

    /// The run of this id, to change it.
    pub(crate) fn run_mut(&mut self, id: &str) -> Result<&mut Run, ServiceError> {
        self.runs
            .iter_mut()
            .find(|run| run.id == id)
            .ok_or_else(|| unknown_run(id))
    }
}

/// Reads `tool_resources`; left out or null gives an empty object.
pub(crate) fn tool_resources(body: &Map<String, Value>) -> Result<Value, ServiceError> {
    match body.get("tool_resources") {
        None | Some(Value::Null) => Ok(json!({})),
        Some(Value::Object(resources)) => Ok(Value::Object(resources.clone())),
        Some(_) => Err(ServiceError::invalid_type("tool_resources", "an object")),
    }
}

/// `GET /threads`
pub(crate) fn list(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let project = context.project.lock();
    let threads = project
        .threads
        .iter()
        .map(|thread| thread.json(Shown::Read))
        .collect();
    Ok(Reply::json(query.page(threads)))
}

/// `POST /threads`
pub(crate) fn create(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let thread = Thread::read(&request.json_object()?, context.clock)?;
    let reply = Reply::json(thread.json(Shown::Created));
    context.project.lock().threads.insert(thread);
    Ok(reply)
}

/// `GET /threads/{id}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    Ok(Reply::json(
        find(&mut project, request.segment(0))?.json(Shown::Read),
    ))
}

/// `POST /threads/{id}`: replaces metadata and tool resources where they are given.
pub(crate) fn update(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let body = request.json_object()?;
    let mut project = context.project.lock();
    let thread = find(&mut project, request.segment(0))?;
    if body.contains_key("metadata") {
        thread.metadata = metadata::read(&body)?;
    }
    if body.contains_key("tool_resources") {
        thread.tool_resources = tool_resources(&body)?;
    }
    Ok(Reply::json(thread.json(Shown::Read)))
}

/// `DELETE /threads/{id}`
pub(crate) fn delete(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let id = request.segment(0);
    match context.project.lock().threads.remove(id) {
        Some(_) => Ok(Reply::json(
            json!({"id": id, "object": "thread.deleted", "deleted": true}),
        )),
        None => Err(unknown(id)),
    }
}

/// The thread of this id.
pub(crate) fn find<'a>(project: &'a mut Project, id: &str) -> Result<&'a mut Thread, ServiceError> {
    project.threads.get_mut(id).ok_or_else(|| unknown(id))
}

/// The thread of this id, after everything that was due has happened.
pub(crate) fn find_settled<'a>(
    project: &'a mut Project,
    id: &str,
    clock: Clock,
) -> Result<&'a mut Thread, ServiceError> {
    let thread = find(project, id)?;
    thread.settle(clock);
    Ok(thread)
}

fn unknown(id: &str) -> ServiceError {
    ServiceError::not_found(format!("No thread found with id '{id}'."))
}

fn unknown_run(id: &str) -> ServiceError {
    ServiceError::not_found(format!("No run found with id '{id}'."))
}
