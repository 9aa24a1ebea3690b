//! The program: configuration, runtime, telemetry, serve.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use foundry_gateway::{
    app::App,
    cli::Arguments,
    config::{Config, ConfigError, Environment},
    panics, server, telemetry,
};

/// `EX_USAGE` of sysexits: the settings cannot be used.
const UNUSABLE_SETTINGS: u8 = 64;
/// What else can be done without settings.
const TRY_IT: &str = if cfg!(feature = "demo") {
    "\nTo try it offline, without any setting: foundry-gateway demo"
} else {
    ""
};
/// The Functions host restarts a handler that ends so, without counting a crash. After 0 it would not start
/// another one, and answer 500 for ever.
const RESTART_ME: u8 = 200;

fn main() -> ExitCode {
    allocator::give_back_soon();
    let arguments = Arguments::parse();
    let environment = Environment::of_process();
    panics::tell_the_place_only();
    match arguments.command {
        None => serve(&environment),
        #[cfg(feature = "demo")]
        Some(foundry_gateway::cli::Command::Demo { port }) => demo(&environment, port),
    }
}

fn serve(environment: &Environment) -> ExitCode {
    let config = match Config::from_environment(environment) {
        Ok(config) => config,
        Err(errors) => {
            return refuse(&format!(
                "{errors}\n\nfoundry-gateway serves a Foundry project and is configured by environment variables; \
                 README.md lists them all.{TRY_IT}"
            ));
        }
    };
    let under_functions_host = config.listen.under_functions_host;
    let outcome = runtime().and_then(|runtime| runtime.block_on(run(config)));
    match outcome {
        Ok(()) if under_functions_host => ExitCode::from(RESTART_ME),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ConfigError>() => refuse(&error.to_string()),
        Err(error) => refuse_with(&format!("{error:#}"), ExitCode::FAILURE),
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    // Bind first: the host probes the port, and nothing that follows may keep it waiting.
    let listener = server::bind(config.listen.address).with_context(|| {
        format!(
            "cannot listen on {}; PORT names another port",
            config.listen.address
        )
    })?;
    let app = App::build(config)?;
    telemetry::log::start(&app.config.log, app.telemetry.logger());
    tracing::info!(
        address = %listener.local_addr()?,
        project = app.projects.default_project().map(|project| project.foundry.endpoint()),
        identity = app.identity.kind(),
        client_id = app.identity.client_id(),
        caller_keys = app.config.callers.keys.len(),
        anonymous = app.config.callers.allow_anonymous,
        conversations = app.store.kind(),
        telemetry = app.config.telemetry.told(),
        "listening"
    );
    for (name, project) in app.projects.further() {
        tracing::info!(
            project = name,
            endpoint = project.foundry.endpoint(),
            identity = project.identity.kind(),
            client_id = project.identity.client_id(),
            "serves a further project"
        );
    }
    if app.remembers_nothing_for_long() {
        tracing::warn!(
            "conversations are remembered in this instance only, and their upstream threads are left behind when it \
             goes; set THREADS_TABLE_ENDPOINT, or GATEWAY_CONTINUITY=off"
        );
    }
    let telemetry = app.telemetry.clone();
    server::serve(listener, app, server::stop_signal()?).await;
    telemetry.shut_down().await;
    Ok(())
}

#[cfg(feature = "demo")]
fn demo(environment: &Environment, port: u16) -> ExitCode {
    let outcome = runtime()
        .and_then(|runtime| runtime.block_on(foundry_gateway::demo::run(environment, port)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse_with(&format!("{error:#}"), ExitCode::FAILURE),
    }
}

/// One core: the plain scheduler costs 7 to 15 % less CPU per request. More: one worker for each.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = if cores == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(cores);
        builder
    };
    Ok(builder.enable_all().build()?)
}

fn refuse(problem: &str) -> ExitCode {
    refuse_with(problem, ExitCode::from(UNUSABLE_SETTINGS))
}

#[expect(
    clippy::print_stderr,
    reason = "a program that cannot start says so on standard error"
)]
fn refuse_with(problem: &str, code: ExitCode) -> ExitCode {
    eprintln!("{problem}");
    code
}
