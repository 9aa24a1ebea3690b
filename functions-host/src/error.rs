//! What can go wrong before and while the stand-in serves, in words that name the file, field or step at fault.

use std::{io, path::PathBuf};

/// Why an app is not accepted.
///
/// Each is something that makes the real host, or a deployment to it, fail.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file of the app could not be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of the app is not JSON.
    #[error("{} is not valid JSON", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Where and why parsing stopped.
        source: serde_json::Error,
    },
    /// A setting of host.json is missing, malformed or not allowed together with others.
    #[error("host.json: {setting}: {problem}")]
    HostSetting {
        /// The key, for example `customHandler.description.defaultExecutablePath`.
        setting: &'static str,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
    /// A function is described in a way the host refuses.
    #[error("function {function}: {problem}")]
    Function {
        /// The folder name of the function.
        function: String,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
    /// No folder holds a function.json; the host does not start a handler without a function.
    #[error("{} has no function: add a folder with a function.json", app_root.display())]
    NoFunctions {
        /// The app root that was searched.
        app_root: PathBuf,
    },
    /// The executable is there but would not be executable after deployment.
    #[error("{} has mode {mode:04o}; the host needs 0755 (chmod 755)", path.display())]
    NotExecutable {
        /// The executable.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Why the stand-in did not start, or why it stopped.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The app is not accepted.
    #[error("the function app is not valid")]
    Config(#[from] ConfigError),
    /// The stand-in's own port, or the port meant for the handler, is not available.
    #[error("unable to bind to port {port} on 127.0.0.1")]
    Bind {
        /// The port asked for; 0 means any.
        port: u16,
        /// What the operating system said.
        source: io::Error,
    },
    /// The handler's process could not be started.
    #[error("failed to start the handler process {}", executable.display())]
    Spawn {
        /// The program that was to be run.
        executable: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The stand-in gave up, as the real host does: too many crashes, or the handler was never ready.
    #[error("{reason}")]
    Stopped {
        /// The message that the real host logs in this case.
        reason: String,
    },
}

/// Why an invocation by envelope, the way of every timer, did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The app has no timer function of this name.
    #[error("the app has no timer function named {0}")]
    Unknown(String),
    /// The handler is not ready, or the stand-in has stopped.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The handler could not be reached, or broke the connection.
    #[error("the handler did not answer: {0}")]
    NoAnswer(String),
    /// The handler answered with something other than 2xx: a failed invocation.
    #[error("the handler answered {0}; an invocation needs 2xx")]
    Status(http::StatusCode),
    /// The handler answered 2xx with an empty body or `null`.
    ///
    /// In Azure such an invocation never completes, and `functionTimeout` kills the handler in the end.
    #[error(
        "the handler answered with an empty body or null, which hangs the invocation: answer {{}}"
    )]
    Hang,
    /// The handler answered 2xx with a body that is not a JSON object of content type application/json.
    #[error("the handler's answer is not a valid invocation result: {0}")]
    Invalid(String),
}
