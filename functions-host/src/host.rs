//! The stand-in as tests hold it.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::{AbortOnDropHandle, TaskTracker},
};

use crate::{
    FrontEnd, HostError, HostOptions, InvocationError, LogLevel, LogLine,
    app_root::{self, Snapshot},
    config::{AppConfig, Function},
    dispatch::{self, Invocation},
    envelope,
    environment::Environment,
    listener,
    logs::Logs,
    supervisor::{Command, HandlerStatus, Phase, Supervisor},
    times::Times,
    upstream::Pool,
};

/// A running stand-in with its handler. Dropping it kills the handler and resets every connection.
#[derive(Debug)]
pub struct Host {
    shared: Arc<Shared>,
    options: HostOptions,
    address: SocketAddr,
    files_at_start: Snapshot,
    supervisor: AbortOnDropHandle<()>,
    _shutdown: DropGuard,
}

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<AppConfig>,
    pub(crate) times: Times,
    pub(crate) front_end: FrontEnd,
    pub(crate) function_key: String,
    pub(crate) logs: Arc<Logs>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) status: watch::Receiver<HandlerStatus>,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) tracker: TaskTracker,
}

impl Host {
    /// Starts a stand-in and waits until its handler is ready.
    ///
    /// # Errors
    /// The app is not valid, the program or a port is not available, or the handler was not ready within the
    /// restarts that it has.
    pub async fn start(options: HostOptions) -> Result<Self, HostError> {
        let host = Self::launch(options).await?;
        host.ready().await?;
        Ok(host)
    }

    /// Starts a stand-in without waiting: requests are held until the handler is ready.
    ///
    /// # Errors
    /// The app is not valid, or the program or a port is not available.
    pub async fn launch(options: HostOptions) -> Result<Self, HostError> {
        let environment = Environment::of_host(&options);
        let config = Arc::new(AppConfig::read(&options.app_root, &environment)?);
        let times = Times::new(
            config.initialization_timeout,
            config.function_timeout,
            options.time_scale,
        );
        let not_bound = |port| move |source| HostError::Bind { port, source };
        let (listener, address) = listener::bind(options.port)
            .await
            .map_err(not_bound(options.port))?;
        let handler_port = config.port.unwrap_or(0);
        let handler_address =
            listener::free_address(handler_port).map_err(not_bound(handler_port))?;

        let files_at_start = app_root::snapshot(&config);
        let tracker = TaskTracker::new();
        let logs = Arc::new(Logs::new(options.echo_logs));
        let (status, observed_status) = watch::channel(HandlerStatus::new());
        let (commands, received_commands) = mpsc::unbounded_channel();
        let supervisor = Supervisor {
            config: Arc::clone(&config),
            user: options.user,
            environment,
            address: handler_address,
            times: times.clone(),
            logs: Arc::clone(&logs),
            tracker: tracker.clone(),
            status,
        };
        let process = supervisor.spawn()?;
        let supervisor = tracker.spawn(supervisor.run(process, received_commands));
        let pool = Pool::new(
            handler_address,
            times.pooled_connection_idle,
            tracker.clone(),
        );
        let shared = Arc::new(Shared {
            config,
            times,
            front_end: options.front_end,
            function_key: options.function_key.clone(),
            logs,
            pool: Arc::new(pool),
            status: observed_status,
            commands,
            tracker,
        });
        let shutdown = CancellationToken::new();
        shared.tracker.spawn(listener::serve(
            listener,
            Arc::clone(&shared),
            shutdown.clone(),
        ));
        Ok(Self {
            shared,
            options,
            address,
            files_at_start,
            supervisor: AbortOnDropHandle::new(supervisor),
            _shutdown: shutdown.drop_guard(),
        })
    }

    /// Waits until the handler answers the readiness probe.
    ///
    /// # Errors
    /// The host stopped before.
    pub async fn ready(&self) -> Result<(), HostError> {
        self.wait_for_status(|status| status.phase != Phase::Starting)
            .await;
        match self.phase() {
            Phase::Stopped(reason) => Err(HostError::Stopped { reason }),
            Phase::Starting | Phase::Ready => Ok(()),
        }
    }

    /// Waits until the host gives up by itself, and says why.
    pub async fn stopped(&self) -> HostError {
        self.wait_for_status(|status| matches!(status.phase, Phase::Stopped(_)))
            .await;
        let reason = match self.phase() {
            Phase::Stopped(reason) => reason,
            Phase::Starting | Phase::Ready => "the supervisor ended".to_owned(),
        };
        HostError::Stopped { reason }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the handler listens; the same for all processes of this host.
    pub fn handler_address(&self) -> SocketAddr {
        self.shared.pool.address()
    }

    /// The process id of the handler, unless none runs.
    pub fn handler_pid(&self) -> Option<u32> {
        self.shared.status.borrow().pid
    }

    /// How many processes were started after the first.
    pub fn restarts(&self) -> u32 {
        self.shared.status.borrow().starts.saturating_sub(1)
    }

    /// From the start of the newest process to its first 200 on `/`, as seen through the 25 ms poll.
    ///
    /// None before that, and for a handler that is ready but answers something else.
    pub fn start_duration(&self) -> Option<Duration> {
        self.shared.status.borrow().start_duration
    }

    /// Everything logged so far, oldest first (the newest 50 000 lines).
    pub fn log_lines(&self) -> Vec<LogLine> {
        self.shared.logs.lines()
    }

    /// The lines of level Error: a green run has none.
    pub fn errors(&self) -> Vec<LogLine> {
        let mut lines = self.log_lines();
        lines.retain(|line| line.level == LogLevel::Error);
        lines
    }

    /// Waits until a line, old or new, satisfies `wanted`; false if none does within `limit`.
    pub async fn wait_for_log(
        &self,
        wanted: impl FnMut(&LogLine) -> bool,
        limit: Duration,
    ) -> bool {
        self.shared.logs.wait_for(wanted, limit).await
    }

    /// Kills the handler with SIGKILL, as if it had crashed, and waits until its process is gone.
    pub async fn kill_handler(&self) {
        let pid = self.handler_pid();
        self.command(Command::Kill);
        self.wait_for_status(|status| status.pid.is_none() || status.pid != pid)
            .await;
    }

    /// Fires a timer function once, whatever its schedule, and waits for its result.
    ///
    /// # Errors
    /// The function is unknown, the host has stopped, or the handler's answer does not complete the invocation.
    pub async fn invoke_timer(&self, name: &str) -> Result<(), InvocationError> {
        let timer = self
            .shared
            .config
            .functions
            .iter()
            .find_map(|function| match function {
                Function::Timer(timer) if timer.name == name => Some(timer),
                Function::Timer(_) | Function::Http(_) => None,
            });
        let timer = timer.ok_or_else(|| InvocationError::Unknown(name.to_owned()))?;
        let invocation = Invocation::start(&self.shared, &self.shared.tracker);
        dispatch::held_until_ready(&self.shared).await?;
        let data = json!({ &timer.binding: envelope::timer_value() });
        tokio::select! {
            result = envelope::invoke(&self.shared, name, &invocation.id, data) => result.map(drop),
            () = invocation.timed_out.cancelled() => {
                Err(InvocationError::NoAnswer("functionTimeout is over".to_owned()))
            }
        }
    }

    /// Starts a second host with the same options on other ports while this one serves, as Azure does on a restart.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub async fn start_second_instance(&self) -> Result<Self, HostError> {
        let options = HostOptions {
            port: 0,
            ..self.options.clone()
        };
        // The future of the start is large, and most callers never need it.
        Box::pin(Self::start(options)).await
    }

    /// The files of the app that were added, removed or written since the start: a handler must leave them alone.
    ///
    /// Looks at the app root itself and the folders of the functions.
    pub fn app_root_changes(&self) -> Vec<PathBuf> {
        app_root::changes(
            &self.files_at_start,
            &app_root::snapshot(&self.shared.config),
        )
    }

    /// Ends the host: the handler gets SIGKILL and nothing else, every connection is reset.
    pub async fn shutdown(self) {
        self.command(Command::Stop {
            reason: "the host was shut down".to_owned(),
        });
        // It fails only for a supervisor that was cancelled, which has killed the handler too.
        drop(self.supervisor.await);
    }

    fn phase(&self) -> Phase {
        self.shared.status.borrow().phase.clone()
    }

    fn command(&self, command: Command) {
        // A supervisor that is gone has killed the handler already.
        drop(self.shared.commands.send(command));
    }

    async fn wait_for_status(&self, wanted: impl FnMut(&HandlerStatus) -> bool) {
        // It fails only when the supervisor is gone: then the status is final.
        drop(self.shared.status.clone().wait_for(wanted).await);
    }
}
