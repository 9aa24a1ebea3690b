//! Every duration of the host in one place, already divided by the time scale.

use std::time::Duration;

/// The real durations, with what the reference of each is.
mod real {
    use std::time::Duration;

    /// `ForwarderRequestConfig.ActivityTimeout` of the host's proxy.
    pub(super) const ACTIVITY: Duration = Duration::from_mins(4);
    /// The idle timeout of Azure's load balancer, which cannot be configured.
    pub(super) const FRONT_END_IDLE: Duration = Duration::from_secs(230);
    /// `SocketsHttpHandler.PooledConnectionIdleTimeout`, the default of .NET.
    pub(super) const POOLED_CONNECTION_IDLE: Duration = Duration::from_mins(1);
    /// How often the platform asks the host for its health, which becomes a `GET /` at the handler.
    pub(super) const PING_INTERVAL: Duration = Duration::from_secs(10);
    /// An error that comes later than this after the one before clears the crash count.
    pub(super) const CRASH_WINDOW: Duration = Duration::from_mins(30);
    /// What the host's HTTP client waits beyond `functionTimeout`.
    pub(super) const BEYOND_FUNCTION_TIMEOUT: Duration = Duration::from_mins(1);
    /// A request is held for `ErrorEventsThreshold + 1` initialization timeouts.
    pub(super) const HELD_INITIALIZATIONS: u32 = 4;
}

/// The durations of one stand-in.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// How long neither side of a proxied request may be silent.
    pub(crate) activity: Duration,
    /// The same at Azure's front end.
    pub(crate) front_end_idle: Duration,
    /// How long an idle connection to the handler may be used again.
    pub(crate) pooled_connection_idle: Duration,
    /// From one `GET /` to the next once the handler is ready.
    pub(crate) ping_interval: Duration,
    /// See [`real::CRASH_WINDOW`].
    pub(crate) crash_window: Duration,
    /// How long the handler may take to become ready.
    pub(crate) initialization: Duration,
    /// How long a request waits for a handler that is not ready.
    pub(crate) hold: Duration,
    /// How long an invocation may take; `None` is for ever.
    pub(crate) function: Option<Duration>,
    /// How long the host's own HTTP client waits for an answer; `None` is for ever.
    pub(crate) client: Option<Duration>,
}

impl Times {
    /// Divides all by `scale`, where 0 counts as 1.
    pub(crate) fn new(initialization: Duration, function: Option<Duration>, scale: u32) -> Self {
        let scale = scale.max(1);
        Self {
            activity: real::ACTIVITY / scale,
            front_end_idle: real::FRONT_END_IDLE / scale,
            pooled_connection_idle: real::POOLED_CONNECTION_IDLE / scale,
            ping_interval: real::PING_INTERVAL / scale,
            crash_window: real::CRASH_WINDOW / scale,
            initialization: initialization / scale,
            hold: initialization * real::HELD_INITIALIZATIONS / scale,
            function: function.map(|limit| limit / scale),
            client: function.map(|limit| (limit + real::BEYOND_FUNCTION_TIMEOUT) / scale),
        }
    }
}
