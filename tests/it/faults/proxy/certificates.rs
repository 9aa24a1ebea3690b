//! Certificates for 127.0.0.1, good and bad.

use std::sync::{Arc, OnceLock};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// One certificate, its own authority.
pub(super) struct Certificate {
    pub(super) acceptor: TlsAcceptor,
    pem: String,
}

pub(super) struct Certificates {
    good: Certificate,
    pub(super) of_another_name: Certificate,
    pub(super) expired: Certificate,
    pub(super) of_unknown_authority: Certificate,
}

/// Made once; keys take a while.
pub(super) fn certificates() -> &'static Certificates {
    static MADE: OnceLock<Certificates> = OnceLock::new();
    MADE.get_or_init(|| Certificates {
        good: certificate("127.0.0.1", 2096),
        of_another_name: certificate("elsewhere.example", 2096),
        expired: certificate("127.0.0.1", 2001),
        of_unknown_authority: certificate("127.0.0.1", 2096),
    })
}

/// The server's side of a handshake that goes well.
pub(super) fn good() -> &'static TlsAcceptor {
    &certificates().good.acceptor
}

/// Whom the gateway trusts, as PEM text: all but one.
pub(in crate::faults) fn trusted_certificates() -> String {
    let made = certificates();
    [&made.good, &made.of_another_name, &made.expired]
        .map(|certificate| certificate.pem.as_str())
        .concat()
}

fn certificate(name: &str, until_year: i32) -> Certificate {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(until_year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(key))
        .unwrap();
    Certificate {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        pem: certificate.pem(),
    }
}
