//! From the configured credential to a source of tokens, over the process's own HTTP client.

use std::{sync::Arc, time::Duration};

use azure_core::{
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use secrecy::ExposeSecret;
use tokio_util::task::TaskTracker;

use super::token::{CachedTokens, StaticToken, TokenSource};
use crate::config::{
    ConfigError,
    identity::{CredentialConfig, IdentityConfig},
};

/// Builds the token source of the configuration; nothing is sent yet.
pub fn token_source(
    config: &IdentityConfig,
    http: &reqwest::Client,
    tasks: &TaskTracker,
) -> Result<Arc<dyn TokenSource>, ConfigError> {
    if let CredentialConfig::StaticToken(token) = &config.credential {
        let token = StaticToken::new(token).map_err(|_| {
            ConfigError::invalid(
                "FOUNDRY_ACCESS_TOKEN",
                "a token has only visible ASCII characters",
            )
        })?;
        return Ok(Arc::new(token));
    }
    let credential = credential(&config.credential, http)?;
    Ok(Arc::new(CachedTokens::new(
        credential,
        config.scope.clone(),
        tasks.clone(),
    )))
}

fn credential(
    config: &CredentialConfig,
    http: &reqwest::Client,
) -> Result<Arc<dyn TokenCredential>, ConfigError> {
    let built: azure_core::Result<Arc<dyn TokenCredential>> = match config {
        CredentialConfig::ServicePrincipalSecret {
            tenant_id,
            client_id,
            client_secret,
        } => ClientSecretCredential::new(
            tenant_id,
            client_id.clone(),
            Secret::new(client_secret.expose_secret().to_owned()),
            Some(ClientSecretCredentialOptions {
                client_options: client_options(http),
            }),
        )
        .map(|credential| credential as _),
        CredentialConfig::WorkloadIdentity {
            tenant_id,
            client_id,
            token_file,
        } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
            client_id: Some(client_id.clone()),
            tenant_id: Some(tenant_id.clone()),
            token_file_path: Some(token_file.clone()),
            credential_options: ClientAssertionCredentialOptions {
                client_options: client_options(http),
            },
        }))
        .map(|credential| credential as _),
        CredentialConfig::ManagedIdentity { client_id } => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options: client_options(http),
            }))
            .map(|credential| credential as _)
        }
        CredentialConfig::DeveloperTools | CredentialConfig::StaticToken(_) => {
            DeveloperToolsCredential::new(None).map(|credential| credential as _)
        }
    };
    built.map_err(|error| {
        let setting = match config {
            CredentialConfig::ServicePrincipalSecret { .. } => "AZURE_TENANT_ID",
            CredentialConfig::WorkloadIdentity { .. } => "AZURE_FEDERATED_TOKEN_FILE",
            _ => "FOUNDRY_CREDENTIAL",
        };
        ConfigError::invalid(
            setting,
            format!("the {} credential cannot be set up: {error}", config.kind()),
        )
    })
}

/// Few and quick retries: a request is waiting.
fn client_options(http: &reqwest::Client) -> ClientOptions {
    ClientOptions {
        transport: Some(Transport::new(Arc::new(http.clone()))),
        retry: RetryOptions::exponential(azure_core::http::ExponentialRetryOptions {
            max_retries: 2,
            initial_delay: azure_core::time::Duration::milliseconds(200),
            max_total_elapsed: azure_core::time::Duration::seconds(10),
            ..Default::default()
        }),
        ..ClientOptions::default()
    }
}

/// Bounds a sign-in, retries included.
pub(super) const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(20);
