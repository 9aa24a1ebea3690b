//! Where the gateway listens.

use std::net::{Ipv4Addr, SocketAddr};

use super::{ConfigError, Environment};

/// The address to bind: always the IPv4 loopback, because the Functions host proxies to `127.0.0.1`.
#[derive(Debug, Clone)]
pub struct ListenConfig {
    /// `127.0.0.1` and the port of `FUNCTIONS_CUSTOMHANDLER_PORT`, else of `PORT`, else 8080; 0 picks a free port.
    pub address: SocketAddr,
    /// Whether the Functions host started this process (it sets `FUNCTIONS_CUSTOMHANDLER_PORT`).
    pub under_functions_host: bool,
}

impl ListenConfig {
    /// Reads `FUNCTIONS_CUSTOMHANDLER_PORT` and `PORT`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let under_functions_host = environment.get("FUNCTIONS_CUSTOMHANDLER_PORT").is_some();
        let setting = if under_functions_host {
            "FUNCTIONS_CUSTOMHANDLER_PORT"
        } else {
            "PORT"
        };
        let port = environment.number(setting, 8080, 0..=u16::MAX)?;
        Ok(Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            under_functions_host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_port_wins_over_port() {
        let environment =
            Environment::from_iter([("FUNCTIONS_CUSTOMHANDLER_PORT", "7000"), ("PORT", "8000")]);
        let listen = ListenConfig::from_environment(&environment).unwrap();
        assert_eq!(listen.address.to_string(), "127.0.0.1:7000");
        assert!(listen.under_functions_host);
    }

    #[test]
    fn the_default_port_is_8080() {
        let listen = ListenConfig::from_environment(&Environment::default()).unwrap();
        assert_eq!(listen.address.to_string(), "127.0.0.1:8080");
    }
}
