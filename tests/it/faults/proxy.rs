//! A proxy between the gateway and a service, which breaks what passes it in a way that the test chooses, and knows
//! which connections of the gateway are open.

mod certificates;
mod commit;
mod connections;
mod door;
mod handshake;
mod relay;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

pub(super) use self::{
    certificates::trusted_certificates, connections::Seen, handshake::HandshakeFault,
};
use self::{connections::Connections, door::Door};

/// What the proxy does to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WireFault {
    /// Nobody listens.
    Refuse,
    /// The queue of new connections is full, so that none comes about.
    NeverConnects,
    /// Something happens to the handshake of TLS.
    Handshake(HandshakeFault),
    /// Connections end, or hang, before anything is read from them.
    OnAccept(How),
    /// The service has read the request, and something happens at this place of its answer.
    OnAnswer(Place, How),
}

impl WireFault {
    /// What the table calls so where it is a whole service that breaks.
    pub(super) fn of_service(word: &str) -> Self {
        let how = match word {
            "refuse" => return Self::Refuse,
            "unknown_authority" => return Self::Handshake(HandshakeFault::UnknownAuthority),
            "reset" => How::Reset,
            "close" => How::Close,
            "stall" => How::Stall,
            "slow" => How::Slow,
            "garbage" => How::Garbage,
            "truncated" => How::Truncated,
            "cut" => How::Cut,
            "oversized" => How::Oversized,
            "html" => How::Html,
            word => match word.split_once(':') {
                Some(("status", status)) => How::Status(status.parse().unwrap()),
                _ => panic!("no fault of a service: {word}"),
            },
        };
        Self::OnAnswer(Place::Head, how)
    }
}

/// Where in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Instead of its first byte.
    Head,
    /// Before the event of this name.
    Before(&'static str),
    /// After the event of this name.
    After(&'static str),
}

/// What happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The connection is reset.
    Reset,
    /// The connection is closed.
    Close,
    /// Nothing comes any more.
    Stall,
    /// One byte comes at a time.
    Slow,
    /// Bytes come that are no HTTP.
    Garbage,
    /// The connection is closed in the middle of a line of the head, or of an event.
    Truncated,
    /// The connection is closed one byte before the end of what came first.
    Cut,
    /// The answer comes with megabytes of padding.
    Oversized,
    /// The head has megabytes.
    HugeHead,
    /// An event comes that is no UTF-8.
    NotUtf8,
    /// Comments come without a pause and without an end.
    Flood,
    /// This status comes instead.
    Status(u16),
    /// A page for people comes instead, with status 200.
    Html,
}

/// Whether the gateway reaches the proxy over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    Clear,
    Tls,
}

/// The proxy; dropping it closes everything.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    door: Door,
}

#[derive(Debug)]
struct Shared {
    backend: SocketAddr,
    security: Security,
    fault: Mutex<Option<WireFault>>,
    /// Only answers to requests with this in their first line are struck.
    only: Mutex<&'static str>,
    connections: Connections,
}

impl Proxy {
    /// One that lets everything pass.
    pub(super) async fn in_front_of(backend: SocketAddr, security: Security) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            backend,
            security,
            fault: Mutex::new(None),
            only: Mutex::new(""),
            connections: Connections::default(),
        });
        let door = Door::Open(accept(listener, &shared));
        Self {
            address,
            shared,
            door,
        }
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        let scheme = match self.shared.security {
            Security::Clear => "http",
            Security::Tls => "https",
        };
        format!("{scheme}://{}", self.address)
    }

    /// From now on this happens, on new connections; those that are there are closed. Where it happens to an answer,
    /// it is one to a request with `only` in its first line.
    pub(super) async fn strike(&mut self, fault: WireFault, only: &'static str) {
        *self.shared.fault.lock().unwrap() = Some(fault);
        *self.shared.only.lock().unwrap() = only;
        self.shared.connections.close(|_| true);
        match fault {
            WireFault::Refuse => self.door.refuse(self.address).await,
            WireFault::NeverConnects => self.door.fill_up(self.address).await,
            _ => {}
        }
    }

    /// From now on everything passes; connections that were struck are closed.
    pub(super) async fn heal(&mut self) {
        *self.shared.fault.lock().unwrap() = None;
        self.shared.connections.close(|seen| seen.is_struck);
        if let Some(listener) = self.door.open_again().await {
            self.door = Door::Open(accept(listener, &self.shared));
        }
    }

    /// The connections that the gateway has open now.
    pub(super) fn open(&self) -> Vec<Seen> {
        self.shared.connections.open()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.connections.close(|_| true);
    }
}

impl Shared {
    fn fault(&self) -> Option<WireFault> {
        *self.fault.lock().unwrap()
    }

    fn strikes_answer_to(&self, request: &str) -> Option<(Place, How)> {
        match self.fault() {
            Some(WireFault::OnAnswer(place, how))
                if request.contains(*self.only.lock().unwrap()) =>
            {
                Some((place, how))
            }
            _ => None,
        }
    }
}

fn accept(listener: TcpListener, shared: &Arc<Shared>) -> AbortOnDropHandle<()> {
    let shared = Arc::clone(shared);
    let tasks = TaskTracker::new();
    AbortOnDropHandle::new(tasks.clone().spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let shared = Arc::clone(&shared);
            let closed = CancellationToken::new();
            tasks.spawn(async move {
                tokio::select! {
                    () = serve(stream, &shared, closed.clone()) => {}
                    () = closed.cancelled() => {}
                }
            });
        }
    }))
}

async fn serve(stream: TcpStream, shared: &Shared, closed: CancellationToken) {
    let connection = shared.connections.opened(closed);
    match shared.fault() {
        Some(WireFault::OnAccept(how)) => {
            connection.struck();
            commit::end(stream, how).await;
        }
        Some(WireFault::Handshake(fault)) => {
            connection.struck();
            handshake::fail(stream, fault).await;
        }
        _ if shared.security == Security::Clear => {
            relay::relay(stream, shared, &connection).await;
        }
        _ => {
            if let Ok(stream) = certificates::good().accept(stream).await {
                Box::pin(relay::relay(stream, shared, &connection)).await;
            }
        }
    }
}
