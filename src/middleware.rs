//! Every layer, in order.
//!
//! A request passes, from the outside in: response headers, request id, access log and span, unread bodies, panics; then, for
//! callers only: authentication, the caller's own limits, requests in flight. Nothing here compresses or buffers an
//! answer.

pub mod access_log;
mod authenticate;
mod caller_limits;
mod in_flight;
mod panics;
mod request_id;
mod response_headers;
mod unread_body;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::request_id::RequestId;
use crate::app::AppState;

/// The layers of routes that need a caller.
pub fn around_callers(router: Router<AppState>, app: &AppState) -> Router<AppState> {
    // One stack: each call of `route_layer` would put every route into one more box.
    router.route_layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(app.clone(), authenticate::authenticate))
            .layer(from_fn_with_state(app.clone(), caller_limits::limit))
            .layer(from_fn_with_state(app.clone(), in_flight::limit)),
    )
}

/// The layers of every request.
pub fn around_everything(router: Router, app: AppState) -> Router {
    router.layer(
        ServiceBuilder::new()
            .layer(from_fn(response_headers::add))
            .layer(from_fn(request_id::assign))
            .layer(from_fn_with_state(app, access_log::log))
            .layer(from_fn(unread_body::read_the_rest))
            .layer(CatchPanicLayer::custom(panics::respond)),
    )
}
