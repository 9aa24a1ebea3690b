//! Further projects of `GATEWAY_AGENTS`, each with its endpoint and, if it is not the gateway's own, its credential.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{
    ConfigError,
    document::{Document, Secret},
    foundry::parse_endpoint,
    identity::{
        CredentialConfig, CredentialKind, IdentityConfig,
        credential::{NoCredential, Part, assemble},
        parse_authority, parse_scope,
    },
};

/// The name of the project of `FOUNDRY_PROJECT_ENDPOINT`.
pub const DEFAULT_PROJECT: &str = "default";
/// Longest name of a project.
const LONGEST_NAME: usize = 63;

/// A further project.
#[derive(Debug, Clone)]
pub struct ProjectConfig {
    /// Its endpoint, without a slash at the end.
    pub endpoint: Url,
    /// How the gateway signs in to it; `None` is the gateway's own identity.
    pub credential: Option<ProjectCredential>,
}

/// A credential for one project; what is `None` is as for the gateway's own identity.
#[derive(Debug, Clone)]
pub struct ProjectCredential {
    /// Which credential.
    pub credential: CredentialConfig,
    /// Entra authority.
    pub authority_host: Option<Url>,
    /// Scope of its tokens for Foundry.
    pub scope: Option<String>,
}

impl ProjectCredential {
    /// The identity, completed from the gateway's own.
    pub fn identity(&self, own: &IdentityConfig) -> IdentityConfig {
        let authority_host = self.authority_host.as_ref().unwrap_or(&own.authority_host);
        IdentityConfig {
            credential: self.credential.clone(),
            authority_host: authority_host.clone(),
            scope: self.scope.as_ref().unwrap_or(&own.scope).clone(),
        }
    }
}

/// A project as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenProject {
    #[serde(deserialize_with = "endpoint")]
    endpoint: Url,
    credential: Option<WrittenCredential>,
}

/// A credential as it is written: which fields belong to which kind is said by [`CredentialKind`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCredential {
    #[serde(deserialize_with = "kind")]
    kind: CredentialKind,
    tenant_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    certificate: Option<PathBuf>,
    token_file: Option<PathBuf>,
    access_token: Option<Secret>,
    #[serde(default, deserialize_with = "authority_host")]
    authority_host: Option<Url>,
    #[serde(default, deserialize_with = "scope")]
    scope: Option<String>,
}

impl WrittenCredential {
    fn part(&self, part: Part) -> Option<SecretString> {
        let path = |path: &Option<PathBuf>| Some(path.as_ref()?.to_str()?.into());
        let text = |text: &Option<String>| Some(text.as_deref()?.into());
        let secret = |secret: &Option<Secret>| Some(secret.as_ref()?.0.clone());
        let value: Option<SecretString> = match part {
            Part::TenantId => text(&self.tenant_id),
            Part::ClientId => text(&self.client_id),
            Part::ClientSecret => secret(&self.client_secret),
            Part::Certificate => path(&self.certificate),
            Part::TokenFile => path(&self.token_file),
            Part::AccessToken => secret(&self.access_token),
        };
        value.filter(|value| !value.expose_secret().trim().is_empty())
    }
}

/// Reads the projects of a document, in which they stand under `projects`.
pub(super) fn read<T>(
    document: &Document<T>,
    written: &BTreeMap<String, WrittenProject>,
) -> Result<BTreeMap<String, ProjectConfig>, ConfigError> {
    let mut projects = BTreeMap::new();
    for (name, written) in written {
        check_name(name).map_err(|problem| document.error_at(&["projects", name], problem))?;
        let credential = written.credential.as_ref().map(credential).transpose();
        let credential = credential.map_err(|(field, problem)| {
            document.error_at(&["projects", name, "credential", field], &problem)
        })?;
        let project = ProjectConfig {
            endpoint: written.endpoint.clone(),
            credential,
        };
        projects.insert(name.clone(), project);
    }
    Ok(projects)
}

/// Names stand in rows of the conversation store, before a slash.
fn check_name(name: &str) -> Result<(), &'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name == DEFAULT_PROJECT {
        return Err(
            "`default` is the project of FOUNDRY_PROJECT_ENDPOINT; give this one another name",
        );
    }
    if name.is_empty() || LONGEST_NAME < name.len() || !name.chars().all(is_plain) {
        return Err("a project's name has 1 to 63 letters, digits, '-', '_' and '.'");
    }
    Ok(())
}

fn credential(written: &WrittenCredential) -> Result<ProjectCredential, (&'static str, String)> {
    let kind = written.kind;
    let superfluous = Part::ALL
        .into_iter()
        .find(|part| written.part(*part).is_some() && !kind.takes(*part));
    if let Some(part) = superfluous {
        let problem = format!("a credential of the kind {} has no use for it", kind.word());
        return Err((part.field(), problem));
    }
    let credential = assemble(kind, |part| written.part(part)).map_err(|no| match no {
        NoCredential::Unusable(part, problem) => (part.field(), problem),
        NoCredential::Missing(part) => {
            let needed: Vec<_> = kind.needs().iter().map(|part| part.field()).collect();
            let problem = format!("it is missing: {} needs {}", kind.word(), needed.join(", "));
            (part.field(), problem)
        }
    })?;
    Ok(ProjectCredential {
        credential,
        authority_host: written.authority_host.clone(),
        scope: written.scope.clone(),
    })
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_endpoint(&text).map_err(serde::de::Error::custom)
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CredentialKind, D::Error> {
    let word = String::deserialize(deserializer)?;
    CredentialKind::of_word(&word).ok_or_else(|| {
        let words = CredentialKind::ALL.map(CredentialKind::word).join(", ");
        serde::de::Error::custom(format_args!("write one of {words}"))
    })
}

fn authority_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let authority = parse_authority(&text).map_err(serde::de::Error::custom)?;
    Ok(Some(authority))
}

fn scope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let scope = parse_scope(&text).map_err(serde::de::Error::custom)?;
    Ok(Some(scope))
}

#[cfg(test)]
mod tests;
