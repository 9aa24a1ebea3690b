//! A closed loop: each connection sends its next request when it has the answer to the one before.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use super::{
    Marks, Plan, Signals, WARM_UP,
    body::Conversation,
    connection::{Connection, Head},
    exchange::exchange,
    summary::{Recorder, Summary},
    together,
};

pub(super) async fn run(
    plan: &Plan,
    connections: usize,
    seconds: f64,
    signals: &mut Signals,
) -> anyhow::Result<Summary> {
    let marks = Arc::new(Marks::default());
    let head = Head::new(&plan.target)?;
    let plan = Arc::new(plan.clone());
    let workers: Vec<Worker> = (0..connections)
        .map(|_| Worker {
            plan: Arc::clone(&plan),
            head: Arc::clone(&head),
            marks: Arc::clone(&marks),
            connection: None,
        })
        .collect();
    let (workers, warm_up) = all(workers, Until::Requests(WARM_UP)).await;
    drop(warm_up);
    signals.tell_and_wait("ready").await?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(seconds);
    let (_, recorders) = all(workers, Until::Moment(end)).await;
    Ok(together(recorders, begin.elapsed().as_secs_f64()))
}

/// Lets all workers ask until then.
async fn all(workers: Vec<Worker>, until: Until) -> (Vec<Worker>, Vec<Recorder>) {
    let mut asking = JoinSet::new();
    for worker in workers {
        asking.spawn(worker.ask(until));
    }
    asking.join_all().await.into_iter().unzip()
}

#[derive(Debug, Clone, Copy)]
enum Until {
    Requests(usize),
    Moment(Instant),
}

#[derive(Debug)]
struct Worker {
    plan: Arc<Plan>,
    head: Arc<Head>,
    marks: Arc<Marks>,
    connection: Option<Connection>,
}

impl Worker {
    async fn ask(mut self, until: Until) -> (Self, Recorder) {
        let mut recorder = Recorder::default();
        let mut conversation = Conversation::default();
        let mut requests = 0;
        while match until {
            Until::Requests(most) => requests < most,
            Until::Moment(end) => Instant::now() < end,
        } {
            requests += 1;
            let outcome = async {
                let mut connection = match self.connection.take() {
                    Some(connection) => connection,
                    None => Connection::open(&self.head).await?,
                };
                let (plan, marks) = (&self.plan, &self.marks);
                let times = exchange(&mut connection, plan, &mut conversation, marks, None).await?;
                // Only a connection whose answer was read to a good end is used again.
                self.connection = Some(connection);
                Ok(times)
            }
            .await;
            if outcome.is_err() {
                conversation = Conversation::default();
            }
            recorder.record(outcome);
        }
        (self, recorder)
    }
}
