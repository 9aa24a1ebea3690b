//! What the proxying mode does to headers, in both directions.

use std::net::SocketAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self, HOST},
};

use crate::{HOST_VERSION, identifiers};

/// Headers that belong to one connection, and that the proxy removes from requests and responses alike.
///
/// `Proxy-*` is removed too, see [`remove_hop_by_hop`].
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
    header::UPGRADE,
    header::TE,
    header::ALT_SVC,
    header::STRICT_TRANSPORT_SECURITY,
    header::UPGRADE_INSECURE_REQUESTS,
    HeaderName::from_static("http2-settings"),
];

/// `X-Azure-Functions-InvocationId`, on every call of the host.
pub(crate) const INVOCATION_ID: HeaderName =
    HeaderName::from_static("x-azure-functions-invocationid");
/// `X-Azure-Functions-HostVersion`, on every call of the host.
pub(crate) const HOST_VERSION_HEADER: HeaderName =
    HeaderName::from_static("x-azure-functions-hostversion");
const PROXY_CORRELATION: HeaderName = HeaderName::from_static("x-ms-invocation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Removes what must not pass a proxy.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    let proxy: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("proxy-"))
        .cloned()
        .collect();
    for name in proxy {
        headers.remove(name);
    }
}

/// Rewrites the client's headers into those that the handler receives.
pub(crate) fn for_handler(
    headers: &mut HeaderMap,
    client: SocketAddr,
    handler: SocketAddr,
    invocation_id: &str,
) {
    remove_hop_by_hop(headers);
    let original_host = headers.remove(HOST);
    set(headers, HOST, &handler.to_string());
    set(headers, FORWARDED_FOR, &client.ip().to_string());
    set(headers, FORWARDED_PROTO, "http");
    headers.remove(FORWARDED_HOST);
    if let Some(host) = original_host {
        headers.insert(FORWARDED_HOST, host);
    }
    headers.remove(FORWARDED_PREFIX);
    headers.remove(header::FORWARDED);
    set(headers, PROXY_CORRELATION, invocation_id);
    set_invocation(headers, invocation_id);
    if !headers.contains_key(TRACEPARENT) {
        set(headers, TRACEPARENT, &identifiers::traceparent());
    }
}

/// Sets the two headers that every call of the host carries.
pub(crate) fn set_invocation(headers: &mut HeaderMap, invocation_id: &str) {
    set(headers, INVOCATION_ID, invocation_id);
    set(headers, HOST_VERSION_HEADER, HOST_VERSION);
}

/// Adds what Azure's front end puts on every request. The names are those seen on the platform, not from source.
///
/// Comes before [`for_handler`], which replaces `Host`.
pub(crate) fn add_front_end(headers: &mut HeaderMap, client: SocketAddr) {
    let host = headers.get(HOST).cloned();
    if let Some(host) = host {
        headers.insert(HeaderName::from_static("disguised-host"), host);
    }
    set(
        headers,
        HeaderName::from_static("x-arr-log-id"),
        &identifiers::guid(),
    );
    set(
        headers,
        HeaderName::from_static("x-appservice-proto"),
        "https",
    );
    set(headers, header::MAX_FORWARDS, "10");
    set(
        headers,
        HeaderName::from_static("client-ip"),
        &client.to_string(),
    );
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Every value set here is printable text of our own making.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
