//! `foundry-emulator`: the emulator as a program of its own.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use foundry_emulator::{Behaviour, Emulator, ModelServer, Options, built_in_agents};
use tracing_subscriber::EnvFilter;

/// The Foundry Agent Service on 127.0.0.1, for offline development and tests.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 8090)]
    port: u16,

    /// Serve HTTPS with a certificate authority made for this run
    #[arg(long)]
    https: bool,

    /// Write the authority's certificate to this file (PEM); implies --https
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,

    /// The only access token to accept; without it any is
    #[arg(long, value_name = "TOKEN")]
    access_token: Option<String>,

    /// Milliseconds before the response headers
    #[arg(long, default_value_t = 0, value_name = "MS")]
    latency_ms: u64,

    /// Milliseconds before the first piece of an answer
    #[arg(long, default_value_t = 0, value_name = "MS")]
    first_delta_ms: u64,

    /// Milliseconds before each further piece
    #[arg(long, default_value_t = 0, value_name = "MS")]
    token_delay_ms: u64,

    /// Pad or cut the default answer to this many words
    #[arg(long, value_name = "N")]
    answer_words: Option<usize>,

    /// Write event streams in chunks of this many bytes
    #[arg(long, value_name = "N")]
    split_bytes: Option<usize>,

    /// The most objects in one page of a list
    #[arg(long, value_name = "N")]
    page_size_max: Option<usize>,

    /// Let the OpenAI-compatible model server of this base URL (ending in /v1) think
    #[arg(long, value_name = "URL", requires = "model")]
    model_url: Option<String>,

    /// The API key of that server
    #[arg(long, value_name = "KEY", requires = "model_url")]
    model_key: Option<String>,

    /// The model to ask that server for
    #[arg(long, value_name = "NAME", requires = "model_url")]
    model: Option<String>,

    /// What to log, such as info, debug or off
    #[arg(long, default_value = "info", value_name = "FILTER")]
    log: String,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even the error cannot be written.
            let _ = writeln!(std::io::stderr(), "foundry-emulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&arguments.log)
        .with_context(|| format!("--log does not understand {:?}", arguments.log))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stdout().is_terminal())
        .with_writer(std::io::stdout)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let port = arguments.port;
    let ca_file = arguments.ca_file.clone();
    let has_own_token = arguments.access_token.is_some();
    let emulator = Emulator::start(options(arguments))
        .await
        .with_context(|| format!("port {port} on 127.0.0.1 cannot be served (--port)"))?;
    if let (Some(path), Some(certificate)) = (&ca_file, emulator.ca_certificate_pem()) {
        std::fs::write(path, certificate)
            .with_context(|| format!("--ca-file {} cannot be written", path.display()))?;
    }
    greet(&emulator, has_own_token).context("standard output cannot be written")?;
    tokio::signal::ctrl_c()
        .await
        .context("the interrupt signal cannot be awaited")
}

fn options(arguments: Arguments) -> Options {
    let model_server = arguments.model_url.map(|url| ModelServer {
        url,
        key: arguments.model_key,
        model: arguments.model.unwrap_or_default(),
    });
    Options {
        port: arguments.port,
        tls: arguments.https || arguments.ca_file.is_some(),
        access_token: arguments.access_token,
        behaviour: Behaviour {
            latency_ms: arguments.latency_ms,
            first_delta_ms: arguments.first_delta_ms,
            token_delay_ms: arguments.token_delay_ms,
            answer_words: arguments.answer_words,
            split_bytes: arguments.split_bytes,
            page_size_max: arguments.page_size_max,
            faults: Vec::new(),
        },
        model_server,
    }
}

/// The first line is for scripts that wait for the emulator, the others are for people.
fn greet(emulator: &Emulator, has_own_token: bool) -> std::io::Result<()> {
    let (new, classic) = built_in_agents();
    let token = if has_own_token {
        "the one of --access-token"
    } else {
        "any, for example FOUNDRY_ACCESS_TOKEN=local"
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {}", emulator.url())?;
    writeln!(out, "project endpoint: {}", emulator.project_endpoint())?;
    writeln!(out, "access token: {token}")?;
    writeln!(out, "new agents: {}", new.join(", "))?;
    writeln!(out, "classic agents: {}", classic.join(", "))?;
    out.flush()
}
