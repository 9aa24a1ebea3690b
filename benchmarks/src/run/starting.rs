//! Starts the subjects, each with what it needs and nothing else.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use tokio::{process::Command, time::Instant};

use super::{
    litellm,
    process::{Part, Process, free_port},
    subject::{RESPONSES_PATH, Running, Server, Subject},
};

/// The key of every gateway here.
const KEY: &str = "sk-benchmark-3f9c1b7a5d2e4860";
/// Longest start of a program that is meant to start in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest start of LiteLLM.
const PATIENCE_WITH_LITELLM: Duration = Duration::from_secs(180);

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) gateway: PathBuf,
    pub(crate) nginx: Option<PathBuf>,
    pub(crate) litellm: Option<PathBuf>,
    pub(crate) upstream: SocketAddr,
    pub(crate) receiver: SocketAddr,
    /// A folder for generated configurations.
    pub(crate) folder: tempfile::TempDir,
}

/// A subject that has answered, and how long that took since its start.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) running: Running,
    pub(crate) after: Duration,
}

impl Surroundings {
    /// Starts a subject and waits until it answers.
    pub(crate) async fn start(&self, subject: Subject) -> anyhow::Result<Started> {
        let begin = Instant::now();
        let (running, after) = match subject {
            Subject::Direct => (
                Running::new(subject, self.upstream, KEY, None),
                Duration::ZERO,
            ),
            Subject::Floor | Subject::CollectingFloor => {
                let upstream = format!("http://{}{RESPONSES_PATH}", self.upstream);
                let mut arguments = vec!["floor", "--upstream", &upstream];
                if subject == Subject::CollectingFloor {
                    arguments.push("--collect");
                }
                let (mut part, address) = Part::listening(&arguments).await?;
                let after = part.process.answers(address, "/", begin, PATIENCE)?;
                let server = Some(Server::Part(part));
                (Running::new(subject, address, KEY, server), after)
            }
            Subject::LiteLlm => self.program(
                subject,
                "/health/readiness",
                PATIENCE_WITH_LITELLM,
                |address| self.litellm_command(address),
            )?,
            Subject::Nginx => self.program(subject, "/", PATIENCE, |address| {
                self.nginx_command(address)
            })?,
            _ => self.program(subject, "/", PATIENCE, |address| {
                Ok(self.gateway_command(subject, address))
            })?,
        };
        Ok(Started { running, after })
    }

    fn program(
        &self,
        subject: Subject,
        path: &str,
        patience: Duration,
        command: impl FnOnce(SocketAddr) -> anyhow::Result<Command>,
    ) -> anyhow::Result<(Running, Duration)> {
        let address = free_port()?;
        let mut command = command(address)?;
        let log = self.folder.path().join(format!("{}.log", subject.name()));
        let begin = Instant::now();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?);
        let mut process = Process::start(subject.title(), &mut command)?;
        let after = process.answers(address, path, begin, patience);
        let after = after.with_context(|| last_lines(&log))?;
        let server = Some(Server::Program(process));
        Ok((Running::new(subject, address, KEY, server), after))
    }

    /// The gateway with no other settings than these; its log, a line for each request, is thrown away.
    fn gateway_command(&self, subject: Subject, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.gateway);
        command
            .env_clear()
            .env("PORT", address.port().to_string())
            .env(
                "FOUNDRY_PROJECT_ENDPOINT",
                format!("http://{}/api/projects/p", self.upstream),
            )
            .env("FOUNDRY_ACCESS_TOKEN", "static-token")
            .env("GATEWAY_API_KEYS", format!("benchmark={KEY}"));
        if subject.is_complete() {
            for signal in ["TRACES", "METRICS"] {
                let path = signal.to_ascii_lowercase();
                command.env(
                    format!("GATEWAY_OTLP_{signal}_ENDPOINT"),
                    format!("http://{}/v1/{path}", self.receiver),
                );
            }
        } else {
            command.env("GATEWAY_CONTINUITY", "off");
        }
        command
    }

    fn nginx_command(&self, address: SocketAddr) -> anyhow::Result<Command> {
        let folder = self.folder.path();
        let configuration = folder.join("nginx.conf");
        fs::write(
            &configuration,
            nginx_configuration(folder, address, self.upstream),
        )?;
        let program = self.nginx.as_deref().context("nginx is not installed")?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).arg("-c").arg(configuration);
        Ok(command)
    }

    fn litellm_command(&self, address: SocketAddr) -> anyhow::Result<Command> {
        let configuration = self.folder.path().join("litellm.yaml");
        fs::write(&configuration, litellm::configuration(self.upstream, KEY))?;
        let program = self
            .litellm
            .as_deref()
            .context("LiteLLM is not installed")?;
        Ok(litellm::command(program, &configuration, address))
    }
}

/// What a program said last, for whoever looks for the reason of its end.
fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(10)..)
        .unwrap_or_default();
    format!("its last words were:\n{}", last.join("\n"))
}

/// A reverse proxy that keeps its connections and buffers nothing, as one in front of streams has to be set up.
fn nginx_configuration(folder: &Path, listen: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream foundry {{ server {upstream}; keepalive 512; keepalive_requests 1000000; }}
  server {{
    listen {listen} backlog=4096;
    keepalive_requests 1000000;
    client_body_buffer_size 1m;
    location = / {{ return 200 ok; }}
    location / {{
      proxy_pass http://foundry;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Authorization \"Bearer static-token\";
      proxy_buffering off;
    }}
  }}
}}
"
    )
}

/// The gateway to measure: the one that is given, or one built now.
pub(crate) async fn gateway(root: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return given
            .canonicalize()
            .with_context(|| format!("the gateway {}", given.display()));
    }
    let arguments = [
        "build",
        "--release",
        "--locked",
        "--package",
        "foundry-gateway",
        "--no-default-features",
        "--features",
        "deployed",
    ];
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .status()
        .await
        .context("cargo")?;
    anyhow::ensure!(
        status.success(),
        "cargo {} ended with {status}",
        arguments.join(" ")
    );
    // This program is a release build, so what is built beside it is one too.
    let beside = std::env::current_exe()?.with_file_name("foundry-gateway");
    anyhow::ensure!(beside.is_file(), "there is no {}", beside.display());
    Ok(beside)
}

/// nginx, where Debian or anybody else has put it.
pub(crate) fn nginx() -> Option<PathBuf> {
    let folders = [
        "/usr/sbin",
        "/usr/local/sbin",
        "/usr/bin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
    ];
    let candidates = folders.map(|folder| Path::new(folder).join("nginx"));
    candidates.into_iter().find(|program| program.is_file())
}

/// LiteLLM, where it is installed below `target/`, or installed now where that is asked for.
pub(crate) async fn litellm(root: &Path, install: bool) -> anyhow::Result<Option<PathBuf>> {
    let folder = root.join("target/benchmarks/litellm");
    match litellm::installed(&folder) {
        None if install => match litellm::install(&folder).await {
            Ok(program) => Ok(Some(program)),
            Err(error) => {
                super::say(&format!("!!! LiteLLM could NOT be installed: {error:#}"))?;
                Ok(None)
            }
        },
        installed => Ok(installed),
    }
}

/// Whether starts of it are a matter of milliseconds; those of LiteLLM are not, and direct calls start nothing.
pub(crate) fn is_started_often(subject: Subject) -> bool {
    matches!(
        subject,
        Subject::Floor | Subject::Nginx | Subject::NewComplete | Subject::NewBare
    )
}
