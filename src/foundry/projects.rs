//! The projects that the gateway serves: the default one, and those that aliases name.
//!
//! Each has its own address, its own identity, its own list of agents, and is ready or not on its own.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join_all;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{
    Foundry, connections::Connections, directory::Directory, http_client, readiness::Readiness,
};
use crate::{
    agent::FailureKind,
    config::{Config, ConfigError, callers::upstream::UpstreamIdentity, projects::DEFAULT_PROJECT},
    identity::{Identity, TokenSource},
    telemetry::Telemetry,
};

/// A project of the agent service.
#[derive(Debug)]
pub struct Project {
    /// Sends requests to it.
    pub foundry: Arc<Foundry>,
    /// Its agents.
    pub directory: Arc<Directory>,
    /// Who the gateway is towards it.
    pub identity: Identity,
    readiness: Readiness,
}

/// A project as one caller reaches it.
#[derive(Debug)]
pub struct Reach {
    /// Sends requests to it.
    pub foundry: Arc<Foundry>,
    /// Its agents.
    pub directory: Arc<Directory>,
}

impl Project {
    /// The project as whoever has `tokens` reaches it; without, as the gateway itself does. What was read with the
    /// tokens of one caller is shown to no other, so that nothing is kept from request to request.
    pub fn reached_with(&self, tokens: Option<Arc<dyn TokenSource>>) -> Reach {
        let Some(tokens) = tokens else {
            return Reach {
                foundry: Arc::clone(&self.foundry),
                directory: Arc::clone(&self.directory),
            };
        };
        let foundry = Arc::new(self.foundry.on_behalf_of(tokens));
        Reach {
            directory: Arc::new(self.directory.on_behalf_of(Arc::clone(&foundry))),
            foundry,
        }
    }
}

/// Every project, by name.
#[derive(Debug)]
pub struct Projects(BTreeMap<String, Project>);

impl Projects {
    /// The projects of the configuration; `own` is the gateway's own identity. Nothing is sent yet.
    pub fn new(
        config: &Config,
        own: &Identity,
        telemetry: &Telemetry,
        http: &reqwest::Client,
        tasks: &TaskTracker,
    ) -> Result<Self, ConfigError> {
        let tls = http_client::tls(config.foundry.certificate_file.as_deref())?;
        let project = |endpoint: &Url, identity: Identity, scope: &str| {
            let connections = Connections::to(endpoint, tls.clone(), config.limits.connect)?;
            let foundry = Arc::new(Foundry::new(
                connections,
                endpoint,
                telemetry.observing_tokens(identity.tokens(scope), scope),
                config.limits.clone(),
                tasks.clone(),
            ));
            let directory = Directory::new(Arc::clone(&foundry), config.agents.classic_enabled);
            let directory = Arc::new(directory);
            let readiness = match config.callers.upstream {
                UpstreamIdentity::Service => Readiness::new(Arc::clone(&directory)),
                _ => Readiness::without_identity(&directory, &foundry),
            };
            Ok(Project {
                foundry,
                directory,
                identity,
                readiness,
            })
        };
        let mut projects = BTreeMap::new();
        if let Some(endpoint) = &config.foundry.project_endpoint {
            let default = project(endpoint, own.clone(), &config.identity.scope)?;
            projects.insert(DEFAULT_PROJECT.to_owned(), default);
        }
        for (name, further) in &config.agents.projects {
            let built = match &further.credential {
                None => project(&further.endpoint, own.clone(), &config.identity.scope)?,
                Some(credential) => {
                    let config = credential.identity(&config.identity);
                    let identity = Identity::new(&config, http, tasks)?;
                    project(&further.endpoint, identity, &config.scope)?
                }
            };
            projects.insert(name.clone(), built);
        }
        Ok(Self(projects))
    }

    /// The project of that name.
    pub fn get(&self, name: &str) -> Option<&Project> {
        self.0.get(name)
    }

    /// The project of `FOUNDRY_PROJECT_ENDPOINT`, if there is one.
    pub fn default_project(&self) -> Option<&Project> {
        self.get(DEFAULT_PROJECT)
    }

    /// Every project with its name, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Project)> {
        self.0
            .iter()
            .map(|(name, project)| (name.as_str(), project))
    }

    /// Every project but the default one.
    pub fn further(&self) -> impl Iterator<Item = (&str, &Project)> {
        self.iter().filter(|(name, _)| *name != DEFAULT_PROJECT)
    }

    /// What is wrong with each project, if anything is; all are looked at at once.
    pub async fn problems(&self, request_id: &str) -> Vec<(&str, &Project, Option<FailureKind>)> {
        join_all(self.iter().map(async |(name, project)| {
            let problem = project.readiness.problem(request_id).await;
            (name, project, problem)
        }))
        .await
    }
}
