//! An OTLP/HTTP receiver that takes most of what it gets, and counts it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
};
use fastrand::Rng;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A running receiver; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    rng: Mutex<Rng>,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Receiver {
    pub(crate) async fn start(seed: u64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("no port for the OTLP receiver")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            rng: Mutex::new(Rng::with_seed(seed)),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&shared));
        let serving = async {
            // It ends with the task, not by itself.
            let _ = axum::serve(listener, router).await;
        };
        Ok(Self {
            address,
            shared,
            _serving: AbortOnDropHandle::new(TaskTracker::new().spawn(serving)),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests that were taken, and refused.
    pub(crate) fn requests(&self) -> (u64, u64) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (read(&self.shared.taken), read(&self.shared.refused))
    }
}

async fn answer(State(shared): State<Arc<Shared>>, _body: Bytes) -> StatusCode {
    let chance = {
        let mut rng = shared.rng.lock().unwrap_or_else(PoisonError::into_inner);
        rng.u8(..10)
    };
    match chance {
        0 => {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            StatusCode::SERVICE_UNAVAILABLE
        }
        1 => {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            StatusCode::BAD_REQUEST
        }
        _ => {
            shared.taken.fetch_add(1, Ordering::Relaxed);
            StatusCode::OK
        }
    }
}
