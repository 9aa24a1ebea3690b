//! Connections that wait for the next request.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

use super::open::OpenConnection;

/// How long an idle connection is kept; below the 60 s after which load balancers are known to drop theirs.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Idle connections, the one that was used last on top. There are never more than there were answers at once.
#[derive(Default)]
pub(super) struct IdleConnections(Mutex<State>);

#[derive(Default)]
struct State {
    /// In the order in which they became idle.
    connections: Vec<Idle>,
    /// Whether a task waits to close them.
    watched: bool,
}

struct Idle {
    connection: Box<OpenConnection>,
    expires: Instant,
}

impl fmt::Debug for IdleConnections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.with(|state| state.connections.len());
        formatter
            .debug_tuple("IdleConnections")
            .field(&idle)
            .finish()
    }
}

impl IdleConnections {
    /// A connection that can be used; those that cannot be any more are closed on the way.
    pub(super) fn take(&self) -> Option<Box<OpenConnection>> {
        loop {
            // Looked at outside the lock, because that reads from the socket.
            let mut newest = self.with(|state| state.connections.pop())?;
            if Instant::now() < newest.expires && newest.connection.is_reusable() {
                return Some(newest.connection);
            }
        }
    }

    /// Keeps a connection whose answer is read, if it can be used again.
    pub(super) fn put(self: &Arc<Self>, mut connection: Box<OpenConnection>) {
        if !connection.is_reusable() {
            return;
        }
        let expires = Instant::now() + IDLE_TIMEOUT;
        let was_watched = self.with(|state| {
            state.connections.push(Idle {
                connection,
                expires,
            });
            std::mem::replace(&mut state.watched, true)
        });
        if !was_watched {
            let closing = Self::close_in_time(Arc::downgrade(self), expires);
            #[expect(
                clippy::disallowed_methods,
                reason = "idle connections hold nothing up: shutdown need not wait for them"
            )]
            tokio::spawn(closing);
        }
    }

    /// Closes connections as they expire, until none is left.
    async fn close_in_time(idle: Weak<Self>, mut next: Instant) {
        loop {
            tokio::time::sleep_until(next).await;
            let Some(idle) = idle.upgrade() else { return };
            let Some(later) = idle.close_expired(Instant::now()) else {
                return;
            };
            next = later;
        }
    }

    /// When the next one expires.
    fn close_expired(&self, now: Instant) -> Option<Instant> {
        // Dropped, and so closed, after the lock is given back.
        let (_expired, next) = self.with(|state| {
            let first_kept = state
                .connections
                .partition_point(|idle| idle.expires <= now);
            let expired: Vec<Idle> = state.connections.drain(..first_kept).collect();
            let next = state.connections.first().map(|idle| idle.expires);
            state.watched = next.is_some();
            (expired, next)
        });
        next
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
