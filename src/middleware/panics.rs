//! Turns a panic into a 500 in OpenAI's shape; every other request goes on.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// The message of the panic goes nowhere: it may hold what a client sent.
pub(super) fn respond(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request handler panicked; this is a bug of the gateway");
    let error = ApiError {
        detail: Some("the gateway panicked; this is a bug of the gateway".to_owned()),
        ..ApiError::internal()
    };
    error.into_response()
}
