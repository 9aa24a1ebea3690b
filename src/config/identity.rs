//! Who the gateway is towards Foundry: which credential, chosen by explicit rules.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{ConfigError, Environment};

/// The credential to sign in with, and the scope to ask a token for.
#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// Which credential.
    pub credential: CredentialConfig,
    /// `FOUNDRY_TOKEN_SCOPE`; default `https://ai.azure.com/.default`.
    pub scope: String,
}

/// A credential with everything it needs.
#[derive(Debug, Clone)]
pub enum CredentialConfig {
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`.
    ServicePrincipalSecret {
        /// Entra tenant, a GUID or a domain.
        tenant_id: String,
        /// Application (client) id.
        client_id: String,
        /// Client secret.
        client_secret: SecretString,
    },
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity {
        /// Entra tenant, a GUID or a domain.
        tenant_id: String,
        /// Application (client) id.
        client_id: String,
        /// File with the federated token, read anew for each sign-in.
        token_file: PathBuf,
    },
    /// `FOUNDRY_ACCESS_TOKEN`.
    StaticToken(SecretString),
    /// The managed identity of the Function App or virtual machine.
    ManagedIdentity {
        /// `AZURE_CLIENT_ID` selects a user-assigned identity; without it, the system-assigned one.
        client_id: Option<String>,
    },
    /// Azure CLI, then Azure Developer CLI.
    DeveloperTools,
}

impl CredentialConfig {
    /// The word for this kind in logs, in `/readyz` and in `FOUNDRY_CREDENTIAL`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ServicePrincipalSecret { .. } => "service-principal",
            Self::WorkloadIdentity { .. } => "workload-identity",
            Self::StaticToken(_) => "static-token",
            Self::ManagedIdentity { .. } => "managed-identity",
            Self::DeveloperTools => "developer-tools",
        }
    }

    /// The application (client) id, which is no secret.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ServicePrincipalSecret { client_id, .. }
            | Self::WorkloadIdentity { client_id, .. } => Some(client_id),
            Self::ManagedIdentity { client_id } => client_id.as_deref(),
            Self::StaticToken(_) | Self::DeveloperTools => None,
        }
    }
}

const DEFAULT_SCOPE: &str = "https://ai.azure.com/.default";

impl IdentityConfig {
    /// Picks the credential that `FOUNDRY_CREDENTIAL` names, or else the first whose settings are present:
    /// service principal, workload identity, static token, managed identity, developer tools.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const SETTING: &str = "FOUNDRY_CREDENTIAL";
        let credential = match environment.get(SETTING).unwrap_or("auto") {
            "auto" => first_with_settings(environment)?,
            "service-principal" => service_principal(environment)?,
            "workload-identity" => workload_identity(environment)?,
            "static-token" => static_token(environment)?,
            "managed-identity" => managed_identity(environment),
            "developer-tools" => CredentialConfig::DeveloperTools,
            _ => {
                return Err(ConfigError::invalid(
                    SETTING,
                    "write auto, service-principal, workload-identity, static-token, managed-identity or developer-tools",
                ));
            }
        };
        Ok(Self {
            credential,
            scope: environment
                .get("FOUNDRY_TOKEN_SCOPE")
                .unwrap_or(DEFAULT_SCOPE)
                .to_owned(),
        })
    }
}

fn first_with_settings(environment: &Environment) -> Result<CredentialConfig, ConfigError> {
    let is_set = |setting| environment.get(setting).is_some();
    if is_set("AZURE_CLIENT_SECRET") {
        service_principal(environment)
    } else if is_set("AZURE_FEDERATED_TOKEN_FILE") {
        workload_identity(environment)
    } else if is_set("FOUNDRY_ACCESS_TOKEN") {
        static_token(environment)
    } else if is_set("IDENTITY_ENDPOINT") {
        Ok(managed_identity(environment))
    } else if is_set("AZURE_TENANT_ID") {
        // A managed identity needs no tenant: this is half of a service principal.
        service_principal(environment)
    } else if is_set("AZURE_CLIENT_ID") {
        Ok(managed_identity(environment))
    } else {
        Ok(CredentialConfig::DeveloperTools)
    }
}

fn service_principal(environment: &Environment) -> Result<CredentialConfig, ConfigError> {
    let companion = "a service principal needs AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET together";
    Ok(CredentialConfig::ServicePrincipalSecret {
        tenant_id: required(environment, "AZURE_TENANT_ID", companion)?,
        client_id: required(environment, "AZURE_CLIENT_ID", companion)?,
        client_secret: required(environment, "AZURE_CLIENT_SECRET", companion)?.into(),
    })
}

fn workload_identity(environment: &Environment) -> Result<CredentialConfig, ConfigError> {
    let companion = "workload identity needs AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE together";
    Ok(CredentialConfig::WorkloadIdentity {
        tenant_id: required(environment, "AZURE_TENANT_ID", companion)?,
        client_id: required(environment, "AZURE_CLIENT_ID", companion)?,
        token_file: required(environment, "AZURE_FEDERATED_TOKEN_FILE", companion)?.into(),
    })
}

fn static_token(environment: &Environment) -> Result<CredentialConfig, ConfigError> {
    let remedy = "set it to a bearer token for https://ai.azure.com, \
                  as `az account get-access-token --resource https://ai.azure.com` prints it";
    required(environment, "FOUNDRY_ACCESS_TOKEN", remedy)
        .map(|token| CredentialConfig::StaticToken(token.into()))
}

fn managed_identity(environment: &Environment) -> CredentialConfig {
    CredentialConfig::ManagedIdentity {
        client_id: environment.get("AZURE_CLIENT_ID").map(str::to_owned),
    }
}

fn required(
    environment: &Environment,
    setting: &'static str,
    remedy: &str,
) -> Result<String, ConfigError> {
    environment
        .get(setting)
        .map(str::to_owned)
        .ok_or_else(|| ConfigError::missing(setting, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(settings: &[(&str, &str)]) -> Result<&'static str, String> {
        IdentityConfig::from_environment(&settings.iter().copied().collect())
            .map(|config| config.credential.kind())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_credential_with_settings_is_chosen() {
        let tenant = ("AZURE_TENANT_ID", "t");
        let client = ("AZURE_CLIENT_ID", "c");
        let secret = ("AZURE_CLIENT_SECRET", "s");
        let file = ("AZURE_FEDERATED_TOKEN_FILE", "/f");
        let token = ("FOUNDRY_ACCESS_TOKEN", "x");
        assert_eq!(
            kind(&[tenant, client, secret, file, token]).unwrap(),
            "service-principal"
        );
        assert_eq!(
            kind(&[tenant, client, file, token]).unwrap(),
            "workload-identity"
        );
        assert_eq!(kind(&[client, token]).unwrap(), "static-token");
        assert_eq!(kind(&[client]).unwrap(), "managed-identity");
        assert_eq!(
            kind(&[("IDENTITY_ENDPOINT", "http://127.0.0.1")]).unwrap(),
            "managed-identity"
        );
        assert_eq!(kind(&[]).unwrap(), "developer-tools");
    }

    #[test]
    fn half_a_service_principal_names_the_missing_half() {
        let error = kind(&[("AZURE_CLIENT_SECRET", "s"), ("AZURE_CLIENT_ID", "c")]).unwrap_err();
        assert!(error.starts_with("AZURE_TENANT_ID is not set"), "{error}");
    }

    #[test]
    fn a_tenant_without_a_secret_is_half_a_service_principal_except_in_azure() {
        let half = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")];
        let error = kind(&half).unwrap_err();
        assert!(
            error.starts_with("AZURE_CLIENT_SECRET is not set"),
            "{error}"
        );
        let in_azure = [half[0], half[1], ("IDENTITY_ENDPOINT", "http://127.0.0.1")];
        assert_eq!(kind(&in_azure).unwrap(), "managed-identity");
    }

    #[test]
    fn a_pinned_credential_wins() {
        let pinned = [
            ("FOUNDRY_CREDENTIAL", "managed-identity"),
            ("FOUNDRY_ACCESS_TOKEN", "x"),
        ];
        assert_eq!(kind(&pinned).unwrap(), "managed-identity");
        assert!(kind(&[("FOUNDRY_CREDENTIAL", "password")]).is_err());
    }

    #[test]
    fn secrets_do_not_appear_in_debug_output() {
        let environment = [
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", "hunter2"),
        ]
        .into_iter()
        .collect();
        let config = IdentityConfig::from_environment(&environment).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
