//! One keep-alive connection.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use hyper::{
    Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use super::{Target, answer::Problem};

/// A connection to the server; the request head is made once.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    head: Arc<Head>,
}

/// What every request to one server has in common.
#[derive(Debug)]
pub(super) struct Head {
    target: Target,
    uri: Uri,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl Head {
    pub(super) fn new(target: &Target) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            target: target.clone(),
            uri: target.path.parse()?,
            host: target.address.to_string().parse()?,
            authorization: format!("Bearer {}", target.key).parse()?,
        }))
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

impl Connection {
    pub(super) async fn open(head: &Arc<Head>) -> Result<Self, Problem> {
        let socket = TcpStream::connect(head.target.address).await;
        let socket = socket.map_err(|error| failed(&error))?;
        socket.set_nodelay(true).map_err(|error| failed(&error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(|error| failed(&error))?;
        // Ends with the connection; what goes wrong is told by the request that it meets.
        TaskTracker::new().spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            head: Arc::clone(head),
        })
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    pub(super) async fn send(&mut self, body: Bytes) -> Result<Response<Incoming>, Problem> {
        self.sender.ready().await.map_err(|error| failed(&error))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.head.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.head.host.clone());
        headers.insert(header::AUTHORIZATION, self.head.authorization.clone());
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let response = self.sender.send_request(request).await;
        response.map_err(|error| failed(&error))
    }
}

/// A problem with the connection, with its causes.
pub(super) fn failed(error: &dyn std::error::Error) -> Problem {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    Problem::Connection(told)
}
