//! From the configured credential to sources of tokens, one for each scope, over the process's own HTTP client.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, DeveloperToolsCredential, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use secrecy::ExposeSecret;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{
    certificate::CertificateFile,
    token::{CachedTokens, StaticToken, TokenSource},
    transport::BoundedTransport,
};
use crate::{
    config::{
        ConfigError,
        identity::{CredentialConfig, CredentialKind, IdentityConfig},
    },
    foundry::http_client,
};

/// One identity of the gateway: what its tokens of every scope share.
#[derive(Debug, Clone)]
pub struct Identity {
    kind: CredentialKind,
    client_id: Option<String>,
    tokens: Tokens,
    tasks: TaskTracker,
}

#[derive(Debug, Clone)]
enum Tokens {
    Static(Arc<StaticToken>),
    Of(Arc<SignIn>),
}

impl Identity {
    /// The identity of the configuration; nothing is sent yet. `http` goes through a proxy where the environment
    /// names one; a managed identity is asked for on this machine or this network, so never through a proxy.
    pub fn new(
        config: &IdentityConfig,
        http: &reqwest::Client,
        tasks: &TaskTracker,
    ) -> Result<Self, ConfigError> {
        let credential = &config.credential;
        let tokens = match credential {
            CredentialConfig::StaticToken(token) => {
                let token = StaticToken::new(token).map_err(|_| {
                    let problem = "a token has only visible ASCII characters";
                    ConfigError::invalid("FOUNDRY_ACCESS_TOKEN", problem)
                })?;
                Tokens::Static(Arc::new(token))
            }
            CredentialConfig::ManagedIdentity { .. } => Tokens::Of(Arc::new(SignIn {
                config: config.clone(),
                http: http_client::build_without_proxy(CONNECT_TIMEOUT)?,
            })),
            _ => Tokens::Of(Arc::new(SignIn {
                config: config.clone(),
                http: http.clone(),
            })),
        };
        Ok(Self {
            kind: credential.kind(),
            client_id: credential.client_id().map(str::to_owned),
            tokens,
            tasks: tasks.clone(),
        })
    }

    /// Tokens for `scope`, such as `https://storage.azure.com/.default`. A static token is the same for every scope,
    /// and good for one only: see [`Identity::opens_foundry_only`].
    pub fn tokens(&self, scope: &str) -> Arc<dyn TokenSource> {
        match &self.tokens {
            Tokens::Static(token) => Arc::clone(token) as _,
            Tokens::Of(sign_in) => Arc::new(CachedTokens::new(
                Arc::clone(sign_in) as _,
                scope.to_owned(),
                self.tasks.clone(),
            )),
        }
    }

    /// Whether it is a token that somebody fetched for Foundry, and no other service takes.
    pub fn opens_foundry_only(&self) -> bool {
        matches!(self.tokens, Tokens::Static(_))
    }

    /// The word for its kind in logs and in `/readyz`.
    pub fn kind(&self) -> &'static str {
        self.kind.word()
    }

    /// Its application (client) id, which is no secret.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }
}

/// Signs in anew whenever it is asked: `azure_identity` keeps tokens itself, and knows no way to have it forget one
/// that was refused. Keeping is done by [`CachedTokens`].
struct SignIn {
    config: IdentityConfig,
    http: reqwest::Client,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignIn")
            .field("kind", &self.config.credential.kind())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for SignIn {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.credential()?.get_token(scopes, options).await
    }
}

impl SignIn {
    fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let client_options = client_options(&self.http, &self.config.authority_host);
        Ok(match &self.config.credential {
            CredentialConfig::ServicePrincipalSecret {
                tenant_id,
                client_id,
                client_secret,
            } => ClientSecretCredential::new(
                tenant_id,
                client_id.clone(),
                Secret::new(client_secret.expose_secret().to_owned()),
                Some(ClientSecretCredentialOptions { client_options }),
            )?,
            CredentialConfig::ServicePrincipalCertificate {
                tenant_id,
                client_id,
                certificate_file,
            } => ClientAssertionCredential::new(
                tenant_id.clone(),
                client_id.clone(),
                CertificateFile::new(
                    certificate_file,
                    client_id,
                    &self.config.authority_host,
                    tenant_id,
                ),
                Some(ClientAssertionCredentialOptions { client_options }),
            )?,
            CredentialConfig::WorkloadIdentity {
                tenant_id,
                client_id,
                token_file,
            } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                client_id: Some(client_id.clone()),
                tenant_id: Some(tenant_id.clone()),
                token_file_path: Some(token_file.clone()),
                credential_options: ClientAssertionCredentialOptions { client_options },
            }))?,
            CredentialConfig::ManagedIdentity { client_id } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options,
                }))?
            }
            CredentialConfig::DeveloperTools | CredentialConfig::StaticToken(_) => {
                DeveloperToolsCredential::new(None)?
            }
        })
    }
}

/// Few and quick retries: a request is waiting.
fn client_options(http: &reqwest::Client, authority_host: &Url) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    authority_host
        .as_str()
        .clone_into(&mut cloud.authority_host);
    ClientOptions {
        transport: Some(Transport::new(Arc::new(BoundedTransport::over(
            http.clone(),
        )))),
        cloud: Some(Arc::new(CloudConfiguration::from(cloud))),
        retry: RetryOptions::exponential(azure_core::http::ExponentialRetryOptions {
            max_retries: 2,
            initial_delay: azure_core::time::Duration::milliseconds(200),
            max_total_elapsed: azure_core::time::Duration::seconds(10),
            ..Default::default()
        }),
        ..ClientOptions::default()
    }
}

/// For the endpoint of a managed identity, which is near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Bounds a sign-in, retries included.
pub(super) const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(20);
