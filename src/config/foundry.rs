//! Which Foundry project the gateway serves.

use std::path::PathBuf;

use url::{Host, Url};

use super::{ConfigError, Environment};

/// The project, and how to trust its endpoint.
#[derive(Debug, Clone)]
pub struct FoundryConfig {
    /// `FOUNDRY_PROJECT_ENDPOINT`, without a slash at the end.
    pub project_endpoint: Url,
    /// `SSL_CERT_FILE`: certificate authorities (PEM) trusted beside the bundled ones.
    pub certificate_file: Option<PathBuf>,
}

impl FoundryConfig {
    /// Reads `FOUNDRY_PROJECT_ENDPOINT` (required) and `SSL_CERT_FILE`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            project_endpoint: project_endpoint(environment)?,
            certificate_file: environment.get("SSL_CERT_FILE").map(PathBuf::from),
        })
    }
}

fn project_endpoint(environment: &Environment) -> Result<Url, ConfigError> {
    const SETTING: &str = "FOUNDRY_PROJECT_ENDPOINT";
    let Some(text) = environment.get(SETTING) else {
        return Err(ConfigError::missing(
            SETTING,
            "set it to the project endpoint shown on the project's overview page in the Foundry portal, \
             https://<account>.services.ai.azure.com/api/projects/<project>",
        ));
    };
    let invalid = |problem: &str| ConfigError::invalid(SETTING, problem);
    let mut url = Url::parse(text).map_err(|_| {
        invalid("it is not a URL; expected https://<account>.services.ai.azure.com/api/projects/<project>")
    })?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(invalid("plain http is allowed only on loopback; use https")),
        _ => return Err(invalid("it must start with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it must not contain a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it must not have a query or fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let project = path.strip_prefix("/api/projects/");
    if project.is_none_or(|project| project.is_empty() || project.contains('/')) {
        return Err(invalid("its path must be /api/projects/<project>"));
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
        let environment = Environment::from_iter([("FOUNDRY_PROJECT_ENDPOINT", text)]);
        project_endpoint(&environment)
            .map(|url| url.to_string())
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
}
