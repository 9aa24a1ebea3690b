//! The command line: nothing to serve, `demo` to try.

use clap::{Parser, Subcommand};

/// Lets any OpenAI client talk to Azure AI Foundry agents.
///
/// Without a command it serves, with settings from the environment (see the README, or the app settings of a
/// Function App).
#[derive(Debug, Parser)]
#[command(name = "foundry-gateway", version)]
pub struct Arguments {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts the gateway in front of an embedded emulator of Foundry, asks it something, and keeps serving.
    #[cfg(feature = "demo")]
    Demo {
        /// Port to listen on at 127.0.0.1; 0 picks a free one.
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
}
