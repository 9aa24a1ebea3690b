//! The real program, started as an operator or the Functions host starts it.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};
use tokio_util::task::TaskTracker;

use super::{Client, KEY, SOON};

/// A process of the program; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// What a process that has ended leaves behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` for a process that a signal ended.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts the program with exactly these settings in its environment.
    pub(crate) fn start(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_foundry-gateway"))
            .args(arguments)
            .env_clear()
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            stdout: Output::of(child.stdout.take().unwrap()),
            stderr: Output::of(child.stderr.take().unwrap()),
            child,
        }
    }

    /// Serves the project at `endpoint` on a free port; `settings` come on top of the few that are needed, or
    /// replace them. The log must be at level info at least, because it tells the port.
    pub(crate) async fn serve(endpoint: &str, settings: &[(&str, &str)]) -> (Self, Client) {
        let mut all = vec![
            ("FOUNDRY_PROJECT_ENDPOINT", endpoint),
            ("FOUNDRY_ACCESS_TOKEN", "test-token"),
            ("PORT", "0"),
        ];
        let keys = format!("test={KEY}");
        all.push(("GATEWAY_API_KEYS", &keys));
        all.extend_from_slice(settings);
        let program = Self::start(&[], &all);
        let client = Client::of(program.address().await);
        (program, client)
    }

    /// The address in the line that says `listening`.
    async fn address(&self) -> SocketAddr {
        let log = self.until_stdout_has(" project=").await;
        let (_, address) = log.split_once("listening address=").unwrap();
        address.split(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until the standard output has `part`, and gives all of it up to now.
    pub(crate) async fn until_stdout_has(&self, part: &str) -> String {
        let mut stdout = self.stdout.text.clone();
        let found = stdout.wait_for(|text| text.contains(part));
        match tokio::time::timeout(SOON, found).await {
            Ok(Ok(text)) => text.clone(),
            _ => panic!("waited in vain for {part:?}: {self:?}"),
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await;
        assert!(sent.unwrap().success());
    }

    /// Asks the program to stop, and waits until it has.
    pub(crate) async fn terminate(self) -> Ended {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Waits for the end of the process and of its output.
    pub(crate) async fn ended(mut self) -> Ended {
        let Ok(status) = tokio::time::timeout(SOON, self.child.wait()).await else {
            panic!("it does not end: {self:?}");
        };
        Ended {
            code: status.unwrap().code(),
            stdout: self.stdout.whole().await,
            stderr: self.stderr.whole().await,
        }
    }
}

/// The lines of a pipe so far.
#[derive(Debug)]
struct Output {
    text: watch::Receiver<String>,
}

impl Output {
    fn of(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (sender, text) = watch::channel(String::new());
        TaskTracker::new().spawn(async move {
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|text| {
                    text.push_str(&line);
                    text.push('\n');
                });
            }
        });
        Self { text }
    }

    /// Everything, once the pipe is closed.
    async fn whole(mut self) -> String {
        while self.text.changed().await.is_ok() {}
        self.text.borrow().clone()
    }
}
