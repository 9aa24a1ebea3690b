//! Makes connections: TCP, through a proxy where the environment names one, TLS.

use std::{fmt, time::Duration};

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use rustls::ClientConfig;
use tower::ServiceExt;
use url::Url;

use crate::{agent::stream::StreamError, bounded_reads::BoundedReads, config::ConfigError};

/// Both directions of a connection.
pub(super) trait Io: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Io for T {}

/// A connection of any kind.
pub(super) type BoxedIo = Box<dyn Io>;

/// How long a silent connection is left alone, and between two questions whether the other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Questions without an answer after which it is not.
const KEEPALIVE_RETRIES: u32 = 3;

/// Makes connections to one host.
pub(super) struct Connector {
    destination: Uri,
    way: Way,
    timeout: Duration,
}

enum Way {
    Direct(HttpsConnector<HttpConnector>),
    /// Through a tunnel that a proxy makes at the word CONNECT.
    Proxy(Box<HttpsConnector<Tunnel<HttpsConnector<HttpConnector>>>>),
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connector")
            .field("destination", &self.destination)
            .field("by_proxy", &matches!(self.way, Way::Proxy(_)))
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Connects to the host of `endpoint` within `timeout`. Proxies are those of the usual variables (`HTTPS_PROXY`,
    /// `ALL_PROXY`, `NO_PROXY`); plain HTTP is for this machine alone, and needs none.
    pub(super) fn to(
        endpoint: &Url,
        tls: ClientConfig,
        timeout: Duration,
    ) -> Result<Self, ConfigError> {
        let destination: Uri = endpoint.as_str().parse().map_err(|error| {
            ConfigError::invalid(
                "FOUNDRY_PROJECT_ENDPOINT",
                format!("it cannot be connected to: {error}"),
            )
        })?;
        let direct = HttpsConnector::from((tcp(), tls.clone()));
        let proxy = Some(Matcher::from_env())
            .filter(|_| endpoint.scheme() == "https")
            .and_then(|proxies| proxies.intercept(&destination));
        let way = match proxy {
            None => Way::Direct(direct),
            Some(proxy) => {
                let tunnel = Tunnel::new(proxy.uri().clone(), direct);
                let tunnel = match proxy.basic_auth() {
                    Some(authorization) => tunnel.with_auth(authorization.clone()),
                    None => tunnel,
                };
                Way::Proxy(Box::new(HttpsConnector::from((tunnel, tls))))
            }
        };
        Ok(Self {
            destination,
            way,
            timeout,
        })
    }

    pub(super) async fn connect(&self) -> Result<BoxedIo, StreamError> {
        let connecting = async {
            let destination = self.destination.clone();
            Ok(match &self.way {
                Way::Direct(connector) => boxed(connector.clone().oneshot(destination).await?),
                Way::Proxy(connector) => boxed((**connector).clone().oneshot(destination).await?),
            })
        };
        tokio::time::timeout(self.timeout, connecting)
            .await
            .unwrap_or_else(|_| Err("no connection within the limit".into()))
    }
}

fn boxed(io: impl Io + 'static) -> BoxedIo {
    Box::new(TokioIo::new(BoundedReads::of(TokioIo::new(io))))
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    // TLS is the next layer's.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    tcp
}
