//! Which agents a project has: both lists followed through all pages, kept, and refreshed in the background.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::Instant};

use super::client::{Call, Foundry};
use crate::agent::{AgentReference, Failure, FailureKind};

/// An agent as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAgent {
    /// The agent, without a version.
    pub reference: AgentReference,
    /// When it was made, in Unix seconds.
    pub created_at: i64,
}

/// The agents of a project.
#[derive(Debug)]
pub struct Directory {
    foundry: Arc<Foundry>,
    with_classic: bool,
    listing: ArcSwapOption<Listing>,
    /// Held by whoever reads the lists, so that they are read once at a time.
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Listing {
    agents: Vec<ListedAgent>,
    read_at: Instant,
}

/// Age from which a listing is read anew in the background.
const FRESH_FOR: Duration = Duration::from_mins(1);
/// Age below which a name that is not listed is taken for unknown without another look.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// Bounds the reading of both lists.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Agents per page, the service's maximum.
const PAGE_SIZE: usize = 100;
/// Most pages that are followed.
const MAX_PAGES: usize = 200;

impl Directory {
    /// The agents of `foundry`, classic ones included if `with_classic`.
    pub fn new(foundry: Arc<Foundry>, with_classic: bool) -> Self {
        Self {
            foundry,
            with_classic,
            listing: ArcSwapOption::empty(),
            reading: Mutex::new(()),
        }
    }

    /// The agents that another caller of the same project sees; nothing is known yet.
    #[must_use]
    pub fn on_behalf_of(&self, foundry: Arc<Foundry>) -> Self {
        Self::new(foundry, self.with_classic)
    }

    /// All agents. Only the first call waits for the service; later ones get the last listing at once.
    pub async fn agents(self: &Arc<Self>, request_id: &str) -> Result<Vec<ListedAgent>, Failure> {
        match self.listing.load_full() {
            Some(listing) => {
                if FRESH_FOR <= listing.read_at.elapsed() {
                    self.refresh_in_background(request_id);
                }
                Ok(listing.agents.clone())
            }
            None => Ok(self.read(request_id, FRESH_FOR).await?.agents.clone()),
        }
    }

    /// The agent of that name, looked for again if the listing is not quite new.
    pub async fn find(
        &self,
        reference: &AgentReference,
        request_id: &str,
    ) -> Result<Option<ListedAgent>, Failure> {
        let known = |listing: &Listing| {
            listing
                .agents
                .iter()
                .find(|agent| agent.reference == *reference)
                .cloned()
        };
        if let Some(agent) = self.listing.load().as_deref().and_then(known) {
            return Ok(Some(agent));
        }
        let listing = self.read(request_id, TRUSTED_FOR).await?;
        Ok(known(&listing))
    }

    /// Whether a version of a new agent exists.
    pub async fn has_version(
        &self,
        name: &str,
        version: &str,
        request_id: &str,
    ) -> Result<bool, Failure> {
        let path = format!("/agents/{name}/versions/{version}?api-version=v1");
        match self
            .foundry
            .get_json::<serde::de::IgnoredAny>(&path, &call(request_id))
            .await
        {
            Ok(_) => Ok(true),
            Err(failure) if failure.kind == FailureKind::AgentNotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Asks for one agent, to see whether the service answers and accepts our sign-in.
    pub async fn check(&self, request_id: &str) -> Result<(), Failure> {
        let path = "/agents?api-version=v1&limit=1";
        self.foundry
            .get_json::<serde::de::IgnoredAny>(path, &call(request_id))
            .await
            .map(drop)
    }

    fn refresh_in_background(self: &Arc<Self>, request_id: &str) {
        if self.reading.try_lock().is_err() {
            return;
        }
        let directory = Arc::clone(self);
        let request_id = request_id.to_owned();
        self.foundry.tasks.spawn(async move {
            if let Err(failure) = directory.read(&request_id, FRESH_FOR).await {
                tracing::warn!(
                    detail = failure.detail,
                    "the agents could not be listed anew: {failure}"
                );
            }
        });
    }

    /// Reads the lists, unless somebody else has done so while this waited.
    async fn read(
        &self,
        request_id: &str,
        not_older_than: Duration,
    ) -> Result<Arc<Listing>, Failure> {
        let _one_at_a_time = self.reading.lock().await;
        let fresh = |listing: &Arc<Listing>| listing.read_at.elapsed() < not_older_than;
        if let Some(listing) = self.listing.load_full().filter(fresh) {
            return Ok(listing);
        }
        let listing = Arc::new(Listing {
            agents: self.read_lists(&call(request_id)).await?,
            read_at: Instant::now(),
        });
        self.listing.store(Some(Arc::clone(&listing)));
        Ok(listing)
    }

    /// Classic agents are an extra: a project that refuses to list them is served without.
    async fn read_lists(&self, call: &Call) -> Result<Vec<ListedAgent>, Failure> {
        let new_agents = self.read_pages::<NewAgent>("/agents", call).await?;
        let classic_agents = if self.with_classic {
            self.read_pages::<ClassicAgent>("/assistants", call)
                .await
                .unwrap_or_else(|failure| {
                    tracing::warn!(
                        detail = failure.detail,
                        "classic agents could not be listed: {failure}"
                    );
                    Vec::new()
                })
        } else {
            Vec::new()
        };
        let new_agents = new_agents.into_iter().map(ListedAgent::from);
        Ok(new_agents
            .chain(classic_agents.into_iter().map(ListedAgent::from))
            .collect())
    }

    /// Follows `after` until a page is empty, ends the list or leads nowhere.
    async fn read_pages<Agent: DeserializeOwned>(
        &self,
        path: &str,
        call: &Call,
    ) -> Result<Vec<Agent>, Failure> {
        let mut agents = Vec::new();
        let mut after = String::new();
        for _ in 0..MAX_PAGES {
            let path = format!("{path}?api-version=v1&limit={PAGE_SIZE}&order=asc{after}");
            let page: Page<Agent> = self.foundry.get_json(&path, call).await?;
            let count = page.data.len();
            agents.extend(page.data);
            let Some(last_id) = page
                .last_id
                .filter(|_| 0 < count && page.has_more != Some(false))
            else {
                return Ok(agents);
            };
            let last_id =
                percent_encoding::utf8_percent_encode(&last_id, percent_encoding::NON_ALPHANUMERIC);
            let next = format!("&after={last_id}");
            if next == after {
                break;
            }
            after = next;
        }
        tracing::warn!(
            path,
            agents = agents.len(),
            "the list of agents does not end: the rest is left out"
        );
        Ok(agents)
    }
}

fn call(request_id: &str) -> Call {
    Call {
        request_id: request_id.to_owned(),
        deadline: Instant::now() + READ_TIMEOUT,
    }
}

/// A page of a list; the service ends with `{data: [], first_id: null, last_id: null, has_more: false}`.
#[derive(Deserialize)]
struct Page<Agent> {
    data: Vec<Agent>,
    last_id: Option<String>,
    has_more: Option<bool>,
}

/// `agent` of `GET /agents`, as in `prompt_agent_endpoint_responses.v1.json`.
#[derive(Deserialize)]
struct NewAgent {
    name: String,
    versions: Option<Versions>,
}

#[derive(Deserialize)]
struct Versions {
    latest: Option<Version>,
}

#[derive(Deserialize)]
struct Version {
    created_at: i64,
}

/// `assistant` of `GET /assistants`, as in `create_stream.session.json`.
#[derive(Deserialize)]
struct ClassicAgent {
    id: String,
    created_at: i64,
}

impl From<NewAgent> for ListedAgent {
    fn from(agent: NewAgent) -> Self {
        let latest = agent.versions.and_then(|versions| versions.latest);
        Self {
            reference: AgentReference::New {
                name: agent.name,
                version: None,
            },
            created_at: latest.map_or(0, |version| version.created_at),
        }
    }
}

impl From<ClassicAgent> for ListedAgent {
    fn from(agent: ClassicAgent) -> Self {
        Self {
            reference: AgentReference::Classic {
                assistant_id: agent.id,
            },
            created_at: agent.created_at,
        }
    }
}
