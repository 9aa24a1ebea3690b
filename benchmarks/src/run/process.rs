//! Processes that a run starts, and stops again whatever happens.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::Instant,
};

use crate::role;

/// How long a process may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether a server answers: far below what is measured.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// A process that is asked to end when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    pid: u32,
}

impl Process {
    /// Starts it. Its standard error is this process's, unless the command says otherwise.
    pub(crate) fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let pid = child.id().context("a process without an id")?;
        Ok(Self {
            child,
            name: name.to_owned(),
            pid,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until `GET path` gives 200 and tells how long that took since `begin`.
    pub(crate) fn answers(
        &mut self,
        address: SocketAddr,
        path: &str,
        begin: Instant,
        patience: Duration,
    ) -> anyhow::Result<Duration> {
        loop {
            if http(address, "GET", path).is_ok_and(|(status, _)| status == 200) {
                return Ok(begin.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it answered: {status}", self.name);
            }
            if patience < begin.elapsed() {
                bail!("{} gave no 200 on {path} within {patience:?}", self.name);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.terminate();
        if tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            self.child.kill().await?;
            bail!(
                "{} had to be killed: it did not end within {PATIENCE:?}",
                self.name
            );
        }
        Ok(())
    }

    fn terminate(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = self.pid.to_string();
            let told = std::process::Command::new("kill")
                .args(["-s", "TERM", &pid])
                .status();
            // It may have ended by itself just now.
            drop(told);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// A part of the benchmark in a process of its own.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) process: Process,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
}

impl Part {
    /// Starts this program as that part.
    pub(crate) fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let name = arguments.first().copied().unwrap_or_default();
        let mut process = Process::start(name, &mut command)?;
        let stdout = process.child.stdout.take().context("no standard output")?;
        Ok(Self {
            process,
            lines: BufReader::new(stdout).lines(),
        })
    }

    /// The next line that the part says.
    pub(crate) async fn line(&mut self) -> anyhow::Result<String> {
        let line = self.lines.next_line().await?;
        line.with_context(|| format!("{} ended without a word", self.process.name))
    }

    /// Says something to the part.
    pub(crate) async fn say(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let stdin = self.process.child.stdin.as_mut();
        let stdin = stdin.context("no standard input")?;
        Ok(tokio::io::AsyncWriteExt::write_all(stdin, line).await?)
    }

    /// Starts a part that listens, and tells where.
    pub(crate) async fn listening(arguments: &[&str]) -> anyhow::Result<(Self, SocketAddr)> {
        let mut part = Self::start(arguments)?;
        let line = part.line().await?;
        let address = role::announced(&line).with_context(|| format!("it said {line:?}"))?;
        Ok((part, address))
    }
}

/// A free port of the loopback, for programs that cannot choose one themselves.
///
/// It lies below those that the kernel gives to outgoing connections: a program may take a minute to bind it, and
/// until then nobody else must be given it.
pub(crate) fn free_port() -> anyhow::Result<SocketAddr> {
    const PORTS: std::ops::Range<u16> = 20_000..32_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in PORTS {
        // Two runs at a time begin at different ports.
        let own = u16::try_from(std::process::id() % 1000)? * 12;
        let next = own + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + next % (PORTS.end - PORTS.start);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no port of {PORTS:?} is free on 127.0.0.1")
}

/// One request without a body on a connection of its own: the status and the body.
pub(crate) fn http(address: SocketAddr, method: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no whole answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}
