//! The forwarding mode (`enableForwardingHttpRequest`): the original request, but the response is buffered whole.
//!
//! It exists to show what an app loses with it: events of a stream arrive in one block at the end, and a client that
//! goes does not stop the handler.

use std::sync::Arc;

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, USER_AGENT},
};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;

use crate::{
    USER_AGENT_OF_HOST,
    dispatch::{HostBody, Invocation, content_length, empty, whole},
    host::Shared,
    logs::LogLevel,
    proxy::{self, headers},
    upstream::{BoxError, UpstreamBody},
};

/// Hands a request to the handler and answers when the handler's response is complete.
pub(crate) async fn forward(
    host: &Arc<Shared>,
    invocation: Arc<Invocation>,
    request: Request<Incoming>,
) -> Response<HostBody> {
    let task_host = Arc::clone(host);
    // On a task of its own, because this mode goes on when the client has gone.
    let task = host.tracker.spawn(async move {
        let result = exchange(&task_host, &invocation.id, request).await;
        result.map_err(|error| error.to_string())
    });
    match task.await {
        Ok(Ok(response)) => response,
        Ok(Err(reason)) => failed(host, &reason),
        Err(error) => failed(host, &error.to_string()),
    }
}

fn failed(host: &Shared, reason: &str) -> Response<HostBody> {
    let text = format!("Failed to forward request: {reason}");
    host.logs.host(LogLevel::Error, text);
    empty(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn exchange(
    host: &Shared,
    invocation_id: &str,
    request: Request<Incoming>,
) -> Result<Response<HostBody>, BoxError> {
    let (mut head, incoming) = request.into_parts();
    // A body without a length is dropped, as the real host does.
    let body: UpstreamBody = match content_length(&head.headers) {
        Some(1..) => incoming.map_err(Into::into).boxed_unsync(),
        Some(0) | None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
    };
    headers::remove_hop_by_hop(&mut head.headers);
    headers::set_invocation(&mut head.headers, invocation_id);
    head.headers.insert(
        USER_AGENT,
        user_agent(head.headers.get(USER_AGENT))
            .unwrap_or(HeaderValue::from_static(USER_AGENT_OF_HOST)),
    );
    head.uri = proxy::upstream_uri(&head.uri);

    let mut connection = host.pool.connection().await?;
    let response = connection.exchange(Request::from_parts(head, body)).await?;
    let (mut head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    host.pool.give_back(connection);
    headers::remove_hop_by_hop(&mut head.headers);
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    Ok(Response::from_parts(head, whole(body)))
}

/// The client's user agent with the host's behind it.
fn user_agent(of_client: Option<&HeaderValue>) -> Option<HeaderValue> {
    let of_client = of_client?.to_str().ok()?;
    HeaderValue::try_from(format!("{of_client} {USER_AGENT_OF_HOST}")).ok()
}
