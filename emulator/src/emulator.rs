//! A running emulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::behaviour::BehaviourCell;
use crate::clock::Clock;
use crate::journal::Journal;
use crate::options::Options;
use crate::project::Projects;
use crate::server::{self, Security};
use crate::service::Shared;
use crate::thinker::Thinker;

/// The path of the project that [`Emulator::project_endpoint`] names; any other project name works too.
pub(crate) const PROJECT_PATH: &str = "/api/projects/emulated";

/// A running emulator; dropping it closes the listener and all connections.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    ca_certificate_pem: Option<String>,
    _stop: DropGuard,
}

impl Emulator {
    /// Binds 127.0.0.1 and starts to serve. Fails when the port is taken, or when TLS cannot be set up.
    pub async fn start(options: Options) -> std::io::Result<Emulator> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        #[cfg(feature = "tls")]
        let (security, ca_certificate_pem) = security(&options)?;
        #[cfg(not(feature = "tls"))]
        let (security, ca_certificate_pem) = (Security::Clear, None);
        #[cfg(feature = "model-server")]
        let thinker = thinker(&options)?;
        #[cfg(not(feature = "model-server"))]
        let thinker = Thinker::Rules;
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            thinker,
            behaviour: BehaviourCell::new(options.behaviour),
            journal: Journal::new(),
            projects: Projects::default(),
            access_token: options.access_token,
        });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(server::run(
            listener,
            security,
            Arc::clone(&shared),
            stop.clone(),
            tasks.clone(),
        ));
        Ok(Emulator {
            address,
            shared,
            ca_certificate_pem,
            _stop: stop.drop_guard(),
        })
    }

    /// Where the emulator listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL without a path, such as `http://127.0.0.1:8090`.
    pub fn url(&self) -> String {
        let scheme = if self.ca_certificate_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// The endpoint of a project, as `FOUNDRY_PROJECT_ENDPOINT` wants it.
    pub fn project_endpoint(&self) -> String {
        format!("{}{PROJECT_PATH}", self.url())
    }

    /// What was asked so far.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// The behaviour, to be changed at any time.
    pub fn behaviour(&self) -> &BehaviourCell {
        &self.shared.behaviour
    }

    /// The certificate of the authority that signed the server's, as PEM text; `None` without TLS.
    pub fn ca_certificate_pem(&self) -> Option<&str> {
        self.ca_certificate_pem.as_deref()
    }
}

/// The names of the built-in new agents, and the ids of the built-in classic ones.
pub fn built_in_agents() -> (Vec<&'static str>, Vec<String>) {
    use crate::catalogue::{BuiltIn, Dialect};
    (
        BuiltIn::of(Dialect::Responses)
            .map(|agent| agent.name)
            .collect(),
        BuiltIn::of(Dialect::Threads)
            .map(BuiltIn::assistant_id)
            .collect(),
    )
}

/// The server's side of TLS, and the authority's certificate.
#[cfg(feature = "tls")]
fn security(options: &Options) -> std::io::Result<(Security, Option<String>)> {
    if !options.tls {
        return Ok((Security::Clear, None));
    }
    let (acceptor, certificate) = server::tls::Acceptor::generate()?;
    Ok((Security::Tls(acceptor), Some(certificate)))
}

/// Who thinks: a model server if there is one.
#[cfg(feature = "model-server")]
fn thinker(options: &Options) -> std::io::Result<Thinker> {
    match &options.model_server {
        Some(server) => Thinker::server(server.clone()),
        None => Ok(Thinker::Rules),
    }
}
