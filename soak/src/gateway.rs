//! A process of the gateway, and what its log tells.

use std::{
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};
use tokio_util::task::TaskTracker;

use crate::ledger::StoreTrouble;

/// A running gateway; dropping it kills it.
#[derive(Debug)]
pub(crate) struct GatewayProcess {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Log>,
}

/// What of the log matters.
#[derive(Debug)]
struct Log {
    trouble: Arc<StoreTrouble>,
    address: watch::Sender<Option<SocketAddr>>,
    warnings: AtomicU64,
    /// Lines that must not be: panics, and whatever stands on standard error.
    alarms: Mutex<Vec<String>>,
}

const LONGEST_START: Duration = Duration::from_secs(30);
const LONGEST_END: Duration = Duration::from_secs(45);
/// More of them help nobody.
const MOST_ALARMS: usize = 10;
/// What a gateway says when the store did not take a turn, or did not answer.
const STORE_TROUBLE: [&str; 2] = ["a turn is not remembered yet", "because the store failed"];
/// What stands before the id of a turn that is not remembered.
const THREAD_ID: &str = "thread_id=\"";

impl GatewayProcess {
    /// Starts the program with exactly these settings in its environment, and waits until it listens.
    pub(crate) async fn start(
        program: &Path,
        settings: &[(&str, String)],
        trouble: Arc<StoreTrouble>,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .env_clear()
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let log = Arc::new(Log {
            trouble,
            address: watch::Sender::new(None),
            warnings: AtomicU64::new(0),
            alarms: Mutex::default(),
        });
        let output = child.stdout.take().context("the gateway's output")?;
        let errors = child.stderr.take().context("the gateway's errors")?;
        let readers = TaskTracker::new();
        readers.spawn(read_lines(output, Arc::clone(&log), Log::read));
        readers.spawn(read_lines(errors, Arc::clone(&log), Log::alarm));
        let mut address = log.address.subscribe();
        let listens = address.wait_for(Option::is_some);
        let address = match tokio::time::timeout(LONGEST_START, listens).await {
            Ok(Ok(address)) => *address,
            _ => None,
        };
        let Some(address) = address else {
            bail!("the gateway does not start: {:?}", log.alarms());
        };
        Ok(Self {
            child,
            address,
            log,
        })
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Warnings and errors in its log so far.
    pub(crate) fn warnings(&self) -> u64 {
        self.log.warnings.load(Ordering::Relaxed)
    }

    /// Sends SIGTERM, and waits for the end: the exit code (`None`: a signal ended it) and what must not be in a log.
    pub(crate) async fn stop(mut self) -> anyhow::Result<(Option<i32>, Vec<String>)> {
        let pid = self
            .pid()
            .context("the gateway has ended before its time")?;
        let sent = Command::new("kill")
            .args(["-s", "TERM", &pid.to_string()])
            .status()
            .await;
        if !sent.is_ok_and(|status| status.success()) {
            bail!("the gateway has ended before its time");
        }
        let ended = tokio::time::timeout(LONGEST_END, self.child.wait()).await;
        let Ok(status) = ended else {
            bail!("the gateway does not end within {LONGEST_END:?} of SIGTERM");
        };
        Ok((status?.code(), self.log.alarms()))
    }
}

async fn read_lines(pipe: impl AsyncRead + Unpin, log: Arc<Log>, read: impl Fn(&Log, String)) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        read(&log, line);
    }
}

impl Log {
    fn read(&self, line: String) {
        if STORE_TROUBLE.iter().any(|trouble| line.contains(trouble)) {
            let id = line.split_once(THREAD_ID);
            self.trouble
                .note(id.and_then(|(_, rest)| Some(rest.split_once('"')?.0)));
        }
        if line.contains(" WARN ") || line.contains(" ERROR ") {
            self.warnings.fetch_add(1, Ordering::Relaxed);
        }
        if let Some((_, address)) = line.split_once("listening address=") {
            let address = address.split(' ').next().unwrap_or_default();
            self.address.send_replace(address.parse().ok());
        }
        if line.contains("bug of the gateway") || line.contains("panicked") {
            self.alarm(line);
        }
    }

    fn alarm(&self, line: String) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        if alarms.len() < MOST_ALARMS {
            alarms.push(line);
        }
    }

    fn alarms(&self) -> Vec<String> {
        let alarms = self.alarms.lock();
        alarms.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
