//! Lets only callers through.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{app::AppState, error::ApiError, identity::callers::Unauthenticated};

pub(super) async fn authenticate(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    match app.callers.identify(request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller.clone());
            let mut response = next.run(request).await;
            response.extensions_mut().insert(caller);
            response
        }
        Err(Unauthenticated::MissingKey) => ApiError::missing_key().into_response(),
        Err(Unauthenticated::WrongKey) => ApiError::wrong_key().into_response(),
    }
}
