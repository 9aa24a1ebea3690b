//! Which Foundry project the gateway serves.

use std::path::PathBuf;

use url::{Host, Url};

use super::{ConfigError, Environment};

/// The project, and how to trust its endpoint.
#[derive(Debug, Clone)]
pub struct FoundryConfig {
    /// `FOUNDRY_PROJECT_ENDPOINT`, without a slash at the end; `None` only where every alias has a project of its own.
    pub project_endpoint: Option<Url>,
    /// `SSL_CERT_FILE`: certificate authorities (PEM) trusted beside the bundled ones.
    pub certificate_file: Option<PathBuf>,
}

impl FoundryConfig {
    /// Reads `FOUNDRY_PROJECT_ENDPOINT` and `SSL_CERT_FILE`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            project_endpoint: environment
                .get(PROJECT_ENDPOINT)
                .map(parse_endpoint)
                .transpose()
                .map_err(|problem| ConfigError::invalid(PROJECT_ENDPOINT, problem))?,
            certificate_file: environment.get("SSL_CERT_FILE").map(PathBuf::from),
        })
    }
}

const PROJECT_ENDPOINT: &str = "FOUNDRY_PROJECT_ENDPOINT";

/// There is no project to serve.
pub(super) fn missing_endpoint() -> ConfigError {
    ConfigError::missing(
        PROJECT_ENDPOINT,
        "set it to the project endpoint shown on the project's overview page in the Foundry portal, \
         https://<account>.services.ai.azure.com/api/projects/<project>; \
         it can be left out only where GATEWAY_AGENTS has aliases and each of them names a project",
    )
}

/// Reads a project's endpoint.
pub(super) fn parse_endpoint(text: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(text).map_err(
        |_| "it is not a URL; expected https://<account>.services.ai.azure.com/api/projects/<project>",
    )?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("plain http is allowed only on loopback; use https"),
        _ => return Err("it must start with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not contain a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must not have a query or fragment");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let project = path.strip_prefix("/api/projects/");
    if project.is_none_or(|project| project.is_empty() || project.contains('/')) {
        return Err("its path must be /api/projects/<project>");
    }
    url.set_path(&path);
    Ok(url)
}

/// Whether a URL stays on this machine, where plain http is safe.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<String, String> {
        let environment = Environment::from_iter([(PROJECT_ENDPOINT, text)]);
        FoundryConfig::from_environment(&environment)
            .map(|config| config.project_endpoint.unwrap().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_endpoint_is_kept_without_a_slash_at_the_end() {
        assert_eq!(
            endpoint("https://a.services.ai.azure.com/api/projects/p/").unwrap(),
            "https://a.services.ai.azure.com/api/projects/p"
        );
    }

    #[test]
    fn plain_http_is_allowed_on_loopback_only() {
        assert!(endpoint("http://127.0.0.1:9000/api/projects/p").is_ok());
        assert!(endpoint("http://localhost:9000/api/projects/p").is_ok());
        assert!(
            endpoint("http://example.com/api/projects/p")
                .unwrap_err()
                .contains("only on loopback")
        );
    }

    #[test]
    fn anything_but_a_project_endpoint_is_refused() {
        for text in [
            "not a url",
            "ftp://a/api/projects/p",
            "https://a.services.ai.azure.com/",
            "https://a.services.ai.azure.com/api/projects/",
            "https://a.services.ai.azure.com/api/projects/p/agents",
            "https://user:secret@a.services.ai.azure.com/api/projects/p",
            "https://a.services.ai.azure.com/api/projects/p?x=1",
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_name_alone_and_a_fragment_are_refused_too() {
        for text in [
            "https://user@a.services.ai.azure.com/api/projects/p",
            "https://:secret@a.services.ai.azure.com/api/projects/p",
            "https://a.services.ai.azure.com/api/projects/p#x",
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }
}
