//! What every request shares.

use std::{ops::Deref, sync::Arc};

use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{
    agent::permission::{self, Seen},
    config::{Config, ConfigError, continuity::ContinuityMode, store::StoreBackend},
    continuity::{
        conversation::Conversations,
        store::{self, ConversationStore, clock::SystemClock},
    },
    foundry::{
        http_client,
        projects::{Project, Projects, Reach},
    },
    hash::sha256,
    identity::{
        Callers, Identity, TokenSource,
        callers::{Caller, limits::CallerLimits},
        file_ids::FileIds,
        on_behalf::OnBehalf,
    },
    telemetry::Telemetry,
};

/// The parts of the running gateway.
#[derive(Debug)]
pub struct App {
    /// What the operator decided.
    pub config: Config,
    /// Who the gateway is towards Azure, except where a project says otherwise.
    pub identity: Identity,
    /// The projects and their agents.
    pub projects: Projects,
    /// Who may call.
    pub callers: Callers,
    /// What is left to each limited caller.
    pub caller_limits: CallerLimits,
    /// With whose tokens Foundry is called.
    pub on_behalf: OnBehalf,
    /// Ids of files, good for one caller each.
    pub file_ids: FileIds,
    /// One permit for each answer in the making.
    pub in_flight: Arc<Semaphore>,
    /// Conversations that can be continued.
    pub conversations: Conversations,
    /// Where those are remembered; the clean-up reads it.
    pub store: Arc<dyn ConversationStore>,
    /// Background work, which shutdown waits for.
    pub tasks: TaskTracker,
    /// What an operator sees.
    pub telemetry: Telemetry,
}

impl App {
    /// Builds every part; nothing is sent and nothing is bound yet.
    pub fn build(config: Config) -> Result<AppState, ConfigError> {
        Self::assemble(config, None)
    }

    /// Like [`App::build`], but conversations are remembered in `store`, whatever the configuration says: several
    /// gateways in one process can share it.
    pub fn build_with_store(
        config: Config,
        store: Arc<dyn ConversationStore>,
    ) -> Result<AppState, ConfigError> {
        Self::assemble(config, Some(store))
    }

    fn assemble(
        config: Config,
        store: Option<Arc<dyn ConversationStore>>,
    ) -> Result<AppState, ConfigError> {
        let tasks = TaskTracker::new();
        let http = http_client::build(
            config.limits.connect,
            config.foundry.certificate_file.as_deref(),
        )?;
        let identity = Identity::new(&config.identity, &http, &tasks)?;
        let telemetry = Telemetry::build(
            &config.telemetry,
            &http,
            tokens_for_telemetry(&config, &identity)?,
        )?;
        let store = match store {
            Some(store) => store,
            None => store::build(&config.store, &identity, &http)?,
        };
        let store = telemetry.observing_store(store);
        let callers = Callers::new(config.callers.clone(), &http, &tasks);
        let on_behalf = OnBehalf::new(&config.callers, &http, &tasks)?;
        let projects = Projects::new(&config, &identity, &telemetry, &http, &tasks)?;
        Ok(AppState(Arc::new(Self {
            identity,
            projects,
            conversations: Conversations::new(
                Arc::clone(&store),
                Arc::new(SystemClock),
                fingerprint_secret(&config),
                config.continuity.keep.as_secs(),
            ),
            store,
            callers,
            caller_limits: CallerLimits::default(),
            on_behalf,
            file_ids: FileIds::new(file_secret(&config)?),
            in_flight: Arc::new(Semaphore::new(config.limits.concurrent_requests)),
            tasks,
            telemetry,
            config,
        })))
    }
}

impl App {
    /// The agent that `model` names for a caller, and its project; `None` where it can name no agent.
    pub fn resolve(&self, model: &str, caller: &Caller) -> Option<(Seen, Reach)> {
        let seen = permission::resolve_for(&caller.policy, model, &self.config.agents)?;
        let project = self.projects.get(&seen.agent.project)?;
        Some((seen, self.reach(project, caller)))
    }

    /// A project as a caller reaches it: with the gateway's identity, or with its own.
    pub fn reach(&self, project: &Project, caller: &Caller) -> Reach {
        project.reached_with(self.on_behalf.tokens_of(caller))
    }

    /// Whether conversations are continued, but remembered in an instance that the Functions host may end at any time.
    pub fn remembers_nothing_for_long(&self) -> bool {
        self.config.listen.under_functions_host
            && self.config.continuity.mode != ContinuityMode::Off
            && matches!(self.config.store.backend, StoreBackend::Memory)
    }
}

/// Tokens for receivers of telemetry that want one.
fn tokens_for_telemetry(
    config: &Config,
    identity: &Identity,
) -> Result<Option<Arc<dyn TokenSource>>, ConfigError> {
    let Some(scope) = config.telemetry.token_scope() else {
        return Ok(None);
    };
    if identity.opens_foundry_only() {
        return Err(ConfigError::invalid(
            "GATEWAY_OTLP_AUTH",
            "the gateway signs in with FOUNDRY_ACCESS_TOKEN, which opens Foundry only; sign in with an identity",
        ));
    }
    Ok(Some(identity.tokens(scope)))
}

/// The secret under which ids of files are signed: as for histories, but where the configuration holds nothing secret
/// it is one of this process, because whoever knows it can make ids.
fn file_secret(config: &Config) -> Result<Vec<u8>, ConfigError> {
    if config.continuity.key.is_some() || !config.callers.keys.is_empty() {
        return Ok(fingerprint_secret(config));
    }
    let mut secret = vec![0; 32];
    let random = rustls::crypto::ring::default_provider().secure_random;
    match random.fill(&mut secret) {
        Ok(()) => Ok(secret),
        Err(_) => Err(ConfigError::missing(
            "GATEWAY_CONTINUITY_KEY",
            "set it to a secret, because the system gives no random numbers to sign ids of files with",
        )),
    }
}

/// The secret under which histories are fingerprinted: the configured one, or what all instances of the same
/// configuration share anyway. Changing it costs a replay of each conversation, nothing else.
fn fingerprint_secret(config: &Config) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    if let Some(key) = &config.continuity.key {
        parts.push(key.expose_secret().as_bytes());
    } else {
        match &config.foundry.project_endpoint {
            Some(endpoint) => parts.push(endpoint.as_str().as_bytes()),
            None => {
                for project in config.agents.projects.values() {
                    parts.push(project.endpoint.as_str().as_bytes());
                }
            }
        }
        for key in &config.callers.keys {
            parts.push(&key.digest);
        }
    }
    sha256(parts).to_vec()
}

/// [`App`] as handlers and middleware take it.
#[derive(Debug, Clone)]
pub struct AppState(Arc<App>);

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}
