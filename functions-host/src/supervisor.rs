//! The life of the handler: start, readiness, exit codes, crash budget, and the kills that the host orders.
//!
//! One process at a time. Every process of a host uses the same port, as in the real host, which picks a free port
//! once; so a request that is tried again after a crash can reach the successor.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use crate::{
    HostError, User,
    config::AppConfig,
    environment::Environment,
    logs::{LogLevel, Logs},
    probe,
    process::HandlerProcess,
    times::Times,
};

/// `ErrorEventsThreshold`: the crash with this number stops the host.
const CRASHES_THAT_STOP: usize = 3;
const CRASHED_TOO_OFTEN: &str =
    "Exceeded http worker restart retry count. Shutting down Functions Host";
/// An exit with this code is never followed by a restart.
const EXIT_SUCCESS: i32 = 0;
/// An exit with this code asks for a restart that does not count as a crash.
const EXIT_INTENTIONAL_RESTART: i32 = 200;

/// What the rest of the stand-in knows about the handler.
#[derive(Clone, Debug)]
pub(crate) struct HandlerStatus {
    /// Whether requests may be handed over.
    pub(crate) phase: Phase,
    /// The running process.
    pub(crate) pid: Option<u32>,
    /// How many processes were started so far.
    pub(crate) starts: u32,
    /// From the start of the newest process to its first 200 on `/`.
    pub(crate) start_duration: Option<Duration>,
}

/// The host's view of the handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not ready yet: requests are held.
    Starting,
    /// Requests are handed over. This stays so after an exit with code 0.
    Ready,
    /// The host has stopped, for this reason.
    Stopped(String),
}

/// What the rest of the stand-in asks of the supervisor.
#[derive(Debug)]
pub(crate) enum Command {
    /// SIGKILL from outside, which the host takes for a crash.
    Kill,
    /// The host's own SIGKILL after a `functionTimeout`: a restart that is not a crash.
    ///
    /// Names the process that was too slow, so that two invocations do not kill two processes.
    Recycle { pid: u32 },
    /// The end of the host.
    Stop { reason: String },
}

/// Everything the supervisor needs to run handlers.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) config: Arc<AppConfig>,
    pub(crate) user: Option<User>,
    pub(crate) environment: Environment,
    pub(crate) address: SocketAddr,
    pub(crate) times: Times,
    pub(crate) logs: Arc<Logs>,
    pub(crate) tracker: TaskTracker,
    pub(crate) status: watch::Sender<HandlerStatus>,
}

/// Why one process is over.
enum End {
    Restart,
    Crash(String),
    Stop(String),
}

impl HandlerStatus {
    /// Before the first process.
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Starting,
            pid: None,
            starts: 0,
            start_duration: None,
        }
    }
}

impl Supervisor {
    /// Starts a process and announces it.
    pub(crate) fn spawn(&self) -> Result<HandlerProcess, HostError> {
        let process = HandlerProcess::spawn(
            (&self.config, self.user),
            &self.environment,
            self.address.port(),
            &self.logs,
            &self.tracker,
        )?;
        self.status.send_modify(|status| {
            status.phase = Phase::Starting;
            status.pid = Some(process.pid);
            status.starts += 1;
            status.start_duration = None;
        });
        Ok(process)
    }

    /// Keeps a handler running until the host stops.
    pub(crate) async fn run(
        self,
        mut process: HandlerProcess,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) {
        let mut crashes = CrashBudget::default();
        loop {
            let end = self.watch_over(&mut process, &mut commands).await;
            process.kill().await;
            match end {
                End::Restart => {}
                End::Crash(reason) => {
                    self.logs.host(LogLevel::Error, reason);
                    if crashes.record(Instant::now(), self.times.crash_window) >= CRASHES_THAT_STOP
                    {
                        self.logs.host(LogLevel::Error, CRASHED_TOO_OFTEN);
                        return self.stop(CRASHED_TOO_OFTEN);
                    }
                }
                End::Stop(reason) => return self.stop(&reason),
            }
            process = match self.spawn() {
                Ok(process) => process,
                Err(error) => return self.stop(&error.to_string()),
            };
        }
    }

    async fn watch_over(
        &self,
        process: &mut HandlerProcess,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> End {
        let (pid, started) = (process.pid, process.started);
        let visits = self.visit(started);
        tokio::pin!(visits);
        let mut running = true;
        loop {
            tokio::select! {
                probe::NotReady = &mut visits => {
                    return End::Crash("Initializing HttpWorker timed out.".to_owned());
                }
                status = process.wait(), if running => match status.ok().and_then(|exit| exit.code()) {
                    Some(EXIT_SUCCESS) => {
                        running = false;
                        self.status.send_modify(|status| status.pid = None);
                    }
                    Some(EXIT_INTENTIONAL_RESTART) => {
                        let text = "Language Worker Process exited and needs to be restarted.";
                        self.logs.host(LogLevel::Information, text);
                        return End::Restart;
                    }
                    code => return End::Crash(exit_message(pid, code)),
                },
                command = commands.recv() => match command {
                    Some(Command::Kill) => process.start_kill(),
                    Some(Command::Recycle { pid: slow }) if slow == pid => return End::Restart,
                    Some(Command::Recycle { .. }) => {}
                    Some(Command::Stop { reason }) => return End::Stop(reason),
                    None => return End::Stop("the host was dropped".to_owned()),
                },
            }
        }
    }

    /// Waits until the handler is ready, then pings it for ever: this ends only for a handler that is never ready.
    async fn visit(&self, started: Instant) -> probe::NotReady {
        let answer = match probe::until_ready(self.address, &self.times).await {
            Ok(answer) => answer,
            Err(not_ready) => return not_ready,
        };
        let start_duration = answer
            .is_some_and(|status| status == http::StatusCode::OK)
            .then(|| started.elapsed());
        self.status.send_modify(|status| {
            status.phase = Phase::Ready;
            status.start_duration = start_duration;
        });
        self.logs.host(
            LogLevel::Information,
            "Worker process started and initialized.",
        );
        match probe::keep_pinging(self.address, &self.times).await {}
    }

    fn stop(&self, reason: &str) {
        self.status.send_modify(|status| {
            status.phase = Phase::Stopped(reason.to_owned());
            status.pid = None;
        });
    }
}

fn exit_message(pid: u32, code: Option<i32>) -> String {
    match code {
        Some(code) => format!("Language Worker Process exited. Pid={pid}, exit code {code}."),
        None => format!("Language Worker Process exited. Pid={pid}, killed by a signal."),
    }
}

/// The crashes that count: all since the last pause of a window's length.
#[derive(Debug, Default)]
struct CrashBudget(Vec<Instant>);

impl CrashBudget {
    /// Counts a crash and says how many there are now.
    fn record(&mut self, now: Instant, window: Duration) -> usize {
        if self.0.last().is_some_and(|last| now - *last > window) {
            self.0.clear();
        }
        self.0.push(now);
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_long_after_the_one_before_clears_the_count() {
        let window = Duration::from_mins(30);
        let mut budget = CrashBudget::default();
        let first = Instant::now();
        assert_eq!(budget.record(first, window), 1);
        assert_eq!(budget.record(first + window, window), 2);
        assert_eq!(budget.record(first + 2 * window, window), 3);
        let later = first + 3 * window + Duration::from_secs(1);
        assert_eq!(budget.record(later, window), 1);
    }
}
