//! What a project holds, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::agents::{Agent, hosting::AgentSession};
use crate::clock::Clock;
use crate::conversations::StoredConversation;
use crate::files::File;
use crate::responses::StoredResponse;
use crate::store::Store;
use crate::threads::Thread;
use crate::threads::assistants::Assistant;

/// How many projects are kept; a request for one more finds the first, in order of name, forgotten.
const PROJECTS: usize = 64;

/// The stored objects of one project.
#[derive(Debug, Default)]
pub(crate) struct Project {
    pub(crate) agents: Store<Agent>,
    pub(crate) assistants: Store<Assistant>,
    pub(crate) conversations: Store<StoredConversation>,
    pub(crate) responses: Store<StoredResponse>,
    pub(crate) threads: Store<Thread>,
    pub(crate) files: Store<File>,
    pub(crate) sessions: Store<AgentSession>,
}

impl Project {
    /// A project with the built-in agents.
    fn new(clock: Clock) -> Project {
        let mut project = Project::default();
        for agent in crate::agents::built_in(clock) {
            project.agents.insert(agent);
        }
        for assistant in crate::threads::assistants::built_in(clock) {
            project.assistants.insert(assistant);
        }
        project
    }
}

/// A project that several requests use at once.
#[derive(Clone, Debug)]
pub(crate) struct ProjectHandle {
    inner: Arc<Mutex<Project>>,
}

impl ProjectHandle {
    /// The project, for as long as the guard lives. Never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Project> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All projects by name; any name is accepted.
#[derive(Debug, Default)]
pub(crate) struct Projects {
    by_name: Mutex<BTreeMap<String, ProjectHandle>>,
}

impl Projects {
    /// The project of this name, made on first use.
    pub(crate) fn open(&self, name: &str, clock: Clock) -> ProjectHandle {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(project) = by_name.get(name) {
            return project.clone();
        }
        if by_name.len() >= PROJECTS {
            by_name.pop_first();
        }
        let project = ProjectHandle {
            inner: Arc::new(Mutex::new(Project::new(clock))),
        };
        by_name.insert(name.to_owned(), project.clone());
        project
    }
}
