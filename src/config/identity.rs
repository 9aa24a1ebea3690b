//! Who the gateway is towards Azure: which credential, chosen by explicit rules.

pub mod credential;

use url::Url;

pub use self::credential::{CredentialConfig, CredentialKind};
use self::credential::{NoCredential, Part};
use super::{ConfigError, Environment};

/// The credential to sign in with, where, and the scope to ask a token for.
#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// Which credential.
    pub credential: CredentialConfig,
    /// `AZURE_AUTHORITY_HOST`; default `https://login.microsoftonline.com`.
    pub authority_host: Url,
    /// `FOUNDRY_TOKEN_SCOPE`; default `https://ai.azure.com/.default`.
    pub scope: String,
}

const CREDENTIAL: &str = "FOUNDRY_CREDENTIAL";
const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";
const TOKEN_SCOPE: &str = "FOUNDRY_TOKEN_SCOPE";
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
const IDENTITY_HEADER: &str = "IDENTITY_HEADER";
const CERTIFICATE_PASSWORD: &str = "AZURE_CLIENT_CERTIFICATE_PASSWORD";

const DEFAULT_AUTHORITY: &str = "https://login.microsoftonline.com";
const DEFAULT_SCOPE: &str = "https://ai.azure.com/.default";

impl IdentityConfig {
    /// Picks the credential that `FOUNDRY_CREDENTIAL` names, or else the first whose settings are present: client
    /// secret, certificate, federated token, managed identity, static token, and without any, developer tools.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let kind = match environment.get(CREDENTIAL).unwrap_or("auto") {
            "auto" => first_with_settings(environment),
            word => CredentialKind::of_word(word).ok_or_else(|| {
                let words = CredentialKind::ALL.map(CredentialKind::word).join(", ");
                ConfigError::invalid(CREDENTIAL, format!("write auto or one of {words}"))
            })?,
        };
        check_surroundings(kind, environment)?;
        let part = |part: Part| environment.get(part.setting()).map(Into::into);
        let authority_host = environment.get(AUTHORITY_HOST).unwrap_or(DEFAULT_AUTHORITY);
        let scope = environment.get(TOKEN_SCOPE).unwrap_or(DEFAULT_SCOPE);
        Ok(Self {
            credential: credential::assemble(kind, part).map_err(|no| error_of(kind, no))?,
            authority_host: parse_authority(authority_host)
                .map_err(|problem| ConfigError::invalid(AUTHORITY_HOST, problem))?,
            scope: parse_scope(scope)
                .map_err(|problem| ConfigError::invalid(TOKEN_SCOPE, problem))?,
        })
    }
}

fn first_with_settings(environment: &Environment) -> CredentialKind {
    let is_set = |setting| environment.get(setting).is_some();
    if is_set("AZURE_CLIENT_SECRET") {
        CredentialKind::ServicePrincipal
    } else if is_set("AZURE_CLIENT_CERTIFICATE_PATH") || is_set(CERTIFICATE_PASSWORD) {
        CredentialKind::ServicePrincipalCertificate
    } else if is_set("AZURE_FEDERATED_TOKEN_FILE") {
        CredentialKind::WorkloadIdentity
    } else if is_set(IDENTITY_ENDPOINT) {
        CredentialKind::ManagedIdentity
    } else if is_set("AZURE_TENANT_ID") {
        // A managed identity needs no tenant: this is half of a service principal.
        CredentialKind::ServicePrincipal
    } else if is_set("AZURE_CLIENT_ID") {
        CredentialKind::ManagedIdentity
    } else if is_set("FOUNDRY_ACCESS_TOKEN") {
        CredentialKind::StaticToken
    } else {
        CredentialKind::DeveloperTools
    }
}

/// Settings that belong to a kind but are no part of its credential: the identity library reads them itself.
fn check_surroundings(kind: CredentialKind, environment: &Environment) -> Result<(), ConfigError> {
    if kind == CredentialKind::ServicePrincipalCertificate
        && environment.get(CERTIFICATE_PASSWORD).is_some()
    {
        return Err(ConfigError::invalid(
            CERTIFICATE_PASSWORD,
            "keys under a password are not read; write a PEM file without one \
             (openssl pkcs12 -in app.pfx -nodes -out app.pem), protect that file, and remove this setting",
        ));
    }
    if kind != CredentialKind::ManagedIdentity {
        return Ok(());
    }
    match (
        environment.get(IDENTITY_ENDPOINT),
        environment.get(IDENTITY_HEADER),
    ) {
        (Some(endpoint), Some(_)) => match Url::parse(endpoint) {
            Ok(url) if url.has_host() => Ok(()),
            _ => Err(ConfigError::invalid(
                IDENTITY_ENDPOINT,
                "it is not a URL; Azure sets it when the app has a managed identity, so leave it alone",
            )),
        },
        (Some(_), None) => Err(half_an_endpoint(IDENTITY_HEADER, IDENTITY_ENDPOINT)),
        (None, Some(_)) => Err(half_an_endpoint(IDENTITY_ENDPOINT, IDENTITY_HEADER)),
        (None, None) => Ok(()),
    }
}

fn half_an_endpoint(missing: &'static str, present: &str) -> ConfigError {
    ConfigError::missing(
        missing,
        format!(
            "{present} is set, and Azure sets both when the app has a managed identity; \
             set neither where the identity is that of a virtual machine"
        ),
    )
}

fn error_of(kind: CredentialKind, no_credential: NoCredential) -> ConfigError {
    match no_credential {
        NoCredential::Unusable(part, problem) => ConfigError::invalid(part.setting(), problem),
        NoCredential::Missing(Part::AccessToken) => ConfigError::missing(
            Part::AccessToken.setting(),
            "set it to a bearer token for https://ai.azure.com, \
             as `az account get-access-token --resource https://ai.azure.com` prints it",
        ),
        NoCredential::Missing(part) => {
            let needed: Vec<_> = kind.needs().iter().map(|part| part.setting()).collect();
            let remedy = format!("{} needs {} together", kind.word(), needed.join(", "));
            ConfigError::missing(part.setting(), remedy)
        }
    }
}

/// Reads the address of an Entra authority.
pub(super) fn parse_authority(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text)
        .map_err(|_| "it is not a URL; expected one like https://login.microsoftonline.us")?;
    if url.scheme() != "https" {
        return Err("it must start with https://, because secrets are sent there");
    }
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if is_bare {
        Ok(url)
    } else {
        Err("it must be a host alone, without user name, path or query")
    }
}

/// Reads a scope, which the service takes as `<resource>/.default`.
pub(super) fn parse_scope(text: &str) -> Result<String, &'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:/".contains(c);
    if text.ends_with("/.default") && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("a scope is the resource and /.default, such as https://ai.azure.com/.default")
    }
}

#[cfg(test)]
mod tests;
