//! TLS, and the HTTP client for all but Foundry: sign-in, the store, telemetry; and one that knows no proxy, for managed
//! identities. Foundry has [`connections`](super::connections) of its own.

use std::{fs, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::client::{USER_AGENT, full_text};
use crate::config::ConfigError;

/// How long an idle connection is kept; below the 60 s after which load balancers are known to drop theirs.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Builds the client: bundled certificate authorities (reading the system's costs 3 to 6 ms of every start),
/// those of `certificate_file` beside them, HTTP/1.1, no redirects.
///
/// HTTP/2 would put every stream on one connection, where the 101st waits without a word for another to end.
pub fn build(
    connect_timeout: Duration,
    certificate_file: Option<&Path>,
) -> Result<reqwest::Client, ConfigError> {
    builder(connect_timeout, certificate_file)?
        .build()
        .map_err(|error| broken(&error))
}

/// Builds a client that goes straight to where it is sent, whatever proxy the environment names: for what is on this
/// machine or this network, and is secret.
pub fn build_without_proxy(connect_timeout: Duration) -> Result<reqwest::Client, ConfigError> {
    builder(connect_timeout, None)?
        .no_proxy()
        .build()
        .map_err(|error| broken(&error))
}

fn broken(error: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::invalid(
        "SSL_CERT_FILE",
        format!("the TLS client cannot be set up: {error}"),
    )
}

fn builder(
    connect_timeout: Duration,
    certificate_file: Option<&Path>,
) -> Result<reqwest::ClientBuilder, ConfigError> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(certificate_file)?)
        .http1_only()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(USER_AGENT))
}

/// TLS for all connections of the process: bundled certificate authorities, and those of `certificate_file`.
pub fn tls(certificate_file: Option<&Path>) -> Result<ClientConfig, ConfigError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.into(),
    };
    if let Some(path) = certificate_file {
        add_certificates(path, &mut roots).map_err(|problem| {
            ConfigError::invalid("SSL_CERT_FILE", format!("{}: {problem}", path.display()))
        })?;
    }
    let provider = Arc::new(ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

/// Why a body is not read whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWhole {
    /// The connection broke, or what came over it is no HTTP.
    #[error("{0}")]
    BrokenOff(String),
    /// It is larger than it may be.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// The most bytes that are read.
        limit: usize,
    },
}

/// Reads a body whole, unless it has more than `limit` bytes.
pub(crate) async fn read_at_most(
    response: reqwest::Response,
    limit: usize,
) -> Result<Vec<u8>, NotWhole> {
    let body = response.bytes_stream().map_err(|error| full_text(&error));
    read_stream_at_most(body, limit).await
}

/// The same of a body whose errors are told in full.
pub(super) async fn read_stream_at_most(
    mut body: impl Stream<Item = Result<Bytes, String>> + Unpin,
    limit: usize,
) -> Result<Vec<u8>, NotWhole> {
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(NotWhole::BrokenOff)?;
        if limit < whole.len() + chunk.len() {
            return Err(NotWhole::TooLarge { limit });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

fn add_certificates(path: &Path, roots: &mut RootCertStore) -> Result<(), String> {
    let pem = fs::read(path).map_err(|error| format!("the file cannot be read ({error})"))?;
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("it is not PEM ({error})"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate cannot be used ({error})"))?;
        added += 1;
    }
    if added == 0 {
        return Err("it holds no certificate".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_file_that_is_none_is_named() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let error = build(Duration::from_secs(1), Some(file))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("SSL_CERT_FILE") && error.contains("no certificate"),
            "{error}"
        );
        let missing = Path::new("/does/not/exist.pem");
        assert!(build(Duration::from_secs(1), Some(missing)).is_err());
    }
}
