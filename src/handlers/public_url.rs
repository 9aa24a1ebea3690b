//! Where callers reach the gateway, for links in answers.

use http::{HeaderMap, header};

/// The configured address, or what the request says of itself: the Functions host and other proxies tell the name and
/// scheme that their caller used. Empty where nothing is known, which makes a link relative.
pub(super) fn of(configured: Option<&str>, headers: &HeaderMap) -> String {
    if let Some(url) = configured {
        return url.to_owned();
    }
    let header = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        // Behind several proxies there is a list; the first entry is the caller's.
        let first = value.split(',').next().unwrap_or_default().trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        (!first.is_empty() && first.chars().all(plain)).then_some(first)
    };
    let host = header("x-forwarded-host").or_else(|| header(header::HOST.as_str()));
    match (host, header("x-forwarded-proto")) {
        (Some(host), Some("https")) => format!("https://{host}"),
        (Some(host), _) => format!("http://{host}"),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn what_the_caller_used_is_told_unless_it_is_configured() {
        let proxied = headers(&[
            ("host", "127.0.0.1:4000"),
            ("x-forwarded-host", "app.azurewebsites.net, inner"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(of(None, &proxied), "https://app.azurewebsites.net");
        assert_eq!(of(Some("https://ai"), &proxied), "https://ai");
        assert_eq!(
            of(None, &headers(&[("host", "localhost:1")])),
            "http://localhost:1"
        );
        assert_eq!(of(None, &headers(&[("host", "a\"b")])), "");
    }
}
