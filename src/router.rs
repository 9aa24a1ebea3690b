//! Every route.

use axum::{
    Router,
    routing::{get, post},
};

use crate::{
    app::AppState,
    handlers::{chat_completions, fallback, files, health, models, thread_cleanup},
    middleware,
};

/// What a client is told for whom there is no connection: that the process lives, and that it should come again.
pub fn refusing(app: AppState) -> Router {
    let router = Router::new()
        .route("/", get(health::alive))
        .route("/healthz", get(health::alive))
        .fallback(fallback::too_many_connections);
    middleware::around_everything(router, app)
}

/// The routes, with every layer around them.
pub fn build(app: AppState) -> Router {
    let for_callers = Router::new()
        .route("/v1/chat/completions", post(chat_completions::create))
        .route("/v1/files", get(files::list).post(files::upload))
        .route("/v1/files/{id}", get(files::retrieve).delete(files::delete))
        .route("/v1/files/{id}/content", get(files::content))
        .route("/v1/models", get(models::list))
        .route("/v1/models/", get(models::list))
        .route("/v1/models/{*id}", get(models::retrieve));
    let for_everyone = Router::new()
        .route("/", get(health::alive))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/thread-cleanup", post(thread_cleanup::run));
    let router = middleware::around_callers(for_callers, &app)
        .merge(for_everyone)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .fallback(fallback::unknown_path)
        .with_state(app.clone());
    middleware::around_everything(router, app)
}
