//! How a test asks for a stand-in.

use std::{path::PathBuf, str::FromStr};

/// Everything that can be chosen about one [`Host`](crate::Host).
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The folder with host.json, the function folders and the executable.
    pub app_root: PathBuf,
    /// Port of the stand-in on 127.0.0.1; 0, the default, takes a free one.
    pub port: u16,
    /// App settings: environment variables added to (and winning over) the parent environment.
    ///
    /// As in Azure, `AzureFunctionsJobHost__customHandler__...` overrides the key of host.json, and
    /// `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` (bytes) the size of request bodies.
    pub environment: Vec<(String, String)>,
    /// What the handler inherits besides; the whole environment of this process by default, as in Azure.
    pub parent_environment: ParentEnvironment,
    /// Whom the handler runs as; this process's own user by default. Only root can choose another.
    pub user: Option<User>,
    /// Divides every time the host waits for (see [`crate`]); 1, the default, is real time. 0 counts as 1.
    ///
    /// The 25 ms of the readiness poll and the delays between attempts to reach the handler stay as they are.
    pub time_scale: u32,
    /// Whether the platform's front end stands before the host; absent by default.
    pub front_end: FrontEnd,
    /// The key that functions of `authLevel` function or admin ask for, `function-key` by default.
    pub function_key: String,
    /// Repeats log lines on the console as they come, off by default.
    ///
    /// The handler's stderr goes to stderr, everything else to stdout: an empty stderr is a quiet handler.
    pub echo_logs: bool,
}

impl HostOptions {
    /// The defaults for the app in `app_root`.
    pub fn new(app_root: impl Into<PathBuf>) -> Self {
        Self {
            app_root: app_root.into(),
            port: 0,
            environment: Vec::new(),
            parent_environment: ParentEnvironment::Inherited,
            user: None,
            time_scale: 1,
            front_end: FrontEnd::Absent,
            function_key: "function-key".to_owned(),
            echo_logs: false,
        }
    }

    /// Adds an app setting.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// The environment that the handler's own variables and the app settings are added to.
#[derive(Clone, Debug)]
pub enum ParentEnvironment {
    /// The environment of this process.
    Inherited,
    /// Exactly these variables, so that nothing of the machine reaches the handler.
    Exactly(Vec<(String, String)>),
}

/// What stands between the client and the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEnd {
    /// Nothing: the client talks to the host, as with core-tools.
    Absent,
    /// Azure's front end: it adds its headers, and cuts a connection that is idle for 230 s with a 502.
    Azure,
}

/// A user of the operating system, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub uid: u32,
    /// The id of the only group that the user is in.
    pub gid: u32,
}

impl FromStr for User {
    type Err = String;

    /// Reads `UID:GID`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |(uid, gid): (&str, &str)| {
            Some(Self {
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
            })
        };
        let user = text.split_once(':').and_then(read);
        user.ok_or_else(|| "write it as two numbers, UID:GID".to_owned())
    }
}
