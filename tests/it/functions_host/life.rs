//! The life of the handler's process: start, kill, overlap.

use std::time::Duration;

use super::{App, read_until, start};
use crate::support::{Client, SOON, text_of};

/// What a start may take. A release build takes a hundredth of it; this is a debug build beside other tests.
const START_BUDGET: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn it_is_ready_at_once_though_nothing_that_it_needs_can_be_reached() {
    let app = App::new().await;
    // Ports of 127.0.0.1 where nobody listens, and a name that does not exist.
    let projects = [
        "http://127.0.0.1:9/api/projects/none",
        "https://account.services.invalid/api/projects/none",
    ];
    for project in projects {
        let options = app
            .options()
            .setting("FOUNDRY_PROJECT_ENDPOINT", project)
            .setting("FOUNDRY_ACCESS_TOKEN", "")
            .setting("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token")
            .setting("IDENTITY_HEADER", "secret");
        let (host, client) = start(options).await;
        let took = host.start_duration().unwrap();
        assert!(took < START_BUDGET, "{project}: {took:?}");
        assert_eq!(client.get("/healthz").await.status(), 200, "{project}");
        assert_eq!(client.get("/readyz").await.status(), 503, "{project}");
        assert_eq!(host.errors(), []);
    }
}

#[tokio::test]
async fn a_kill_breaks_the_stream_off_and_the_next_process_serves() {
    let app = App::new().await;
    let (host, client) = app.start().await;
    let mut stream = client.ask_streamed("stall-middle", "hi").await;
    read_until(&mut stream, "\"content\":\"This").await;
    let pid = host.handler_pid();
    host.kill_handler().await;
    let broken = tokio::time::timeout(SOON, stream.text()).await.unwrap();
    assert!(
        broken.is_err(),
        "a broken stream must not look like one that ended: {broken:?}"
    );

    let next = client.ask("echo", "still there?").await;
    assert_eq!(next.status(), 200);
    assert!(next.text().await.unwrap().contains("still there?"));
    assert_eq!(host.restarts(), 1);
    assert_ne!(host.handler_pid(), pid);
}

#[tokio::test]
async fn two_instances_serve_side_by_side() {
    let app = App::new().await;
    let (host, client) = app.start().await;
    let mut held = client.ask_streamed("stall-middle", "hi").await;
    read_until(&mut held, "\"content\":\"This").await;
    let second = Box::pin(host.start_second_instance()).await.unwrap();
    assert_ne!(host.handler_address(), second.handler_address());
    let successor = Client::of(second.address());
    for client in [&client, &successor] {
        assert_eq!(client.ask("echo", "hi").await.status(), 200);
        let stream = client
            .ask_streamed("echo", "both")
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(text_of(&stream), "both");
    }
    // The first goes, as after a restart of the host; the second does not notice.
    host.shutdown().await;
    assert_eq!(successor.ask("echo", "hi").await.status(), 200);
    assert_eq!(second.errors(), []);
}

#[tokio::test]
async fn the_timer_cleans_up_and_cannot_be_called_through_the_host() {
    let app = App::new().await;
    let (host, client) = app.start().await;
    host.invoke_timer("thread-cleanup").await.unwrap();
    let from_outside = client
        .http
        .post(client.url("/thread-cleanup"))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(from_outside.status(), 404);
    assert_eq!(host.errors(), []);
}
