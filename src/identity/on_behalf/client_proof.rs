//! How the gateway's application shows Entra that it is itself: by its secret, or by an assertion that somebody trusted
//! has signed.

use std::{fmt, fs, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use azure_core::{Error, error::ErrorKind, http::ClientMethodOptions};
use azure_identity::ClientAssertion;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::task::TaskTracker;

use crate::{
    config::{ConfigError, callers::upstream::ExchangeConfig, identity::CredentialConfig},
    identity::{Identity, TokenSource, certificate::CertificateFile},
};

/// What says that an assertion is a token ("Certificate credentials", and RFC 7523).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The proof of one application.
pub(super) enum ClientProof {
    Secret(SecretString),
    Assertion(Arc<dyn ClientAssertion>),
}

impl fmt::Debug for ClientProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientProof")
    }
}

impl ClientProof {
    /// The proof that the gateway's own identity allows; `None` where it allows none.
    pub(super) fn new(
        config: &ExchangeConfig,
        http: &reqwest::Client,
        tasks: &TaskTracker,
    ) -> Result<Option<Self>, ConfigError> {
        let authority = &config.identity.authority_host;
        Ok(Some(match &config.identity.credential {
            CredentialConfig::ServicePrincipalSecret { client_secret, .. } => {
                Self::Secret(client_secret.clone())
            }
            CredentialConfig::ServicePrincipalCertificate {
                tenant_id,
                client_id,
                certificate_file,
            } => Self::Assertion(Arc::new(CertificateFile::new(
                certificate_file,
                client_id,
                authority,
                tenant_id,
            ))),
            CredentialConfig::WorkloadIdentity { token_file, .. } => {
                Self::Assertion(Arc::new(FederatedTokenFile(token_file.clone())))
            }
            CredentialConfig::ManagedIdentity { .. } => {
                let identity = Identity::new(&config.identity, http, tasks)?;
                let scope = exchange_scope(authority.host_str().unwrap_or_default());
                Self::Assertion(Arc::new(ManagedIdentityToken(identity.tokens(scope))))
            }
            CredentialConfig::StaticToken(_) | CredentialConfig::DeveloperTools => return Ok(None),
        }))
    }

    /// The fields of a token request that hold it.
    pub(super) async fn fields(&self) -> azure_core::Result<Vec<(&'static str, String)>> {
        Ok(match self {
            Self::Secret(secret) => vec![("client_secret", secret.expose_secret().to_owned())],
            Self::Assertion(assertion) => vec![
                ("client_assertion_type", ASSERTION_TYPE.to_owned()),
                ("client_assertion", assertion.secret(None).await?),
            ],
        })
    }
}

/// What a managed identity's token must be for, to vouch for an application ("Configure an application to trust a
/// managed identity"); each cloud has its own.
fn exchange_scope(authority_host: &str) -> &'static str {
    match authority_host.rsplit('.').next() {
        Some("us") => "api://AzureADTokenExchangeUSGov/.default",
        Some("cn") => "api://AzureADTokenExchangeChina/.default",
        _ => "api://AzureADTokenExchange/.default",
    }
}

/// A file with a federated token, read anew each time.
#[derive(Debug)]
struct FederatedTokenFile(PathBuf);

#[async_trait]
impl ClientAssertion for FederatedTokenFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let text = fs::read_to_string(&self.0).map_err(|error| {
            Error::with_message(
                ErrorKind::Credential,
                format!("the federated token cannot be read: {error}"),
            )
        })?;
        Ok(text.trim().to_owned())
    }
}

/// A token of the managed identity, as a federated credential of the application trusts it.
#[derive(Debug)]
struct ManagedIdentityToken(Arc<dyn TokenSource>);

#[async_trait]
impl ClientAssertion for ManagedIdentityToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let failed = |detail: String| Error::with_message(ErrorKind::Credential, detail);
        let header = self.0.authorization().await;
        let header = header.map_err(|failure| failed(failure.detail.unwrap_or(failure.message)))?;
        let token = header
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| failed("the managed identity gave no token".to_owned()))?;
        Ok(token.to_owned())
    }
}
