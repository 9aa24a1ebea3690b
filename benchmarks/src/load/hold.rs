//! Many streams that are open at a time: opened at once, held in the middle of their answers, then read to their end.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::{sync::Notify, task::JoinSet, time::Instant};

use super::{
    Marks, Plan, Signals,
    body::Conversation,
    connection::{Connection, Head},
    exchange::ask,
    summary::{Recorder, Summary},
    together,
};

/// Says `holding` when every stream has shown text or ended, and waits for a line before it takes the ends.
pub(super) async fn run(
    plan: &Plan,
    streams: usize,
    signals: &mut Signals,
) -> anyhow::Result<Summary> {
    let head = Head::new(&plan.target)?;
    let plan = Arc::new(plan.clone());
    let marks = Arc::new(Marks::default());
    let waiting = Arc::new(Waiting {
        streams: AtomicUsize::new(streams),
        none: Notify::new(),
    });
    signals.tell_and_wait("ready").await?;
    let begin = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..streams {
        let (plan, head) = (Arc::clone(&plan), Arc::clone(&head));
        let (marks, waiting) = (Arc::clone(&marks), Arc::clone(&waiting));
        asking.spawn(async move { one(&plan, &head, &marks, &waiting).await });
    }
    waiting.none.notified().await;
    signals.tell_and_wait("holding").await?;
    let recorders = asking.join_all().await;
    Ok(together(recorders, begin.elapsed().as_secs_f64()))
}

/// The streams that have not shown text yet.
#[derive(Debug)]
struct Waiting {
    streams: AtomicUsize,
    none: Notify,
}

impl Waiting {
    fn one_less(&self) {
        if self.streams.fetch_sub(1, Relaxed) == 1 {
            self.none.notify_one();
        }
    }
}

async fn one(plan: &Plan, head: &Arc<Head>, marks: &Marks, waiting: &Waiting) -> Recorder {
    let mut recorder = Recorder::default();
    let mut shown = false;
    let outcome = async {
        let mut connection = Connection::open(head).await?;
        let mark = marks.next();
        let body = Conversation::default().ask(plan, &mark);
        let at_first_text = || {
            shown = true;
            waiting.one_less();
        };
        let now = Instant::now();
        let (times, _) = ask(&mut connection, plan, body, &mark, now, at_first_text).await?;
        Ok(times)
    };
    recorder.record(outcome.await);
    if !shown {
        waiting.one_less();
    }
    recorder
}
