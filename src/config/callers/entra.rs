//! Which access tokens of a Microsoft Entra tenant let a caller in.

use crate::config::{ConfigError, Environment, identity::parse_authority};

/// The tenant whose tokens are taken, and what a token must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntraConfig {
    /// `GATEWAY_ENTRA_TENANT_ID`: the tenant, a GUID in small letters.
    pub tenant_id: String,
    /// `AZURE_AUTHORITY_HOST`: where the tenant's keys are fetched; without a slash at the end.
    pub authority: String,
    /// `GATEWAY_ENTRA_AUDIENCE`: a token's `aud` must be one of these.
    pub audiences: Vec<String>,
    /// `GATEWAY_ENTRA_ALLOWED_CLIENTS`: application ids in small letters; empty allows every application.
    pub allowed_clients: Vec<String>,
    /// `GATEWAY_ENTRA_REQUIRED_ROLES`: one of these lets a token in.
    pub required_roles: Vec<String>,
    /// `GATEWAY_ENTRA_REQUIRED_SCOPES`: so does one of these.
    pub required_scopes: Vec<String>,
    /// Whether a token needs no scope or role where none is asked for, because Foundry judges it.
    pub foundry_decides: bool,
}

const TENANT: &str = "GATEWAY_ENTRA_TENANT_ID";
const AUDIENCE: &str = "GATEWAY_ENTRA_AUDIENCE";
const CLIENTS: &str = "GATEWAY_ENTRA_ALLOWED_CLIENTS";
const ROLES: &str = "GATEWAY_ENTRA_REQUIRED_ROLES";
const SCOPES: &str = "GATEWAY_ENTRA_REQUIRED_SCOPES";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
const DEFAULT_AUTHORITY: &str = "https://login.microsoftonline.com";

impl EntraConfig {
    /// Reads the settings named at the fields; `None` when none of them is set. `foundry` is the audience of tokens
    /// for Foundry itself, where those are taken: what they may do is for Foundry to say.
    pub fn from_environment(
        environment: &Environment,
        foundry: Option<&str>,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(tenant_id) = environment.get(TENANT) else {
            let orphan = [AUDIENCE, CLIENTS, ROLES, SCOPES]
                .into_iter()
                .find(|setting| environment.get(setting).is_some());
            return match orphan {
                None => Ok(None),
                Some(orphan) => Err(ConfigError::missing(
                    TENANT,
                    format!("{orphan} is set, which only counts with the tenant's id beside it"),
                )),
            };
        };
        let tenant_id = guid(tenant_id).ok_or_else(|| {
            ConfigError::invalid(
                TENANT,
                "write the tenant's id, a GUID: a name could change its owner",
            )
        })?;
        let mut audiences = list(environment, AUDIENCE);
        if audiences.is_empty() {
            audiences.extend(foundry.map(str::to_owned));
        }
        if audiences.is_empty() {
            return Err(ConfigError::missing(
                AUDIENCE,
                "set it to the audience of the tokens for this gateway: the application id of its app registration \
                 (tokens of version 2), or its application id URI such as api://<application id> (version 1)",
            ));
        }
        let allowed_clients = list(environment, CLIENTS).into_iter().map(|id| guid(&id));
        let allowed_clients = allowed_clients.collect::<Option<_>>().ok_or_else(|| {
            ConfigError::invalid(
                CLIENTS,
                "write application ids, which are GUIDs, comma-separated",
            )
        })?;
        Ok(Some(Self {
            tenant_id,
            authority: authority(environment)?,
            audiences,
            allowed_clients,
            required_roles: list(environment, ROLES),
            required_scopes: list(environment, SCOPES),
            foundry_decides: foundry.is_some(),
        }))
    }

    /// Where the tenant publishes the keys that sign its tokens.
    pub fn keys_url(&self) -> String {
        format!("{}/{}/discovery/v2.0/keys", self.authority, self.tenant_id)
    }

    /// Where the tenant gives tokens.
    pub fn token_url(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", self.authority, self.tenant_id)
    }

    /// The `iss` of tokens of version 1 and 2, in this order.
    ///
    /// Version 1 names the same host in all clouds but China's ("Access token claims reference", and the issuer
    /// validators of Microsoft's libraries).
    pub fn issuers(&self) -> [String; 2] {
        let china = ["partner.microsoftonline.cn", "chinacloudapi.cn"];
        let version_1 = if china.iter().any(|cloud| self.authority.ends_with(cloud)) {
            "https://sts.chinacloudapi.cn"
        } else {
            "https://sts.windows.net"
        };
        [
            format!("{version_1}/{}/", self.tenant_id),
            format!("{}/{}/v2.0", self.authority, self.tenant_id),
        ]
    }
}

/// The same authority as for the gateway's own sign-in.
fn authority(environment: &Environment) -> Result<String, ConfigError> {
    let text = environment.get(AUTHORITY).unwrap_or(DEFAULT_AUTHORITY);
    let url = parse_authority(text).map_err(|problem| ConfigError::invalid(AUTHORITY, problem))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The entries of a comma-separated setting.
fn list(environment: &Environment, setting: &str) -> Vec<String> {
    let entries = environment.get(setting).unwrap_or_default().split(',');
    entries
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A GUID in small letters, as tokens write it.
fn guid(text: &str) -> Option<String> {
    let lengths = [8, 4, 4, 4, 12];
    let groups: Vec<_> = text.split('-').collect();
    let is_group = |(group, length): (&&str, usize)| {
        group.len() == length && group.chars().all(|c| c.is_ascii_hexdigit())
    };
    let is_guid = groups.len() == lengths.len() && groups.iter().zip(lengths).all(is_group);
    is_guid.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT_ID: (&str, &str) = (TENANT, "0F0E0D0C-0000-0000-0000-00000000000A");
    const AUDIENCES: (&str, &str) = (
        AUDIENCE,
        "api://gateway, 11111111-0000-0000-0000-000000000000",
    );

    fn read(settings: &[(&str, &str)]) -> Result<Option<EntraConfig>, String> {
        EntraConfig::from_environment(&settings.iter().copied().collect(), None)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_tenant_and_an_audience_are_enough() {
        assert_eq!(read(&[]), Ok(None));
        let config = read(&[TENANT_ID, AUDIENCES]).unwrap().unwrap();
        assert_eq!(config.audiences.len(), 2);
        assert_eq!(
            config.keys_url(),
            "https://login.microsoftonline.com/0f0e0d0c-0000-0000-0000-00000000000a/discovery/v2.0/keys"
        );
        assert_eq!(
            config.token_url(),
            "https://login.microsoftonline.com/0f0e0d0c-0000-0000-0000-00000000000a/oauth2/v2.0/token"
        );
        assert_eq!(
            config.issuers(),
            [
                "https://sts.windows.net/0f0e0d0c-0000-0000-0000-00000000000a/",
                "https://login.microsoftonline.com/0f0e0d0c-0000-0000-0000-00000000000a/v2.0"
            ]
        );
    }

    #[test]
    fn other_clouds_have_issuers_of_their_own() {
        let rows = [
            (
                "https://login.microsoftonline.us/",
                "https://sts.windows.net/",
                "https://login.microsoftonline.us/",
            ),
            (
                "https://login.partner.microsoftonline.cn",
                "https://sts.chinacloudapi.cn/",
                "https://login.partner.microsoftonline.cn/",
            ),
        ];
        for (authority, version_1, version_2) in rows {
            let config = read(&[TENANT_ID, AUDIENCES, (AUTHORITY, authority)]);
            let [first, second] = config.unwrap().unwrap().issuers();
            assert!(first.starts_with(version_1), "{first}");
            assert!(second.starts_with(version_2), "{second}");
        }
    }

    #[test]
    fn what_is_missing_or_unusable_is_named() {
        let error = read(&[(ROLES, "Gateway.User")]).unwrap_err();
        assert!(
            error.starts_with(TENANT) && error.contains(ROLES),
            "{error}"
        );
        assert!(read(&[TENANT_ID]).unwrap_err().starts_with(AUDIENCE));
        let rows = [
            (TENANT, "contoso.com"),
            (TENANT, "0f0e0d0c-0000-0000-0000-00000000000/"),
            (CLIENTS, "my-app"),
            (AUTHORITY, "http://login.example"),
            (AUTHORITY, "https://login.example/tenant"),
            (AUTHORITY, "https://user:hunter2@login.example"),
            (AUTHORITY, "login.example"),
        ];
        for (setting, value) in rows {
            let error = read(&[TENANT_ID, AUDIENCES, (setting, value)]).unwrap_err();
            assert!(error.starts_with(setting), "{value}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
