//! One process of the handler: how it is started, what becomes of its output, how it is ended.

use std::{
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use crate::{
    HostError, User,
    config::AppConfig,
    environment::Environment,
    identifiers,
    logs::{LogLevel, LogLine, LogStream, Logs, StderrRule},
};

/// A running handler. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct HandlerProcess {
    child: Child,
    /// The process id.
    pub(crate) pid: u32,
    /// When the process was started.
    pub(crate) started: Instant,
}

impl HandlerProcess {
    /// Starts the handler of `config` on `port` as `user`, with its output going to `logs`.
    pub(crate) fn spawn(
        (config, user): (&AppConfig, Option<User>),
        environment: &Environment,
        port: u16,
        logs: &Arc<Logs>,
        tracker: &TaskTracker,
    ) -> Result<Self, HostError> {
        let environment = environment.for_handler(port, &identifiers::guid(), &config.app_root);
        let executable = environment.expand(&config.executable.to_string_lossy());
        // The host joins executable and arguments without quoting, so that an argument with a space becomes two.
        let arguments = environment.expand(&config.arguments.join(" "));
        let started = Instant::now();
        let mut command = Command::new(&executable);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        command
            .args(arguments.split(' ').filter(|argument| !argument.is_empty()))
            .current_dir(&config.working_directory)
            .env_clear()
            .envs(environment.all())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = spawn_when_written(&mut command).map_err(|source| HostError::Spawn {
            executable: PathBuf::from(executable),
            source,
        })?;
        if let Some(stdout) = child.stdout.take() {
            let stream = (LogStream::Stdout, config.stderr_rule);
            tracker.spawn(copy_lines(stdout, stream, Arc::clone(logs)));
        }
        if let Some(stderr) = child.stderr.take() {
            let stream = (LogStream::Stderr, config.stderr_rule);
            tracker.spawn(copy_lines(stderr, stream, Arc::clone(logs)));
        }
        // A child that was not waited for has its id.
        let pid = child.id().unwrap_or_default();
        Ok(Self {
            child,
            pid,
            started,
        })
    }

    /// Waits for the end of the process. May be dropped and called again.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends SIGKILL, the only signal the host ever sends, without waiting.
    pub(crate) fn start_kill(&mut self) {
        // It fails only for a process that has ended, which is what was wanted.
        drop(self.child.start_kill());
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) async fn kill(&mut self) {
        drop(self.child.kill().await);
    }
}

/// Starts a program, also one that this process has only just written.
///
/// A child that another thread starts meanwhile has inherited the file while it was written, and until that child has
/// started its own program, a matter of microseconds, the kernel calls the file busy.
fn spawn_when_written(command: &mut Command) -> io::Result<Child> {
    const ATTEMPTS: usize = 500;
    for _ in 1..ATTEMPTS {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(2));
            }
            result => return result,
        }
    }
    command.spawn()
}

async fn copy_lines(
    pipe: impl AsyncRead + Unpin,
    (stream, rule): (LogStream, StderrRule),
    logs: Arc<Logs>,
) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']).to_owned();
        let level = match stream {
            LogStream::Stderr => rule.level(&text),
            LogStream::Stdout | LogStream::Host => LogLevel::Information,
        };
        logs.write(LogLine {
            stream,
            level,
            text,
        });
        line.clear();
    }
}
