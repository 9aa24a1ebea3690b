//! Where a project is, and how its requests are addressed.

use http::{HeaderValue, Uri, uri::PathAndQuery};
use percent_encoding::AsciiSet;
use url::Url;

use crate::agent::{Failure, FailureKind};

/// Characters that cannot stand in the path of a request.
const NOT_IN_A_PATH: &AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>');

/// The address of a project.
#[derive(Debug)]
pub(super) struct Address {
    /// Project endpoint without a slash at the end.
    pub(super) endpoint: String,
    /// Its host and port.
    pub(super) server: (String, u16),
    /// Its host, and its port where that is not the usual one: the `Host` of every request.
    pub(super) host: HeaderValue,
    /// Its path, below which everything is.
    path: String,
}

impl Address {
    pub(super) fn of(endpoint: &Url) -> Self {
        let host = endpoint.host_str().unwrap_or_default();
        let host_header = match endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Self {
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            server: (
                host.to_owned(),
                endpoint.port_or_known_default().unwrap_or_default(),
            ),
            host: HeaderValue::try_from(host_header).unwrap_or(HeaderValue::from_static("")),
            path: endpoint.path().trim_end_matches('/').to_owned(),
        }
    }

    /// `path` below the project, with what cannot stand in one (a name with a space) written as it can.
    pub(super) fn uri(&self, path: &str) -> Result<Uri, Failure> {
        let path = format!("{}{path}", self.path);
        PathAndQuery::try_from(path.as_str())
            .or_else(|_| {
                let escaped = percent_encoding::utf8_percent_encode(&path, NOT_IN_A_PATH);
                PathAndQuery::try_from(escaped.to_string())
            })
            .map(Uri::from)
            .map_err(|error| {
                Failure::new(
                    FailureKind::InvalidRequest,
                    "a name in the request cannot be asked for",
                )
                .with_detail(error.to_string())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(endpoint: &str) -> Address {
        Address::of(&Url::parse(endpoint).unwrap())
    }

    #[test]
    fn a_port_is_named_where_it_is_not_the_usual_one() {
        let usual = address("https://a.example/api/projects/p/");
        assert_eq!(usual.host, "a.example");
        assert_eq!(usual.server, ("a.example".to_owned(), 443));
        assert_eq!(usual.endpoint, "https://a.example/api/projects/p");
        let other = address("http://127.0.0.1:8080/api/projects/p");
        assert_eq!(other.host, "127.0.0.1:8080");
        assert_eq!(other.server, ("127.0.0.1".to_owned(), 8080));
    }

    #[test]
    fn paths_are_below_the_project_and_hold_what_they_may() {
        let address = address("https://a.example/api/projects/p/");
        let uri = |path| address.uri(path).unwrap().to_string();
        assert_eq!(uri("/threads?limit=1"), "/api/projects/p/threads?limit=1");
        assert_eq!(
            uri("/agents/a b\"#<é>"),
            "/api/projects/p/agents/a%20b%22%23%3C%C3%A9%3E"
        );
    }
}
