//! A stand-in for the Azure Functions host, for tests of a custom handler.
//!
//! It reads a function app (host.json and a function.json per function), starts the handler as the real host does,
//! and fronts it on 127.0.0.1 with the same rewriting, holding, cutting, retrying and killing. A handler that passes
//! behind it has met what it will meet in Azure. `README.md` of this crate says what is copied, and what is not.
//!
//! # The way of a request
//! `listener` accepts it, `dispatch` finds the function (`routing`, `config`) and holds it until `supervisor` says
//! that the handler is ready; then `proxy` streams it over a connection of `upstream`, or `forward` or `envelope`
//! hands it over in one of the host's other two modes.
//!
//! # Times
//! [`HostOptions::time_scale`] divides every time of the host: 240 s of silence in a proxied exchange, 230 s at the
//! front end, `functionTimeout`, `initializationTimeout` and the four of them that a request is held, 60 s of idle
//! connections, 10 s between pings, 30 minutes of the crash count.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), functions_host::HostError> {
//! use functions_host::{Host, HostOptions};
//!
//! let host = Host::start(HostOptions::new("app").setting("GREETING", "hello")).await?;
//! println!("http://{}", host.address());
//! assert!(host.errors().is_empty());
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod app_root;
mod config;
mod dispatch;
mod envelope;
mod environment;
mod error;
mod forward;
mod host;
mod identifiers;
mod listener;
mod logs;
mod options;
mod package;
mod probe;
mod process;
mod proxy;
mod routing;
mod supervisor;
mod times;
mod upstream;

pub use error::{ConfigError, HostError, InvocationError};
pub use host::Host;
pub use logs::{LogLevel, LogLine, LogStream};
pub use options::{FrontEnd, HostOptions, ParentEnvironment, User};
pub use package::UnpackedPackage;

/// The version of the host that the stand-in copies, in `X-Azure-Functions-HostVersion`.
pub const HOST_VERSION: &str = "4.1048.0";

/// The user agent of the host's own requests.
const USER_AGENT_OF_HOST: &str = "Azure-Functions-Host/4.1048.0";
