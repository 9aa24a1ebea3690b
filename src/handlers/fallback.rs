//! Everything that is not served.

use http::{Method, Uri};

use crate::error::ApiError;

/// 404 in OpenAI's shape.
pub async fn unknown_path(method: Method, uri: Uri) -> ApiError {
    ApiError::unknown_path(&method, uri.path())
}

/// 405 in OpenAI's shape.
pub async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::method_not_allowed(&method, uri.path())
}

/// 503 in OpenAI's shape, for everything but the question whether the process lives.
pub async fn too_many_connections() -> ApiError {
    ApiError::too_many_connections()
}
