//! The proxying mode (`enableProxyingHttpRequest`): requests and responses are streamed, disconnects are passed on.
//!
//! What it copies is `IHttpForwarder` of YARP 2.0.1 over the host's `RetryProxyHandler`.

use std::{sync::Arc, time::Duration};

use http::{
    Request, Response, StatusCode,
    request::Parts,
    uri::{PathAndQuery, Uri},
};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use tokio_util::task::AbortOnDropHandle;

use self::{
    activity::Activity,
    request_body::{BodyEnd, RequestBody},
    response_body::{Exchange, ResponseBody},
};
use crate::{
    FrontEnd,
    dispatch::{Client, HostBody, Invocation, empty},
    host::Shared,
    logs::LogLevel,
    upstream::{Connection, UpstreamError},
};

mod activity;
pub(crate) mod headers;
mod request_body;
mod response_body;

/// The pauses between the ten attempts of `RetryProxyHandler`.
const RETRY_DELAYS: [Duration; 9] = {
    let longest = Duration::from_millis(250);
    let mut delays = [longest; 9];
    delays[0] = Duration::from_millis(50);
    delays[1] = Duration::from_millis(100);
    delays[2] = Duration::from_millis(200);
    delays
};

/// Hands a request to the handler and streams the answer.
///
/// The answer's status and headers are withheld until its first byte or its end.
pub(crate) async fn proxy(
    host: &Arc<Shared>,
    client: &Client,
    invocation: Arc<Invocation>,
    request: Request<Incoming>,
) -> Response<HostBody> {
    let (limit, status_when_silent) = match host.front_end {
        FrontEnd::Absent => (host.times.activity, StatusCode::INTERNAL_SERVER_ERROR),
        FrontEnd::Azure => (host.times.front_end_idle, StatusCode::BAD_GATEWAY),
    };
    let activity = Activity::new(limit);
    tokio::select! {
        response = exchange(host, client, invocation, request, activity.clone()) => response,
        () = activity.silence() => {
            host.logs.host(LogLevel::Error, "Failed to proxy request: no activity in time.");
            empty(status_when_silent)
        }
    }
}

async fn exchange(
    host: &Arc<Shared>,
    client: &Client,
    invocation: Arc<Invocation>,
    request: Request<Incoming>,
    activity: Activity,
) -> Response<HostBody> {
    let (mut head, incoming) = request.into_parts();
    if host.front_end == FrontEnd::Azure {
        headers::add_front_end(&mut head.headers, client.address);
    }
    headers::for_handler(
        &mut head.headers,
        client.address,
        host.pool.address(),
        &invocation.id,
    );
    head.uri = upstream_uri(&head.uri);
    let mut exchange = Exchange {
        connection: None,
        pool: Arc::clone(&host.pool),
        request_body: RequestBody::new(incoming, host.config.body_limit, activity.clone()),
        activity,
        logs: Arc::clone(&host.logs),
        invocation,
        is_settled: false,
    };
    let (connection, response) = match send(host, &head, &exchange.request_body).await {
        Ok(answer) => answer,
        Err(error) => {
            let status = match exchange.request_body.end() {
                Some(BodyEnd::TooLarge) => {
                    exchange.settle();
                    StatusCode::PAYLOAD_TOO_LARGE
                }
                // Nobody reads the answer.
                Some(BodyEnd::ClientGone) => StatusCode::BAD_REQUEST,
                Some(BodyEnd::Complete) | None => {
                    exchange.fail(&error);
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            };
            return empty(status);
        }
    };
    exchange.connection = Some(connection);
    exchange.activity.touch();
    relay(host, client, exchange, response).await
}

/// Waits for the first byte of the answer and streams on from there.
async fn relay(
    host: &Arc<Shared>,
    client: &Client,
    mut exchange: Exchange,
    response: Response<Incoming>,
) -> Response<HostBody> {
    let (mut head, mut rest) = response.into_parts();
    headers::remove_hop_by_hop(&mut head.headers);
    let first = match rest.frame().await {
        None => {
            exchange.complete();
            let nothing = Empty::new().map_err(|never| match never {}).boxed_unsync();
            return Response::from_parts(head, nothing);
        }
        Some(Err(error)) => {
            exchange.fail(&error);
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Some(Ok(frame)) => frame,
    };
    exchange.activity.touch();
    if rest.is_end_stream() {
        exchange.complete();
    }
    let activity = exchange.activity.clone();
    let abort = client.abort.clone();
    let watchdog = host.tracker.spawn(async move {
        activity.silence().await;
        abort.cancel();
    });
    let body = ResponseBody {
        first: Some(first),
        rest,
        exchange,
        _watchdog: AbortOnDropHandle::new(watchdog),
    };
    Response::from_parts(head, body.boxed_unsync())
}

/// Sends the request, again if the connection fails before the answer and nothing of the body was taken yet.
async fn send(
    host: &Shared,
    head: &Parts,
    body: &RequestBody,
) -> Result<(Connection, Response<Incoming>), UpstreamError> {
    let mut delays = RETRY_DELAYS.iter();
    loop {
        let error = match attempt(host, head, body).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let Some(delay) = delays.next().filter(|_| body.is_whole()) else {
            return Err(error);
        };
        let text = format!(
            "Failed to proxy request to the worker. Retrying in {}ms.",
            delay.as_millis()
        );
        host.logs.host(LogLevel::Warning, text);
        tokio::time::sleep(*delay).await;
    }
}

async fn attempt(
    host: &Shared,
    head: &Parts,
    body: &RequestBody,
) -> Result<(Connection, Response<Incoming>), UpstreamError> {
    let mut request = Request::new(body.clone().boxed_unsync());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.headers_mut() = head.headers.clone();
    let mut connection = host.pool.connection().await?;
    let response = connection.exchange(request).await?;
    Ok((connection, response))
}

/// The path and query as they came, except that an encoded slash arrives encoded twice.
///
/// The host's server decodes everything but `%2F`, and its proxy encodes the percent sign that is left of it.
pub(crate) fn upstream_uri(uri: &Uri) -> Uri {
    let path = uri.path().replace("%2F", "%252F").replace("%2f", "%252f");
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    // What was a valid URI stays one by this replacement.
    path_and_query
        .parse::<PathAndQuery>()
        .map_or_else(|_| uri.clone(), Uri::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_encoded_slash_changes() {
        let uri = Uri::from_static("http://localhost/v1/models/a%2Fb%2fc%20d?x=%2F&y=1+2");
        assert_eq!(
            upstream_uri(&uri).to_string(),
            "/v1/models/a%252Fb%252fc%20d?x=%2F&y=1+2"
        );
    }

    #[test]
    fn ten_attempts_take_less_than_two_seconds() {
        let total: Duration = RETRY_DELAYS.iter().sum();
        assert_eq!(total, Duration::from_millis(1850));
    }
}
