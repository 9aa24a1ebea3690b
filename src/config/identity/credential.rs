//! Credentials: their kinds, the parts that each needs, and what is wrong with those before anybody signs in.
//!
//! A part has two names, because it comes from a setting or from a field of a document.

use std::{fs, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::identity::{StaticToken, certificate::ClientCertificate};

/// A credential with everything it needs.
#[derive(Debug, Clone)]
pub enum CredentialConfig {
    /// A service principal with a client secret.
    ServicePrincipalSecret {
        /// Entra tenant, a GUID or a domain.
        tenant_id: String,
        /// Application (client) id.
        client_id: String,
        /// Client secret.
        client_secret: SecretString,
    },
    /// A service principal with a certificate.
    ServicePrincipalCertificate {
        /// Entra tenant, a GUID or a domain.
        tenant_id: String,
        /// Application (client) id.
        client_id: String,
        /// PEM file with the certificate and its RSA key, read anew for each sign-in.
        certificate_file: PathBuf,
    },
    /// A federated token, as Kubernetes and pipelines give it.
    WorkloadIdentity {
        /// Entra tenant, a GUID or a domain.
        tenant_id: String,
        /// Application (client) id.
        client_id: String,
        /// File with the federated token, read anew for each sign-in.
        token_file: PathBuf,
    },
    /// The managed identity of the Function App or virtual machine.
    ManagedIdentity {
        /// Selects a user-assigned identity; without it, the system-assigned one.
        client_id: Option<String>,
    },
    /// A bearer token that somebody else has fetched.
    StaticToken(SecretString),
    /// Azure CLI, then Azure Developer CLI.
    DeveloperTools,
}

impl CredentialConfig {
    /// Which kind it is.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::ServicePrincipalSecret { .. } => CredentialKind::ServicePrincipal,
            Self::ServicePrincipalCertificate { .. } => CredentialKind::ServicePrincipalCertificate,
            Self::WorkloadIdentity { .. } => CredentialKind::WorkloadIdentity,
            Self::ManagedIdentity { .. } => CredentialKind::ManagedIdentity,
            Self::StaticToken(_) => CredentialKind::StaticToken,
            Self::DeveloperTools => CredentialKind::DeveloperTools,
        }
    }

    /// The application (client) id, which is no secret.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ServicePrincipalSecret { client_id, .. }
            | Self::ServicePrincipalCertificate { client_id, .. }
            | Self::WorkloadIdentity { client_id, .. } => Some(client_id),
            Self::ManagedIdentity { client_id } => client_id.as_deref(),
            Self::StaticToken(_) | Self::DeveloperTools => None,
        }
    }
}

/// The kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A client secret.
    ServicePrincipal,
    /// A certificate.
    ServicePrincipalCertificate,
    /// A federated token.
    WorkloadIdentity,
    /// A managed identity.
    ManagedIdentity,
    /// Azure CLI, then Azure Developer CLI.
    DeveloperTools,
    /// A bearer token.
    StaticToken,
}

impl CredentialKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::ServicePrincipal,
        Self::ServicePrincipalCertificate,
        Self::WorkloadIdentity,
        Self::ManagedIdentity,
        Self::DeveloperTools,
        Self::StaticToken,
    ];

    /// The word for it in `FOUNDRY_CREDENTIAL`, in documents, in logs and in `/readyz`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ServicePrincipal => "service-principal",
            Self::ServicePrincipalCertificate => "service-principal-certificate",
            Self::WorkloadIdentity => "workload-identity",
            Self::ManagedIdentity => "managed-identity",
            Self::DeveloperTools => "developer-tools",
            Self::StaticToken => "static-token",
        }
    }

    /// The kind of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The parts without which it does not work.
    pub const fn needs(self) -> &'static [Part] {
        match self {
            Self::ServicePrincipal => &[Part::TenantId, Part::ClientId, Part::ClientSecret],
            Self::ServicePrincipalCertificate => {
                &[Part::TenantId, Part::ClientId, Part::Certificate]
            }
            Self::WorkloadIdentity => &[Part::TenantId, Part::ClientId, Part::TokenFile],
            Self::StaticToken => &[Part::AccessToken],
            Self::ManagedIdentity | Self::DeveloperTools => &[],
        }
    }

    /// Whether it has a use for a part.
    pub fn takes(self, part: Part) -> bool {
        self.needs().contains(&part) || (self == Self::ManagedIdentity && part == Part::ClientId)
    }
}

/// A part of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Entra tenant.
    TenantId,
    /// Application (client) id.
    ClientId,
    /// Client secret.
    ClientSecret,
    /// Path of the certificate.
    Certificate,
    /// Path of the federated token.
    TokenFile,
    /// Bearer token.
    AccessToken,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 6] = [
        Self::TenantId,
        Self::ClientId,
        Self::ClientSecret,
        Self::Certificate,
        Self::TokenFile,
        Self::AccessToken,
    ];

    /// The setting of the gateway's own identity.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::TenantId => "AZURE_TENANT_ID",
            Self::ClientId => "AZURE_CLIENT_ID",
            Self::ClientSecret => "AZURE_CLIENT_SECRET",
            Self::Certificate => "AZURE_CLIENT_CERTIFICATE_PATH",
            Self::TokenFile => "AZURE_FEDERATED_TOKEN_FILE",
            Self::AccessToken => "FOUNDRY_ACCESS_TOKEN",
        }
    }

    /// The field of a project's credential in a document.
    pub const fn field(self) -> &'static str {
        match self {
            Self::TenantId => "tenant_id",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::Certificate => "certificate",
            Self::TokenFile => "token_file",
            Self::AccessToken => "access_token",
        }
    }
}

/// Why parts are no credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoCredential {
    /// A part is missing.
    Missing(Part),
    /// A part cannot be used; the text says why, without its value.
    Unusable(Part, String),
}

/// Makes a credential of `kind` from the parts that `part` gives.
pub fn assemble(
    kind: CredentialKind,
    part: impl Fn(Part) -> Option<SecretString>,
) -> Result<CredentialConfig, NoCredential> {
    let secret = |name| part(name).ok_or(NoCredential::Missing(name));
    let text = |name| secret(name).map(|value| value.expose_secret().to_owned());
    // The order of `needs`, in which missing parts are told.
    let principal = || Ok((text(Part::TenantId)?, text(Part::ClientId)?));
    let credential = match kind {
        CredentialKind::ServicePrincipal => {
            let (tenant_id, client_id) = principal()?;
            CredentialConfig::ServicePrincipalSecret {
                tenant_id,
                client_id,
                client_secret: secret(Part::ClientSecret)?,
            }
        }
        CredentialKind::ServicePrincipalCertificate => {
            let (tenant_id, client_id) = principal()?;
            CredentialConfig::ServicePrincipalCertificate {
                tenant_id,
                client_id,
                certificate_file: text(Part::Certificate)?.into(),
            }
        }
        CredentialKind::WorkloadIdentity => {
            let (tenant_id, client_id) = principal()?;
            CredentialConfig::WorkloadIdentity {
                tenant_id,
                client_id,
                token_file: text(Part::TokenFile)?.into(),
            }
        }
        CredentialKind::ManagedIdentity => CredentialConfig::ManagedIdentity {
            client_id: text(Part::ClientId).ok(),
        },
        CredentialKind::StaticToken => CredentialConfig::StaticToken(secret(Part::AccessToken)?),
        CredentialKind::DeveloperTools => CredentialConfig::DeveloperTools,
    };
    check(&credential).map_err(|(part, problem)| NoCredential::Unusable(part, problem))?;
    Ok(credential)
}

/// Looks at what can be looked at without a network.
fn check(credential: &CredentialConfig) -> Result<(), (Part, String)> {
    match credential {
        CredentialConfig::ServicePrincipalSecret { tenant_id, .. } => check_tenant(tenant_id),
        CredentialConfig::ServicePrincipalCertificate {
            tenant_id,
            certificate_file,
            ..
        } => {
            check_tenant(tenant_id)?;
            ClientCertificate::read(certificate_file)
                .map(drop)
                .map_err(|problem| (Part::Certificate, problem))
        }
        CredentialConfig::WorkloadIdentity {
            tenant_id,
            token_file,
            ..
        } => {
            check_tenant(tenant_id)?;
            let read = fs::read_to_string(token_file);
            read.map(drop).map_err(|error| {
                let file = token_file.display();
                (
                    Part::TokenFile,
                    format!("the file {file} cannot be read ({error})"),
                )
            })
        }
        CredentialConfig::StaticToken(token) => StaticToken::new(token).map(drop).map_err(|_| {
            let problem = "a token has only visible ASCII characters";
            (Part::AccessToken, problem.to_owned())
        }),
        CredentialConfig::ManagedIdentity { .. } | CredentialConfig::DeveloperTools => Ok(()),
    }
}

fn check_tenant(tenant_id: &str) -> Result<(), (Part, String)> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if tenant_id.chars().all(is_plain) {
        return Ok(());
    }
    let problem = "write the tenant's id (a GUID) or its domain";
    Err((Part::TenantId, problem.to_owned()))
}
