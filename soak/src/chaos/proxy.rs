//! A proxy between two ends of TCP, on which things go wrong.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use fastrand::Rng;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{plan, relay, weather::Weather};

/// A proxy on a port of its own; dropping it ends it, and its connections.
#[derive(Debug)]
pub(crate) struct ChaosProxy {
    address: SocketAddr,
    circumstances: Arc<Circumstances>,
    _serving: AbortOnDropHandle<()>,
    /// Keeps the port while nobody listens on it.
    _port: TcpSocket,
}

/// What all connections of a proxy share.
#[derive(Debug)]
pub(super) struct Circumstances {
    seed: u64,
    /// Where connections go.
    target: Mutex<SocketAddr>,
    weather: watch::Sender<Weather>,
    /// About how many bytes pass between two faults of one direction.
    pub(super) bytes_between_faults: u64,
    faults: Mutex<BTreeMap<&'static str, u64>>,
    connections: AtomicU64,
}

const BACKLOG: u32 = 1_024;

impl ChaosProxy {
    /// A proxy in front of `target`, in fair weather until it is changed.
    pub(crate) fn start(
        target: SocketAddr,
        seed: u64,
        bytes_between_faults: u64,
    ) -> anyhow::Result<Self> {
        let port = bound((Ipv4Addr::LOCALHOST, 0).into()).context("no port for a proxy")?;
        let address = port.local_addr()?;
        let circumstances = Arc::new(Circumstances {
            seed,
            target: Mutex::new(target),
            weather: watch::Sender::new(Weather::Fair),
            bytes_between_faults,
            faults: Mutex::default(),
            connections: AtomicU64::new(0),
        });
        let listener = bound(address)?.listen(BACKLOG)?;
        let serving = serve(listener, address, Arc::clone(&circumstances));
        Ok(Self {
            address,
            circumstances,
            _serving: AbortOnDropHandle::new(TaskTracker::new().spawn(serving)),
            _port: port,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections from now on go there.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *lock(&self.circumstances.target) = target;
    }

    /// From now on things go wrong as this weather has it.
    pub(crate) fn set_weather(&self, weather: Weather) {
        self.circumstances.weather.send_replace(weather);
    }

    /// How often each fault was committed.
    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.circumstances.faults).clone()
    }
}

/// A socket on an address that others may be bound to as well, as long as one of them listens.
fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn serve(listener: TcpListener, address: SocketAddr, circumstances: Arc<Circumstances>) {
    let connections = TaskTracker::new();
    let ended = tokio_util::sync::CancellationToken::new();
    // Connections end with the proxy.
    let _end = ended.clone().drop_guard();
    let mut listener = Some(listener);
    loop {
        let Some(listens) = &listener else {
            circumstances.no_outage().await;
            match bound(address).and_then(|socket| socket.listen(BACKLOG)) {
                Ok(again) => listener = Some(again),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            continue;
        };
        let accepted = tokio::select! {
            accepted = listens.accept() => accepted,
            () = circumstances.outage() => {
                circumstances.count("outage");
                listener = None;
                continue;
            }
        };
        let Ok((client, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (circumstances, ended) = (Arc::clone(&circumstances), ended.clone());
        connections.spawn(async move {
            tokio::select! {
                () = connect(client, &circumstances) => {}
                () = ended.cancelled() => {}
            }
        });
    }
}

async fn connect(client: TcpStream, circumstances: &Circumstances) {
    let number = circumstances.connections.fetch_add(1, Ordering::Relaxed);
    let mut rng = Rng::with_seed(circumstances.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    if plan::resets_at_connect(&mut rng) && circumstances.is_foul() {
        circumstances.count("reset at connect");
        return relay::reset(client);
    }
    let target = *lock(&circumstances.target);
    let Ok(server) = TcpStream::connect(target).await else {
        return relay::reset(client);
    };
    // What one side writes leaves at once, as it would without the proxy.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    relay::relay(client, server, circumstances, &mut rng).await;
}

impl Circumstances {
    pub(super) fn is_foul(&self) -> bool {
        *self.weather.borrow() == Weather::Foul
    }

    pub(super) fn count(&self, fault: &'static str) {
        *lock(&self.faults).entry(fault).or_default() += 1;
    }

    /// Waits until nothing is reachable.
    pub(super) async fn outage(&self) {
        let mut weather = self.weather.subscribe();
        // The sender is this one, so that only the outage ends the wait.
        let _ = weather
            .wait_for(|weather| *weather == Weather::Outage)
            .await;
    }

    async fn no_outage(&self) {
        let mut weather = self.weather.subscribe();
        let _ = weather
            .wait_for(|weather| *weather != Weather::Outage)
            .await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server that sends back what it gets, and a proxy in front of it.
    async fn proxied(bytes_between_faults: u64) -> (ChaosProxy, AbortOnDropHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = async move {
            let connections = TaskTracker::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        };
        let echo = AbortOnDropHandle::new(TaskTracker::new().spawn(echo));
        (
            ChaosProxy::start(address, 1, bytes_between_faults).unwrap(),
            echo,
        )
    }

    /// Whether so many bytes come back as they were sent.
    async fn echoes(proxy: &ChaosProxy, bytes: usize) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(proxy.address()).await?;
        let (mut from, mut to) = stream.split();
        let sent = vec![b'x'; bytes];
        let mut received = vec![0; bytes];
        let (written, read) = tokio::join!(to.write_all(&sent), from.read_exact(&mut received));
        written?;
        read?;
        Ok(sent == received)
    }

    #[tokio::test]
    async fn in_fair_weather_everything_passes() {
        let (proxy, _echo) = proxied(100).await;
        for _ in 0..20 {
            assert!(echoes(&proxy, 20_000).await.unwrap());
        }
        assert!(proxy.faults().is_empty());
    }

    #[tokio::test]
    async fn in_an_outage_nobody_listens_and_afterwards_it_is_as_before() {
        let (proxy, _echo) = proxied(100).await;
        let mut open = TcpStream::connect(proxy.address()).await.unwrap();
        open.write_all(b"x").await.unwrap();
        assert_eq!(open.read_u8().await.unwrap(), b'x');
        proxy.set_weather(Weather::Outage);
        assert!(open.read_u8().await.is_err(), "open connections are reset");
        let refused = async {
            while TcpStream::connect(proxy.address()).await.map(drop).is_ok() {
                tokio::task::yield_now().await;
            }
            TcpStream::connect(proxy.address())
                .await
                .unwrap_err()
                .kind()
        };
        let refused = tokio::time::timeout(Duration::from_secs(10), refused).await;
        assert_eq!(refused.unwrap(), std::io::ErrorKind::ConnectionRefused);
        proxy.set_weather(Weather::Fair);
        let again = async {
            while echoes(&proxy, 10).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        let again = tokio::time::timeout(Duration::from_secs(10), again).await;
        assert!(again.is_ok());
        assert_eq!(proxy.faults().get("outage"), Some(&1));
    }

    #[tokio::test]
    async fn in_foul_weather_every_fault_is_committed() {
        let (proxy, _echo) = proxied(4_000).await;
        proxy.set_weather(Weather::Foul);
        let every_fault = async {
            let mut damaged = 0;
            while proxy.faults().len() < 6 {
                // A stall is waited for by nobody.
                let echoes =
                    tokio::time::timeout(Duration::from_millis(100), echoes(&proxy, 2_000));
                damaged += usize::from(!matches!(echoes.await, Ok(Ok(true))));
            }
            damaged
        };
        let damaged = tokio::time::timeout(Duration::from_secs(30), every_fault).await;
        assert!(6 <= damaged.unwrap(), "{:?}", proxy.faults());
    }
}
