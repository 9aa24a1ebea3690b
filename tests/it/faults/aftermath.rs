//! What must hold after a fault: every permit is back, no connection is kept that is good for nothing, no background
//! task runs on.

use std::time::Duration;

use crate::support::{Gateway, SOON};

use super::proxy::{Proxy, Seen};

/// Longer than any background task may take once the service works again.
const ALL_TASKS_END: Duration = Duration::from_secs(25);

/// Every permit for an answer is back.
pub(super) async fn permits_are_back(gateway: &Gateway) -> Result<(), String> {
    let all = gateway.app.config.limits.concurrent_requests;
    let free = || gateway.app.in_flight.available_permits();
    within(SOON, || free() == all)
        .await
        .map_err(|()| format!("{} of {all} permits are free", free()))
}

/// The gateway has closed every connection on which a fault was committed, and those that `is_spent` says.
pub(super) async fn spent_connections_are_closed(
    proxy: &Proxy,
    is_spent: impl Fn(&Seen) -> bool,
) -> Result<(), String> {
    let spent = || {
        let mut open = proxy.open();
        open.retain(|seen| seen.is_struck || is_spent(seen));
        open
    };
    within(SOON, || spent().is_empty())
        .await
        .map_err(|()| format!("these connections are still open: {:?}", spent()))
}

/// No more connections are kept than this.
pub(super) async fn few_connections_are_open(proxy: &Proxy, most: usize) -> Result<(), String> {
    within(SOON, || proxy.open().len() <= most)
        .await
        .map_err(|()| format!("more than {most} connections are open: {:?}", proxy.open()))
}

/// All that was begun in the background is over, and all connections of clients, which are tasks too.
pub(super) async fn no_task_is_left(gateway: &Gateway) -> Result<(), String> {
    let left = || gateway.app.tasks.len();
    within(ALL_TASKS_END, || left() == 0)
        .await
        .map_err(|()| format!("{} background tasks are left", left()))
}

pub(super) async fn within(bound: Duration, holds: impl Fn() -> bool) -> Result<(), ()> {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(bound, waiting).await.map_err(|_| ())
}
