//! Bounds the answers in the making; a streamed one counts until its last byte.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{app::AppState, error::ApiError, sse::end_of_body::EndOfBody};

pub(super) async fn limit(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let Ok(permit) = Arc::clone(&app.in_flight).try_acquire_owned() else {
        return ApiError::too_many_requests_in_flight().into_response();
    };
    let (parts, body) = next.run(request).await.into_parts();
    Response::from_parts(
        parts,
        Body::new(EndOfBody::new(body, move |_, _| drop(permit))),
    )
}
