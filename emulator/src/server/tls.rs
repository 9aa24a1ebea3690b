//! HTTPS with a certificate authority made for this run.
//!
//! The official SDKs refuse to send a bearer token over plain HTTP. With the authority's certificate in
//! `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE` or `NODE_EXTRA_CA_CERTS` they work unmodified.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Accepts TLS connections for `127.0.0.1` and `localhost`.
#[derive(Clone)]
pub(crate) struct Acceptor {
    inner: TlsAcceptor,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

impl Acceptor {
    /// Makes an authority and a server certificate; returns the authority's certificate as PEM text too.
    pub(crate) fn generate() -> io::Result<(Acceptor, String)> {
        let authority_key = KeyPair::generate().map_err(io::Error::other)?;
        let mut authority = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        authority
            .distinguished_name
            .push(DnType::CommonName, "foundry-emulator authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_certificate = authority
            .self_signed(&authority_key)
            .map_err(io::Error::other)?;
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate().map_err(io::Error::other)?;
        let mut server =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
                .map_err(io::Error::other)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "foundry-emulator");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.use_authority_key_identifier_extension = true;
        let server_certificate = server
            .signed_by(&server_key, &issuer)
            .map_err(io::Error::other)?;

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![server_certificate.der().clone()],
                PrivateKeyDer::from(server_key),
            )
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = Acceptor {
            inner: TlsAcceptor::from(Arc::new(config)),
        };
        Ok((acceptor, authority_certificate.pem()))
    }

    /// The server's side of a handshake.
    pub(crate) async fn accept<C: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: C,
    ) -> io::Result<TlsStream<C>> {
        self.inner.accept(connection).await
    }
}
