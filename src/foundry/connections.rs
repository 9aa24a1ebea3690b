//! HTTP/1.1 connections to one Foundry project.
//!
//! A connection has no task of its own: whoever waits for an answer, or reads one, drives it. So nothing is handed
//! from one thread to another between the upstream socket and the client's, what one read brings is there at once
//! as a whole, and letting go of an answer closes its connection, which is how an agent is told to stop.
//!
//! hyper speaks the protocol, hyper-util and hyper-rustls connect. Their pooled client (and so reqwest) was weighed and
//! not taken here: it reads each connection in a task that passes on one chunk at a time, which costs two changes of
//! task for each event of an answer, and often a change of thread.

mod body;
mod connector;
mod idle;
mod open;
mod request_body;

use std::{sync::Arc, time::Duration};

use http::{Request, Response};
use rustls::ClientConfig;
use url::Url;

use self::{connector::Connector, idle::IdleConnections, open::OpenConnection};
use crate::{agent::stream::StreamError, config::ConfigError};

pub use self::{body::UpstreamBody, request_body::RequestBody};

/// Connections to one project.
#[derive(Debug)]
pub struct Connections {
    connector: Connector,
    idle: Arc<IdleConnections>,
}

/// Why a request was not answered.
#[derive(Debug)]
pub enum NotAnswered {
    /// No connection was made: nothing was sent.
    Unreachable(StreamError),
    /// The request was on its way.
    BrokenOff(StreamError),
}

impl Connections {
    /// Connections to the host of `endpoint`, made when they are needed; nothing is sent yet.
    pub fn to(
        endpoint: &Url,
        tls: ClientConfig,
        connect_timeout: Duration,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            connector: Connector::to(endpoint, tls, connect_timeout)?,
            idle: Arc::default(),
        })
    }

    /// Sends a request, whose URI is a path, over a connection that is idle or new. It waits for the head of the answer
    /// without a bound of its own; given up, it closes the connection.
    pub async fn send(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, NotAnswered> {
        while let Some(mut connection) = self.idle.take() {
            match connection.send(request).await {
                Ok(response) => return Ok(self.answered(response, connection)),
                // The service closed the connection before a byte was written: another one will do.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(NotAnswered::BrokenOff(error.into_error().into())),
                },
            }
        }
        let io = self.connector.connect().await;
        let io = io.map_err(NotAnswered::Unreachable)?;
        let connection = OpenConnection::over(io).await;
        let mut connection = connection.map_err(|error| NotAnswered::Unreachable(error.into()))?;
        match connection.send(request).await {
            Ok(response) => Ok(self.answered(response, connection)),
            Err(error) => Err(NotAnswered::BrokenOff(error.into_error().into())),
        }
    }

    fn answered(
        &self,
        response: Response<hyper::body::Incoming>,
        connection: Box<OpenConnection>,
    ) -> Response<UpstreamBody> {
        response.map(|body| UpstreamBody::new(body, connection, Arc::clone(&self.idle)))
    }
}

#[cfg(test)]
mod tests;
