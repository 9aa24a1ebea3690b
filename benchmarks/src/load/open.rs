//! An open loop: so many requests a second, whatever becomes of those before.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use super::{
    Marks, Plan, Signals, WARM_UP,
    body::Conversation,
    connection::{Connection, Head},
    exchange::exchange,
    summary::{Recorder, Summary},
    together,
};

/// Connections that are opened before anything is measured; more are opened when all are busy.
const CONNECTIONS: usize = 16;
/// A timer wakes up to a millisecond late. So long before a planned moment waiting turns into looking at the clock.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_micros(1100);

/// What all requests share.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    head: Arc<Head>,
    marks: Marks,
    idle: Mutex<Vec<Connection>>,
}

pub(super) async fn run(
    plan: &Plan,
    rate: f64,
    seconds: f64,
    signals: &mut Signals,
) -> anyhow::Result<Summary> {
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        head: Head::new(&plan.target)?,
        marks: Marks::default(),
        idle: Mutex::default(),
    });
    for _ in 0..WARM_UP {
        let warm_up: JoinSet<_> = (0..CONNECTIONS)
            .map(|_| Arc::clone(&shared).one(Instant::now()))
            .collect();
        warm_up.join_all().await;
    }
    signals.tell_and_wait("ready").await?;
    let mut asking = JoinSet::new();
    let begin = Instant::now();
    let interval = Duration::from_secs_f64(1.0 / rate);
    let mut planned = begin;
    while planned < begin + Duration::from_secs_f64(seconds) {
        wait_until(planned).await;
        asking.spawn(Arc::clone(&shared).one(planned));
        planned += interval;
    }
    let recorders = asking.join_all().await;
    Ok(together(recorders, begin.elapsed().as_secs_f64()))
}

async fn wait_until(planned: Instant) {
    tokio::time::sleep_until(planned - LOOK_AT_THE_CLOCK).await;
    while Instant::now() < planned {
        tokio::task::yield_now().await;
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn one(self: Arc<Self>, planned: Instant) -> Recorder {
        let mut recorder = Recorder::default();
        recorder.started_late_by(planned.elapsed().as_secs_f64() * 1000.0);
        let outcome = async {
            let idle = self.idle().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Connection::open(&self.head).await?,
            };
            let mut alone = Conversation::default();
            let begin = Some(planned);
            let times =
                exchange(&mut connection, &self.plan, &mut alone, &self.marks, begin).await?;
            self.idle().push(connection);
            Ok(times)
        };
        recorder.record(outcome.await);
        recorder
    }
}
