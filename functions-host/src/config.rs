//! The function app as the host reads it: host.json, its overrides in the app settings, every function.json.
//!
//! An app that the real host refuses, or that a deployment breaks, is refused here with the reason.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use self::{functions::ProxyingMode, settings::Settings};
use crate::{ConfigError, environment::Environment, logs::StderrRule};

mod functions;
mod settings;
mod time_span;

pub(crate) use functions::{AuthLevel, Function, HttpFunction, HttpMode};

/// 100 MB, unless `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` says otherwise.
const DEFAULT_BODY_LIMIT: u64 = 104_857_600;
/// `initializationTimeout` of the host's source; the documentation says 60 s.
const DEFAULT_INITIALIZATION_TIMEOUT: Duration = Duration::from_secs(30);
/// `functionTimeout` on every plan but Consumption.
const DEFAULT_FUNCTION_TIMEOUT: Duration = Duration::from_mins(30);

/// A function app that the host accepts.
#[derive(Debug)]
pub(crate) struct AppConfig {
    /// The folder of host.json.
    pub(crate) app_root: PathBuf,
    /// The handler's program: a file of the app, or a name that is looked up in PATH.
    pub(crate) executable: PathBuf,
    /// The handler's arguments as host.json has them.
    pub(crate) arguments: Vec<String>,
    /// The handler's working directory.
    pub(crate) working_directory: PathBuf,
    /// A fixed port for the handler; a free one is taken without it.
    pub(crate) port: Option<u16>,
    /// What a line on stderr means.
    pub(crate) stderr_rule: StderrRule,
    /// How long the handler may take to become ready.
    pub(crate) initialization_timeout: Duration,
    /// How long an invocation may take; `None` is for ever.
    pub(crate) function_timeout: Option<Duration>,
    /// Largest request body in bytes.
    pub(crate) body_limit: u64,
    /// `AzureWebJobsDisableHomepage`: `/` answers 204 rather than a page.
    pub(crate) home_page_disabled: bool,
    /// The functions, by folder name.
    pub(crate) functions: Vec<Function>,
}

impl AppConfig {
    /// Reads and judges the app in `app_root`.
    pub(crate) fn read(app_root: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let app_root = std::path::absolute(app_root).map_err(|source| ConfigError::Unreadable {
            path: app_root.to_owned(),
            source,
        })?;
        let settings = Settings::read(&app_root.join("host.json"), environment)?;
        let functions = functions::read(
            &app_root,
            settings
                .text("extensions.http.routePrefix")
                .unwrap_or("api"),
            proxying_mode(&settings)?,
        )?;
        if settings.has_section("customHandler.http.routes") {
            return Err(ConfigError::HostSetting {
                setting: "customHandler.http.routes",
                problem: if functions.is_empty() {
                    "not copied by this stand-in: describe each route by a function.json".to_owned()
                } else {
                    "detected both function.json files and routes in host.json: only one \
                     configuration source is supported"
                        .to_owned()
                },
            });
        }
        if functions.is_empty() {
            return Err(ConfigError::NoFunctions { app_root });
        }
        Ok(Self {
            executable: executable(&settings, environment, &app_root)?,
            arguments: settings.list("customHandler.description.arguments"),
            working_directory: app_root.join(
                settings
                    .text("customHandler.description.workingDirectory")
                    .unwrap_or_default(),
            ),
            port: settings.parsed("customHandler.port", |port| {
                port.parse().map_err(|_| "must be a port number".to_owned())
            })?,
            stderr_rule: match settings
                .flag("customHandler.description.useStdErrorStreamForErrorsOnly")?
            {
                Some(false) => StderrRule::ByWords,
                Some(true) | None => StderrRule::ErrorsOnly,
            },
            initialization_timeout: settings
                .parsed("customHandler.initializationTimeout", time_span::parse)?
                .unwrap_or(DEFAULT_INITIALIZATION_TIMEOUT),
            function_timeout: settings
                .parsed("functionTimeout", time_span::parse_limit)?
                .unwrap_or(Some(DEFAULT_FUNCTION_TIMEOUT)),
            body_limit: environment
                .get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT")
                .and_then(|limit| limit.parse().ok())
                .unwrap_or(DEFAULT_BODY_LIMIT),
            home_page_disabled: environment
                .get("AzureWebJobsDisableHomepage")
                .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1"),
            functions,
            app_root,
        })
    }
}

fn proxying_mode(settings: &Settings) -> Result<ProxyingMode, ConfigError> {
    // Proxying wins when both are set.
    if settings.flag("customHandler.enableProxyingHttpRequest")? == Some(true) {
        return Ok(ProxyingMode::Proxying);
    }
    match settings.flag("customHandler.enableForwardingHttpRequest")? {
        Some(true) => Ok(ProxyingMode::Forwarding),
        Some(false) | None => Ok(ProxyingMode::Neither),
    }
}

/// Finds the handler's program, and refuses one that a deployment would leave without its execute bit.
fn executable(
    settings: &Settings,
    environment: &Environment,
    app_root: &Path,
) -> Result<PathBuf, ConfigError> {
    const SETTING: &str = "customHandler.description.defaultExecutablePath";
    let refused = |problem: &str| {
        Err(ConfigError::HostSetting {
            setting: SETTING,
            problem: problem.to_owned(),
        })
    };
    let named = environment.expand(settings.text(SETTING).unwrap_or_default());
    if named.is_empty() {
        return refused("WorkerDescription DefaultExecutablePath cannot be empty");
    }
    let path = app_root.join(&named);
    let Ok(metadata) = path.metadata() else {
        return Ok(PathBuf::from(named));
    };
    if Path::new(&named).is_relative() && !is_archive_entry_name(&named) {
        // The deployment tools set the execute bit only on the archive entry of exactly this name.
        return refused("must be spelled as the file's name in the archive: no \"./\", no spaces");
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o755 != 0o755 {
        return Err(ConfigError::NotExecutable { path, mode });
    }
    Ok(path)
}

fn is_archive_entry_name(name: &str) -> bool {
    name.trim() == name
        && name
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests;
