//! Lets only callers through.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    app::AppState,
    error::ApiError,
    identity::{callers::Unauthenticated, entra::TokenRefused},
};

pub(super) async fn authenticate(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    match app.callers.identify(request.headers()).await {
        Ok(caller) => {
            let name = caller.name.clone();
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            response.extensions_mut().insert(name);
            response
        }
        Err(Unauthenticated::MissingKey) => ApiError::missing_key().into_response(),
        Err(Unauthenticated::WrongKey) => ApiError::wrong_key().into_response(),
        Err(Unauthenticated::Token(TokenRefused::Problem(problem))) => {
            ApiError::token_refused(problem).into_response()
        }
        Err(Unauthenticated::Token(TokenRefused::KeysUnavailable)) => {
            ApiError::token_keys_unavailable().into_response()
        }
    }
}
