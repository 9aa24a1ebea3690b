//! How an emulator is started.

use crate::behaviour::Behaviour;

/// How an emulator is started; the default is plain HTTP on any free port.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Serve HTTPS, with a certificate of an authority made for this run.
    #[cfg(feature = "tls")]
    pub tls: bool,
    /// The only bearer token that is accepted. `None`: any token, except `wrong-audience` and `no-permission`.
    pub access_token: Option<String>,
    /// The behaviour at the start.
    pub behaviour: Behaviour,
    /// Hands the thinking of the agents to this server. `None`: the built-in rules think.
    #[cfg(feature = "model-server")]
    pub model_server: Option<crate::ModelServer>,
}
