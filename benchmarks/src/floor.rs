//! The floor: what any gateway made of axum and reqwest costs when it does nothing but pass bytes through.
//!
//! No authentication, no telemetry, no translation, the default runtime, `TCP_NODELAY` on both sides.
//! `POST` on any path goes to the one upstream URL.
//!
//! The floor that collects does for answers in one piece what a gateway has to do that always streams from the service:
//! it asks for a stream, reads it to its end and answers with the response that the last event tells.

mod collected;

use std::{io, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::net::TcpListener;

/// What every request shares.
#[derive(Debug, Clone)]
struct Floor {
    client: reqwest::Client,
    upstream: Arc<str>,
    collects: bool,
}

async fn pass(State(floor): State<Floor>, body: Bytes) -> Response {
    let body = if floor.collects {
        collected::for_a_stream(&body)
    } else {
        body
    };
    let request = floor
        .client
        .post(&*floor.upstream)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, "Bearer static-token")
        .body(body);
    let Ok(answer) = request.send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    if floor.collects {
        return collect(answer).await;
    }
    let mut response = Response::builder().status(answer.status());
    if let Some(kind) = answer.headers().get(header::CONTENT_TYPE) {
        response = response.header(header::CONTENT_TYPE, kind);
    }
    response
        .body(Body::from_stream(answer.bytes_stream()))
        .unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

/// Answers in one piece what comes as a stream.
async fn collect(answer: reqwest::Response) -> Response {
    let stream = answer.bytes().await.unwrap_or_default();
    match collected::response(&stream) {
        Some(response) => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (json, response.to_owned()).into_response()
        }
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Passes requests to `upstream` until the process ends; where it `collects`, every answer leaves in one piece.
pub async fn serve(listener: TcpListener, upstream: &str, collects: bool) -> anyhow::Result<()> {
    let floor = Floor {
        client: client()?,
        upstream: upstream.into(),
        collects,
    };
    let router = Router::new()
        .route("/", get(|| async { "ok" }))
        .fallback(axum::routing::post(pass))
        .with_state(floor);
    let listener = listener.tap_io(|socket| without_delay(socket.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}

/// A socket that cannot be told not to wait is used all the same.
fn without_delay(_told: io::Result<()>) {}

/// The client library is built for rustls without a provider of its own, so it is given one, as in the gateway.
fn client() -> anyhow::Result<reqwest::Client> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy();
    Ok(client.build()?)
}
