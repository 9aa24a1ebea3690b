//! A service principal's certificate, and what it signs: the assertion that stands for a client secret.
//!
//! `azure_identity` has such a credential for OpenSSL only; here rustls and ring do the same.
//! Source of the format: "Microsoft identity platform application authentication certificate credentials".

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::{
    InconsistentKeys, SignatureScheme,
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, Signer},
};
use serde::Serialize;
use url::Url;

use crate::random_id::random_id;

/// How long an assertion is valid: as long as Microsoft's own clients make it.
const ASSERTION_SECONDS: u64 = 300;

/// A certificate with its RSA key.
pub struct ClientCertificate {
    certified: CertifiedKey,
    /// SHA-1 of the certificate in base64url, by which the tenant finds it (`x5t`).
    thumbprint: String,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientCertificate")
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

impl ClientCertificate {
    /// Reads a PEM file with the certificate (the first one, where there is a chain) and its key, in any order.
    /// The error says what is wrong and what to do.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let bytes =
            fs::read(path).map_err(|error| format!("the file {shown} cannot be read ({error})"))?;
        Self::parse(&bytes).map_err(|problem| format!("the file {shown}: {problem}"))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        const CONVERT: &str = "openssl pkcs12 -in app.pfx -nodes -out app.pem";
        // PKCS#12 is DER: a sequence.
        if bytes.first() == Some(&0x30) {
            return Err(format!(
                "it is PKCS#12 (PFX) or DER, and PEM is needed; convert it: {CONVERT}"
            ));
        }
        let pem = String::from_utf8_lossy(bytes);
        if pem.contains("ENCRYPTED") {
            return Err(format!(
                "its key is encrypted, and must not be; take the password off ({CONVERT}) and protect the file"
            ));
        }
        let certificate = CertificateDer::from_pem_slice(bytes)
            .map_err(|_| "it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned())?
            .into_owned();
        let key = PrivateKeyDer::from_pem_slice(bytes).map_err(|_| {
            "it holds no private key in PEM (-----BEGIN PRIVATE KEY-----); certificate and key belong into one file"
                .to_owned()
        })?;
        let key =
            any_supported_type(&key).map_err(|_| "its private key cannot be read".to_owned())?;
        let thumbprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        let certificate = Self {
            thumbprint: URL_SAFE_NO_PAD.encode(thumbprint),
            certified: CertifiedKey::new(vec![certificate], key),
        };
        certificate
            .signer()
            .ok_or("its private key is not an RSA key, which Entra asks for")?;
        // What rustls cannot say for want of understanding the certificate, Entra will.
        let mismatch = rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
        if certificate.certified.keys_match() == Err(mismatch) {
            return Err("its private key is not that of its first certificate".to_owned());
        }
        Ok(certificate)
    }

    fn signer(&self) -> Option<Box<dyn Signer>> {
        self.certified
            .key
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
    }

    /// The assertion (a JWT, RS256) that `client_id` shows `audience`, valid from `now`, in Unix seconds.
    fn assertion(&self, client_id: &str, audience: &str, now: u64) -> Result<String, String> {
        let header = encoded(&Header {
            alg: "RS256",
            typ: "JWT",
            x5t: &self.thumbprint,
        });
        let claims = encoded(&Claims {
            aud: audience,
            iss: client_id,
            sub: client_id,
            jti: &random_id(""),
            nbf: now,
            iat: now,
            exp: now + ASSERTION_SECONDS,
        });
        let message = format!("{header}.{claims}");
        let signer = self.signer().ok_or("the key is not an RSA key")?;
        let signature = signer
            .sign(message.as_bytes())
            .map_err(|error| format!("the assertion cannot be signed ({error})"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    x5t: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: &'a str,
    nbf: u64,
    iat: u64,
    exp: u64,
}

fn encoded(part: &impl Serialize) -> String {
    // Structs of text and numbers always serialise.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap_or_default())
}

/// Assertions of the certificate in a file, which is read anew for each: it may be replaced at any time.
#[derive(Debug)]
pub(super) struct CertificateFile {
    pub(super) path: PathBuf,
    pub(super) client_id: String,
    /// The token endpoint of the tenant.
    pub(super) audience: String,
}

impl CertificateFile {
    /// The certificate in `path` for an application of a tenant at an authority.
    pub(super) fn new(path: &Path, client_id: &str, authority_host: &Url, tenant_id: &str) -> Self {
        let host = authority_host.as_str().trim_end_matches('/');
        Self {
            path: path.to_owned(),
            client_id: client_id.to_owned(),
            audience: format!("{host}/{tenant_id}/oauth2/v2.0/token"),
        }
    }
}

#[async_trait]
impl ClientAssertion for CertificateFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs());
        ClientCertificate::read(&self.path)
            .and_then(|certificate| certificate.assertion(&self.client_id, &self.audience, now))
            .map_err(|problem| {
                azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, problem)
            })
    }
}

#[cfg(test)]
mod tests;
