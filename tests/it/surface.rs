//! What the gateway shows to whoever reaches it, and where it can be led to: nowhere.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, http::HeaderMap, response::IntoResponse};
use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::support::{Gateway, KEY, SOON, emulator_and_gateway, error_of};

/// Somewhere that nothing may be sent to: it counts the requests that come all the same.
struct Elsewhere {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
    _serving: AbortOnDropHandle<()>,
}

impl Elsewhere {
    async fn start() -> Self {
        let visits = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&visits);
        let visit = async move || {
            counted.fetch_add(1, Ordering::SeqCst);
            "{}"
        };
        let (address, serving) = serve(Router::new().fallback(visit)).await;
        Self {
            address,
            visits,
            _serving: serving,
        }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

async fn serve(router: Router) -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async { axum::serve(listener, router).await.unwrap() };
    (
        address,
        AbortOnDropHandle::new(TaskTracker::new().spawn(serving)),
    )
}

#[tokio::test]
async fn no_redirect_of_the_service_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Elsewhere::start().await;
        let target = format!("http://{}/api/projects/p/agents", elsewhere.address);
        let asked = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&asked);
        let redirect = async move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let status = StatusCode::from_u16(status).unwrap();
            (status, [("location", target)]).into_response()
        };
        let (address, _serving) = serve(Router::new().fallback(redirect)).await;
        let gateway = Gateway::in_front_of(&format!("http://{address}/api/projects/p"), &[]).await;
        for response in [
            gateway.ask("echo", "hi").await,
            gateway.ask_streamed("asst_echo", "hi").await,
            gateway.get("/v1/models").await,
        ] {
            assert!(!response.headers().contains_key("location"), "{status}");
            let (got, error) = error_of(response).await;
            assert_eq!(
                (got, &error["code"]),
                (502, &"upstream_failed".into()),
                "{status}"
            );
        }
        assert_eq!(asked.load(Ordering::SeqCst), 3, "{status}");
        assert_eq!(elsewhere.visits(), 0, "{status}");
    }
}

/// The answer to one request of these bytes, after which the connection is to be closed.
async fn raw(gateway: &Gateway, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(SOON, reading).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn nothing_in_a_request_chooses_where_it_goes() {
    let elsewhere = Elsewhere::start().await;
    let (emulator, gateway) = emulator_and_gateway().await;
    let evil = format!("http://{}", elsewhere.address);
    let head = format!("authorization: Bearer {KEY}\r\nconnection: close\r\n");
    let to_elsewhere = format!(
        "{} HTTP/1.1\r\nhost: {}\r\n{head}\r\n",
        "{}", elsewhere.address
    );
    let by_target = to_elsewhere.replace("{}", &format!("GET {evil}/v1/models"));
    assert!(raw(&gateway, &by_target).await.starts_with("HTTP/1.1 200 "));
    let connect = to_elsewhere.replace("{}", &format!("CONNECT {}", elsewhere.address));
    let connect = raw(&gateway, &connect).await;
    assert!(connect.starts_with("HTTP/1.1 4"), "{connect}");

    let models = [
        format!("{evil}/agent"),
        format!("//{}", elsewhere.address),
        format!("../../../{}", elsewhere.address),
        format!("azure_ai/agents/{evil}"),
        format!("@{}", elsewhere.address),
        "echo?api-version=x".to_owned(),
        "echo/../..".to_owned(),
        "echo%2f..".to_owned(),
        "echo#x".to_owned(),
    ];
    emulator.journal().clear();
    for model in models {
        let (status, error) = error_of(gateway.ask(&model, "hi").await).await;
        assert_eq!(
            (status, &error["code"]),
            (404, &"model_not_found".into()),
            "{model}"
        );
    }
    assert_eq!(emulator.journal().requests(), [], "they name no agent");

    let misleading = [
        "x-forwarded-host",
        "forwarded",
        "x-original-url",
        "x-rewrite-url",
        "x-ms-endpoint",
        "referer",
        "origin",
    ];
    let mut headers = HeaderMap::new();
    for name in misleading {
        headers.insert(name, evil.parse().unwrap());
    }
    let body = r#"{"model": "echo", "messages": [{"role": "user", "content": "hi"}], "base_url": "EVIL", "api_base": "EVIL"}"#;
    let request = gateway.http.post(gateway.url("/v1/chat/completions"));
    let request = request
        .bearer_auth(KEY)
        .headers(headers)
        .body(body.replace("EVIL", &evil));
    request.send().await.unwrap();
    let sent = emulator.journal().requests();
    for request in &sent {
        for name in misleading {
            assert!(request.headers.get(name).is_none(), "{name}: {request:?}");
        }
    }
    assert_eq!(elsewhere.visits(), 0);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_a_careful_server() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let bare = |method: Method, path: &str| gateway.http.request(method, gateway.url(path)).send();
    let answers = [
        (bare(Method::GET, "/healthz").await.unwrap(), "no-store"),
        (bare(Method::GET, "/readyz").await.unwrap(), "no-store"),
        (bare(Method::GET, "/v1/models").await.unwrap(), "no-store"),
        (bare(Method::GET, "/nowhere").await.unwrap(), "no-store"),
        (
            bare(Method::DELETE, "/v1/models").await.unwrap(),
            "no-store",
        ),
        (gateway.get("/v1/models").await, "no-store"),
        (gateway.ask("echo", "hi").await, "no-store"),
        (gateway.ask("fail-server-error", "hi").await, "no-store"),
        (
            gateway.ask_streamed("echo", "hi").await,
            "no-cache, no-store, no-transform",
        ),
    ];
    for (answer, cache_control) in answers {
        let (url, headers) = (answer.url().path(), answer.headers());
        assert_eq!(headers["x-content-type-options"], "nosniff", "{url}");
        assert_eq!(headers["cache-control"], cache_control, "{url}");
        for name in [
            "server",
            "x-powered-by",
            "via",
            "access-control-allow-origin",
            "set-cookie",
        ] {
            assert!(!headers.contains_key(name), "{url} {name}");
        }
    }
}
