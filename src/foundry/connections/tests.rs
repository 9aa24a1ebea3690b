use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::foundry::http_client;

const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const BEGUN: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
/// Far longer than anything here takes.
const SOON: Duration = Duration::from_secs(10);

struct Server {
    listener: TcpListener,
    connections: Connections,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connections = connections_to(listener.local_addr().unwrap());
        Self {
            listener,
            connections,
        }
    }

    async fn accept(&self) -> TcpStream {
        let accepted = tokio::time::timeout(SOON, self.listener.accept()).await;
        accepted.expect("no connection came").unwrap().0
    }

    /// Sends a request and answers it over `socket` with `answer`.
    async fn exchange(&self, socket: &mut TcpStream, answer: &str) -> Response<UpstreamBody> {
        let (response, ()) = tokio::join!(
            self.connections.send(request()),
            answer_with(socket, answer)
        );
        response.unwrap()
    }

    /// The same over a connection that is made for it.
    async fn first_exchange(&self, answer: &str) -> (Response<UpstreamBody>, TcpStream) {
        let (response, socket) = tokio::join!(self.connections.send(request()), async {
            let mut socket = self.accept().await;
            answer_with(&mut socket, answer).await;
            socket
        });
        (response.unwrap(), socket)
    }
}

fn connections_to(address: SocketAddr) -> Connections {
    let endpoint = Url::parse(&format!("http://{address}/api")).unwrap();
    Connections::to(&endpoint, http_client::tls(None).unwrap(), SOON).unwrap()
}

fn request() -> Request<RequestBody> {
    Request::post("/api/x")
        .header("host", "localhost")
        .body(RequestBody::whole(Bytes::from_static(b"body")))
        .unwrap()
}

/// Reads one request, of which only the end is looked for, and answers.
async fn answer_with(socket: &mut TcpStream, answer: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\nbody") {
        let read = tokio::time::timeout(SOON, socket.read_buf(&mut request)).await;
        assert!(0 < read.expect("no request came").unwrap(), "closed");
    }
    socket.write_all(answer.as_bytes()).await.unwrap();
}

async fn is_closed(socket: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(SOON, socket.read_to_end(&mut rest))
        .await
        .is_ok()
}

async fn text(response: Response<UpstreamBody>) -> Bytes {
    BodyExt::collect(response.into_body())
        .await
        .unwrap()
        .to_bytes()
}

#[tokio::test]
async fn an_answer_that_is_read_leaves_its_connection_to_the_next_request() {
    let server = Server::start().await;
    let (first, mut socket) = server.first_exchange(WHOLE).await;
    assert_eq!(text(first).await, "hello");
    let second = server.exchange(&mut socket, WHOLE).await;
    assert_eq!(text(second).await, "hello");
}

#[tokio::test]
async fn an_answer_that_has_arrived_and_is_not_read_leaves_its_connection_too() {
    let server = Server::start().await;
    let (first, mut socket) = server.first_exchange(WHOLE).await;
    drop(first);
    let second = server.exchange(&mut socket, WHOLE).await;
    assert_eq!(text(second).await, "hello");
}

#[tokio::test]
async fn an_answer_that_is_let_go_closes_its_connection() {
    let server = Server::start().await;
    let (response, mut socket) = server.first_exchange(BEGUN).await;
    let mut body = response.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "hello");
    drop(body);
    assert!(is_closed(&mut socket).await);
}

#[tokio::test]
async fn a_request_that_is_given_up_closes_its_connection() {
    let server = Server::start().await;
    let mut given_up = Box::pin(server.connections.send(request()));
    let mut socket = tokio::select! {
        _ = &mut given_up => unreachable!("nobody answers"),
        socket = server.accept() => socket,
    };
    drop(given_up);
    assert!(is_closed(&mut socket).await);
}

#[tokio::test]
async fn an_idle_connection_that_the_service_has_closed_is_not_used() {
    let server = Server::start().await;
    let (first, socket) = server.first_exchange(WHOLE).await;
    text(first).await;
    drop(socket);
    // The runtime looks at its sockets between two tasks.
    tokio::task::yield_now().await;
    let (second, _) = server.first_exchange(WHOLE).await;
    assert_eq!(text(second).await, "hello");
}

#[tokio::test]
async fn a_connection_that_the_service_means_to_close_is_not_used_again() {
    let server = Server::start().await;
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    let (first, mut socket) = server.first_exchange(closing).await;
    assert_eq!(text(first).await, "hello");
    assert!(is_closed(&mut socket).await);
    let (second, _) = server.first_exchange(WHOLE).await;
    assert_eq!(text(second).await, "hello");
}

#[tokio::test]
async fn an_answer_that_is_cut_is_an_error_and_not_an_end() {
    let server = Server::start().await;
    let (response, socket) = server.first_exchange(BEGUN).await;
    drop(socket);
    let mut body = response.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "hello");
    assert!(body.next().await.unwrap().is_err());
    assert!(server.connections.idle.take().is_none());
}

#[tokio::test]
async fn what_one_read_brings_is_there_without_another_wait() {
    let server = Server::start().await;
    let ten = format!("{BEGUN}{}", "5\r\nhello\r\n".repeat(9));
    let (response, _socket) = server.first_exchange(&ten).await;
    let mut body = response.into_body();
    let mut chunks = 0;
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while let std::task::Poll::Ready(Some(Ok(_))) = body.poll_next_unpin(&mut context) {
        chunks += 1;
    }
    assert_eq!(chunks, 10);
}

#[tokio::test]
async fn a_connection_that_stays_idle_is_closed_in_time() {
    let server = Server::start().await;
    let (first, mut socket) = server.first_exchange(WHOLE).await;
    text(first).await;
    tokio::time::pause();
    // Nothing else is due, so that the clock goes straight to the end of the idle time.
    let begun = tokio::time::Instant::now();
    let mut byte = [0];
    assert_eq!(socket.read(&mut byte).await.unwrap(), 0);
    let waited = begun.elapsed();
    assert!(waited <= Duration::from_secs(60), "{waited:?}");
    assert!(Duration::from_secs(40) < waited, "{waited:?}");
}

#[tokio::test]
async fn a_host_that_nobody_listens_on_is_unreachable_and_a_silent_one_too() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let refused = connections_to(address).send(request()).await;
    assert!(matches!(refused, Err(NotAnswered::Unreachable(_))));

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Url::parse(&format!("https://{}/api", silent.local_addr().unwrap())).unwrap();
    let tls = http_client::tls(None).unwrap();
    let connections = Connections::to(&endpoint, tls, Duration::from_millis(50)).unwrap();
    let refused = connections.send(request()).await;
    let Err(NotAnswered::Unreachable(error)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(error.to_string(), "no connection within the limit");
}

#[tokio::test]
async fn an_answer_whose_head_does_not_end_is_not_read_whole() {
    let server = Server::start().await;
    let head = format!("HTTP/1.1 200 OK\r\nx-long: {}", "x".repeat(200 << 10));
    let (answered, ()) = tokio::join!(server.connections.send(request()), async {
        let mut socket = server.accept().await;
        let mut request = Vec::new();
        assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0);
        // The gateway may close before all of it is written.
        drop(socket.write_all(head.as_bytes()).await);
        assert!(is_closed(&mut socket).await);
    });
    assert!(matches!(answered, Err(NotAnswered::BrokenOff(_))));
}
