//! Every bound on time, size and number that an operator may want to move.

use std::time::Duration;

use super::{ConfigError, Environment};

/// The bounds, each with its default and why it is that.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// `GATEWAY_CONNECT_TIMEOUT_SECONDS`: opening a connection to Foundry; default 5.
    pub connect: Duration,
    /// `GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS`: until Foundry's response headers; default 100.
    pub first_byte: Duration,
    /// `GATEWAY_IDLE_TIMEOUT_SECONDS`: between two reads of an upstream stream; default 180,
    /// because tools of an agent can be silent for minutes.
    pub between_bytes: Duration,
    /// `GATEWAY_STREAM_TIMEOUT_SECONDS`: a whole streaming answer; default 540,
    /// below the 10 minutes of `functionTimeout` in host.json, at which the host kills the process.
    pub stream_total: Duration,
    /// `GATEWAY_RESPONSE_TIMEOUT_SECONDS`: a whole non-streaming answer; default 220,
    /// below the 230 seconds at which Azure's front end cuts a silent request.
    pub response_total: Duration,
    /// `GATEWAY_HEARTBEAT_SECONDS`: longest silence towards a streaming client; default 15.
    pub heartbeat: Duration,
    /// `GATEWAY_COMMIT_SECONDS`: silence after which a streaming answer gives up the chance of an HTTP error
    /// status and sends its headers; default 10.
    pub commit: Duration,
    /// `GATEWAY_HEADER_TIMEOUT_SECONDS`: a client's request headers, and an idle connection; default 90.
    /// It must exceed the 60 seconds for which the Functions host keeps idle connections, or the host would
    /// send requests into closing ones.
    pub request_headers: Duration,
    /// `GATEWAY_BODY_TIMEOUT_SECONDS`: a client's request body; default 60.
    pub request_body: Duration,
    /// `GATEWAY_WRITE_TIMEOUT_SECONDS`: how long a client may take nothing of an answer that is ready for it;
    /// default 60. A client that takes a little now and then is bounded by the other limits.
    pub response_write: Duration,
    /// `GATEWAY_MAX_BODY_BYTES`: size of a request body; default 32 MiB.
    pub request_body_bytes: usize,
    /// `GATEWAY_MAX_ANSWER_BYTES`: size of an agent's answer as the service writes it, with some two hundred bytes
    /// around every few letters; default 256 MiB.
    pub answer_bytes: usize,
    /// `GATEWAY_MAX_CONCURRENT_REQUESTS`: answers in the making; default 512.
    pub concurrent_requests: usize,
    /// `GATEWAY_MAX_CONNECTIONS`: connections of clients, idle ones included; default 4096. Each needs little more
    /// than a socket.
    pub connections: usize,
    /// `GATEWAY_SHUTDOWN_SECONDS`: how long open answers may take after SIGTERM; default 25.
    pub shutdown: Duration,
}

impl LimitsConfig {
    /// Reads the settings named at the fields.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const SHORTEST: f64 = 0.05;
        const HOUR: f64 = 3600.0;
        Ok(Self {
            connect: environment.seconds(
                "GATEWAY_CONNECT_TIMEOUT_SECONDS",
                5.0,
                SHORTEST..=HOUR,
            )?,
            first_byte: environment.seconds(
                "GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS",
                100.0,
                SHORTEST..=HOUR,
            )?,
            between_bytes: environment.seconds(
                "GATEWAY_IDLE_TIMEOUT_SECONDS",
                180.0,
                SHORTEST..=HOUR,
            )?,
            stream_total: environment.seconds(
                "GATEWAY_STREAM_TIMEOUT_SECONDS",
                540.0,
                SHORTEST..=24.0 * HOUR,
            )?,
            response_total: environment.seconds(
                "GATEWAY_RESPONSE_TIMEOUT_SECONDS",
                220.0,
                SHORTEST..=HOUR,
            )?,
            heartbeat: environment.seconds("GATEWAY_HEARTBEAT_SECONDS", 15.0, SHORTEST..=HOUR)?,
            commit: environment.seconds("GATEWAY_COMMIT_SECONDS", 10.0, SHORTEST..=HOUR)?,
            request_headers: environment.seconds(
                "GATEWAY_HEADER_TIMEOUT_SECONDS",
                90.0,
                SHORTEST..=HOUR,
            )?,
            request_body: environment.seconds(
                "GATEWAY_BODY_TIMEOUT_SECONDS",
                60.0,
                SHORTEST..=HOUR,
            )?,
            response_write: environment.seconds(
                "GATEWAY_WRITE_TIMEOUT_SECONDS",
                60.0,
                SHORTEST..=HOUR,
            )?,
            request_body_bytes: environment.number(
                "GATEWAY_MAX_BODY_BYTES",
                32 << 20,
                1024..=1 << 30,
            )?,
            answer_bytes: environment.number(
                "GATEWAY_MAX_ANSWER_BYTES",
                256 << 20,
                1024..=1 << 30,
            )?,
            concurrent_requests: environment.number(
                "GATEWAY_MAX_CONCURRENT_REQUESTS",
                512,
                1..=100_000,
            )?,
            connections: environment.number("GATEWAY_MAX_CONNECTIONS", 4096, 1..=1_000_000)?,
            shutdown: environment.seconds("GATEWAY_SHUTDOWN_SECONDS", 25.0, 0.0..=HOUR)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_stay_below_what_the_platform_cuts() {
        let limits = LimitsConfig::from_environment(&Environment::default()).unwrap();
        assert!(limits.response_total < Duration::from_secs(230));
        assert!(limits.stream_total < Duration::from_secs(600));
        assert!(limits.request_headers > Duration::from_secs(75));
        assert!(limits.heartbeat <= Duration::from_secs(15));
        assert!(limits.commit <= Duration::from_secs(10));
    }

    #[test]
    fn seconds_may_be_fractions() {
        let environment = Environment::from_iter([("GATEWAY_HEARTBEAT_SECONDS", "0.25")]);
        let limits = LimitsConfig::from_environment(&environment).unwrap();
        assert_eq!(limits.heartbeat, Duration::from_millis(250));
    }

    fn read(setting: &str, value: &str) -> Result<LimitsConfig, ConfigError> {
        LimitsConfig::from_environment(&Environment::from_iter([(setting, value)]))
    }

    #[test]
    fn a_stream_may_last_a_day_and_an_answer_an_hour() {
        assert!(read("GATEWAY_STREAM_TIMEOUT_SECONDS", "86400").is_ok());
        assert!(read("GATEWAY_STREAM_TIMEOUT_SECONDS", "86401").is_err());
        assert!(read("GATEWAY_RESPONSE_TIMEOUT_SECONDS", "3600").is_ok());
        assert!(read("GATEWAY_RESPONSE_TIMEOUT_SECONDS", "3601").is_err());
    }

    #[test]
    fn a_body_may_have_32_mebibytes_and_a_gibibyte_where_that_is_asked_for() {
        let most = |value| read("GATEWAY_MAX_BODY_BYTES", value).map(|it| it.request_body_bytes);
        assert_eq!(most(""), Ok(33_554_432));
        assert_eq!(most("1073741824"), Ok(1_073_741_824));
        assert!(most("1073741825").is_err());
    }

    #[test]
    fn an_answer_may_have_256_mebibytes_and_a_gibibyte_where_that_is_asked_for() {
        let most = |value| read("GATEWAY_MAX_ANSWER_BYTES", value).map(|it| it.answer_bytes);
        assert_eq!(most(""), Ok(268_435_456));
        assert_eq!(most("1073741824"), Ok(1_073_741_824));
        assert!(most("1073741825").is_err());
    }
}
