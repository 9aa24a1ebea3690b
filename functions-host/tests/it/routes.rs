//! Which requests reach the handler at all.

use functions_host::Host;
use http::{Request, StatusCode};

use crate::support::{App, assert_empty, get, json, post, send, text};

#[tokio::test]
async fn only_the_functions_routes_reach_the_handler() {
    let app = App::new();
    let host = app.start().await;
    assert_eq!(
        get(host.address(), "/v1/echo").await.status(),
        StatusCode::OK
    );
    for path in [
        "/other",
        "/v2/echo",
        "/admin/host/status",
        "/runtime/webhooks",
        "/sweep",
    ] {
        assert_empty(&get(host.address(), path).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_method_that_is_not_listed_is_not_found() {
    let app = App::new().http_function(
        "models",
        r#""authLevel": "anonymous", "methods": ["get"], "route": "v2/models""#,
    );
    let host = app.start().await;
    assert_empty(
        &post(host.address(), "/v2/models", "").await,
        StatusCode::NOT_FOUND,
    );
}

#[tokio::test]
async fn without_methods_every_method_reaches_the_handler() {
    let app = App::new();
    let host = app.start().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/v1/echo");
        let echo = send(host.address(), request.body(String::new()).unwrap()).await;
        assert_eq!(json(&echo)["method"], method);
    }
}

#[tokio::test]
async fn the_root_is_the_hosts_own_page() {
    let app = App::new();
    let host = app.start().await;
    let page = get(host.address(), "/").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()["content-type"], "text/html");

    let options = app.options().setting("AzureWebJobsDisableHomepage", "true");
    let host = Host::start(options).await.unwrap();
    assert_empty(&get(host.address(), "/").await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_routed_root_reaches_the_handler() {
    let app = App::new().http_function("all", r#""authLevel": "anonymous", "route": "{*path}""#);
    let host = app.start().await;
    assert_eq!(text(&get(host.address(), "/").await), "ready");
}

#[tokio::test]
async fn a_key_is_asked_for_where_the_function_says_so() {
    let app = App::new().http_function("locked", r#""authLevel": "function", "route": "v1/echo""#);
    // The first function by name would take the request otherwise.
    std::fs::remove_dir_all(app.path().join("openai")).unwrap();
    let host = app.start().await;
    let with = |name: &str, value: &str| {
        let request = Request::get("/v1/echo").header(name, value);
        send(host.address(), request.body(String::new()).unwrap())
    };
    assert_empty(
        &get(host.address(), "/v1/echo").await,
        StatusCode::UNAUTHORIZED,
    );
    assert_empty(
        &with("authorization", "Bearer function-key").await,
        StatusCode::UNAUTHORIZED,
    );
    assert_empty(
        &with("x-functions-key", "wrong").await,
        StatusCode::UNAUTHORIZED,
    );
    assert_eq!(
        with("x-functions-key", "function-key").await.status(),
        StatusCode::OK
    );
    let by_code = get(host.address(), "/v1/echo?a=b&code=function-key").await;
    assert_eq!(by_code.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_route_prefix_is_part_of_the_path() {
    let app = App::new().http_function("echo", r#""authLevel": "anonymous", "route": "echo""#);
    let prefix = "AzureFunctionsJobHost__extensions__http__routePrefix";
    let host = Host::start(app.options().setting(prefix, "v1"))
        .await
        .unwrap();
    assert_eq!(
        json(&get(host.address(), "/v1/echo").await)["target"],
        "/v1/echo"
    );
    assert_empty(&get(host.address(), "/echo").await, StatusCode::NOT_FOUND);
}
