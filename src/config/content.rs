//! How answers and files are shown to callers.

use url::Url;

use super::{ConfigError, Environment};

/// Citations, links and files.
#[derive(Debug, Clone)]
pub struct ContentConfig {
    /// `GATEWAY_CITATION_MARKERS`: whether markers such as `【4:0†source】` are cut out of answers; default `keep`.
    pub strip_citation_markers: bool,
    /// `GATEWAY_PUBLIC_URL`: where callers reach the gateway, without a slash at the end; default: where the request
    /// says that it was sent.
    pub public_url: Option<String>,
    /// `GATEWAY_MAX_FILE_BYTES`: size of an uploaded file; default 200 MiB, just below what the Functions host takes.
    pub file_bytes: u64,
}

impl ContentConfig {
    /// Reads the settings named at the fields.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const MARKERS: &str = "GATEWAY_CITATION_MARKERS";
        const PUBLIC_URL: &str = "GATEWAY_PUBLIC_URL";
        Ok(Self {
            strip_citation_markers: match environment.get(MARKERS).unwrap_or("keep") {
                "keep" => false,
                "strip" => true,
                _ => return Err(ConfigError::invalid(MARKERS, "write keep or strip")),
            },
            public_url: environment
                .get(PUBLIC_URL)
                .map(public_url)
                .transpose()
                .map_err(|problem| ConfigError::invalid(PUBLIC_URL, problem))?,
            file_bytes: environment.number(
                "GATEWAY_MAX_FILE_BYTES",
                200 << 20,
                1024..=512 << 20,
            )?,
        })
    }
}

fn public_url(text: &str) -> Result<String, &'static str> {
    const EXPECTED: &str =
        "write the address of the gateway, such as https://<app>.azurewebsites.net";
    let url = Url::parse(text).map_err(|_| EXPECTED)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let plain = url.query().is_none() && url.fragment().is_none() && !has_user;
    if !plain || !matches!(url.scheme(), "https" | "http") {
        return Err(EXPECTED);
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<ContentConfig, String> {
        ContentConfig::from_environment(&Environment::from_iter([(name, value)]))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_lose_their_last_slash() {
        let config = read("GATEWAY_PUBLIC_URL", "https://gateway.example.com/ai/").unwrap();
        assert_eq!(
            config.public_url.as_deref(),
            Some("https://gateway.example.com/ai")
        );
        assert!(!config.strip_citation_markers);
    }

    #[test]
    fn mistakes_name_the_setting() {
        for (name, value) in [
            ("GATEWAY_PUBLIC_URL", "gateway.example.com"),
            ("GATEWAY_PUBLIC_URL", "ftp://gateway.example.com"),
            ("GATEWAY_PUBLIC_URL", "https://gateway.example.com/?a=b"),
            ("GATEWAY_PUBLIC_URL", "https://gateway.example.com/#a"),
            ("GATEWAY_PUBLIC_URL", "https://me@gateway.example.com/"),
            ("GATEWAY_PUBLIC_URL", "https://:secret@gateway.example.com/"),
            ("GATEWAY_CITATION_MARKERS", "maybe"),
        ] {
            assert!(read(name, value).unwrap_err().starts_with(name));
        }
    }

    #[test]
    fn markers_are_stripped_where_that_is_asked_for() {
        let strips =
            |value| read("GATEWAY_CITATION_MARKERS", value).map(|it| it.strip_citation_markers);
        assert_eq!(strips("strip"), Ok(true));
        assert_eq!(strips("keep"), Ok(false));
    }

    #[test]
    fn a_file_may_have_200_mebibytes_and_512_where_that_is_asked_for() {
        let most = |value| read("GATEWAY_MAX_FILE_BYTES", value).map(|it| it.file_bytes);
        assert_eq!(most(""), Ok(209_715_200));
        assert_eq!(most("536870912"), Ok(536_870_912));
        assert!(most("536870913").is_err());
        assert!(most("1023").is_err());
    }
}
