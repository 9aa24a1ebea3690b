//! Sends requests to one table: signed, bounded in time and size, repeated where that can help.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;
use url::Url;

use super::{
    answer::{self, Answer},
    authorization::Authorization,
    request::TableRequest,
};
use crate::{continuity::store::StoreError, foundry::client::full_text};

/// A table of a storage account.
pub(super) struct TableClient {
    http: reqwest::Client,
    /// Endpoint without a slash at the end.
    endpoint: String,
    /// The part of it that is signed: its path, without a slash at the end.
    endpoint_path: String,
    table: String,
    authorization: Authorization,
}

impl fmt::Debug for TableClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TableClient")
            .field("endpoint", &self.endpoint)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// The version of the service's interface: the oldest one that takes Entra tokens, and what Azurite is tested with.
const SERVICE_VERSION: &str = "2019-02-02";
/// Most repetitions of one request; with the waits below they fit into the default budget.
const MAX_RETRIES: u32 = 3;
/// Wait before the first repetition; doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(30);

impl TableClient {
    /// The table `table` at `endpoint`.
    pub(super) fn new(
        http: reqwest::Client,
        endpoint: &Url,
        table: &str,
        authorization: Authorization,
    ) -> Self {
        Self {
            http,
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            endpoint_path: endpoint.path().trim_end_matches('/').to_owned(),
            table: table.to_owned(),
            authorization,
        }
    }

    /// Sends a request, all told until `deadline`. A missing table is made, and the request sent again.
    pub(super) async fn send(
        &self,
        request: &TableRequest,
        deadline: Instant,
    ) -> Result<Answer, StoreError> {
        let answered = async {
            match self.send_repeatedly(request, deadline).await? {
                Answer::NoTable => {
                    self.create_table(deadline).await?;
                    self.send_repeatedly(request, deadline).await
                }
                answer => Ok(answer),
            }
        };
        tokio::time::timeout_at(deadline, answered)
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable("no answer within the time allowed")))
    }

    async fn create_table(&self, deadline: Instant) -> Result<(), StoreError> {
        let request = TableRequest::create_table(&self.table);
        match self.send_repeatedly(&request, deadline).await? {
            Answer::Success(_) => {
                tracing::info!(table = self.table, "the table for conversations was made");
                Ok(())
            }
            Answer::AlreadyThere => Ok(()),
            other => Err(other.unexpected()),
        }
    }

    /// Repeats a request that the service did not get, or says that it could not serve.
    ///
    /// It may have served it all the same, so a repeated change can meet its own traces. Then it reports the
    /// cautious outcome: somebody else was faster.
    async fn send_repeatedly(
        &self,
        request: &TableRequest,
        deadline: Instant,
    ) -> Result<Answer, StoreError> {
        let mut attempt = 0;
        loop {
            let error = match self.send_once(request).await {
                Err(error @ StoreError::Unavailable { .. }) => error,
                outcome => return outcome,
            };
            let wait = wait_before(attempt);
            if request.once || MAX_RETRIES <= attempt || deadline <= Instant::now() + wait {
                return Err(error);
            }
            tracing::debug!(
                attempt,
                wait_ms = wait.as_millis(),
                "the conversation store is asked again: {error}"
            );
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn send_once(&self, request: &TableRequest) -> Result<Answer, StoreError> {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let signed_path = format!("{}{}", self.endpoint_path, request.path);
        let authorization = self.authorization.header(&date, &signed_path).await?;
        let mut url = format!("{}{}", self.endpoint, request.path);
        if !request.query.is_empty() {
            url.push('?');
            url.push_str(&request.query);
        }
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .headers(common_headers(authorization))
            .header("x-ms-date", date)
            .header(header::ACCEPT, request.accept);
        if let Some(version) = &request.if_match {
            builder = builder.header(header::IF_MATCH, version);
        }
        if let Some(body) = &request.body {
            builder = builder
                .header(header::CONTENT_TYPE, "application/json")
                .header("prefer", "return-no-content")
                .body(body.clone());
        }
        let response = builder.send().await.map_err(unreachable)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = read_body(response, request.max_answer_bytes).await?;
        answer::read(status, &headers, body, self.authorization.remedy())
    }
}

fn common_headers(authorization: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([
        (header::AUTHORIZATION, authorization),
        (
            http::HeaderName::from_static("x-ms-version"),
            HeaderValue::from_static(SERVICE_VERSION),
        ),
        (
            http::HeaderName::from_static("dataserviceversion"),
            HeaderValue::from_static("3.0"),
        ),
    ])
}

/// Up to half more than the plain wait, so that instances that failed together do not return together.
fn wait_before(attempt: u32) -> Duration {
    FIRST_WAIT.mul_f64(f64::from(1 << attempt) * (1.0 + fastrand::f64() / 2.0))
}

/// Addresses are left out: they hold keys of rows.
fn unreachable(error: reqwest::Error) -> StoreError {
    StoreError::unavailable(full_text(&error.without_url()))
}

async fn read_body(response: reqwest::Response, limit: usize) -> Result<Bytes, StoreError> {
    let mut body = BytesMut::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(unreachable)?;
        if limit < body.len() + chunk.len() {
            return Err(StoreError::unreadable(format!("more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_waits_fit_into_the_default_budget() {
        let longest = (0..MAX_RETRIES).map(|attempt| FIRST_WAIT * (1 << attempt) * 3 / 2);
        assert!(longest.sum::<Duration>() < Duration::from_millis(400));
        for attempt in 0..MAX_RETRIES {
            let plain = FIRST_WAIT * (1 << attempt);
            let wait = wait_before(attempt);
            assert!(plain <= wait && wait <= plain * 3 / 2, "{wait:?}");
        }
    }
}
