//! Logs, on standard output: the Functions host takes every line of standard error for an error.

mod one_line;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Environment};

/// Starts logging at the level, or with the filter, of `GATEWAY_LOG`.
pub fn start(environment: &Environment) -> Result<(), ConfigError> {
    const SETTING: &str = "GATEWAY_LOG";
    let directives = environment.get(SETTING).unwrap_or("info");
    let filter = EnvFilter::try_new(directives).map_err(|_| {
        ConfigError::invalid(
            SETTING,
            "write a level (error, warn, info, debug, trace) or filter directives",
        )
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(one_line::stdout)
        .with_ansi(false)
        .init();
    Ok(())
}
