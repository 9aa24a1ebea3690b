//! Conversations under random schedules of turns and faults: every answer must come from exactly the history that
//! the client sent, whatever the store and the service lose.
//!
//! Each schedule follows from its seed (except for how its parallel requests interleave). A failure names the seed;
//! `RANDOM_SCHEDULE_SEED=<seed>` runs that schedule alone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use fastrand::Rng;
use foundry_emulator::{Emulator, Options};
use foundry_gateway::{
    config::Environment,
    continuity::{
        cleanup,
        store::{Clock, ConversationStore, Upstream, memory::MemoryStore},
    },
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{FaultyStore, Gateway, Weather, Witness, text_of};

const SCHEDULES: u64 = 1_000;
/// Schedules that run side by side, each lane on gateways and a store of its own.
const LANES: u64 = 10;
const ONE_SEED: &str = "RANDOM_SCHEDULE_SEED";

/// The clock of a store that is wrong, by as much as a schedule says.
#[derive(Debug)]
struct SkewedClock(AtomicU64);

const NOW: u64 = 2_000_000_000;

impl Clock for SkewedClock {
    fn unix_milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_mul(1000)
    }
}

/// Two gateways on one store, which fails when it is told to.
struct Lane {
    gateways: [Gateway; 2],
    rows: Arc<dyn ConversationStore>,
    store: Arc<FaultyStore>,
    clock: Arc<SkewedClock>,
}

impl Lane {
    async fn in_front_of(emulator: &Emulator) -> Self {
        let clock = Arc::new(SkewedClock(AtomicU64::new(NOW)));
        let rows = Arc::new(MemoryStore::new(10_000, Arc::clone(&clock) as _));
        let store = FaultyStore::around(Arc::clone(&rows) as _);
        let endpoint = emulator.project_endpoint();
        let gateway = || Gateway::with_store(&endpoint, &[], Arc::clone(&store) as _);
        Self {
            gateways: [gateway().await, gateway().await],
            rows,
            store,
            clock,
        }
    }

    /// No rows, the right time and no faults.
    async fn begin(&self) {
        self.store.set(0, Weather::Fair);
        self.clock.0.store(NOW, Ordering::Relaxed);
        let page = self.rows.expired(u64::MAX, None, 1_000).await.unwrap();
        for row in page.rows {
            self.rows.take(&row.key, &row.version).await.unwrap();
        }
    }
}

/// One schedule: clients that know some histories, and go on from any of them.
struct Schedule<'a> {
    seed: u64,
    rng: Rng,
    lane: &'a Lane,
    emulator: &'a Emulator,
    witness: &'a Witness,
    agent: &'static str,
    /// Histories that end in an answer, without system text, and the id that came with that.
    histories: Vec<(Vec<Value>, String)>,
    system: Option<&'static str>,
    questions: u32,
    turns: u64,
}

impl Schedule<'_> {
    async fn run(mut self) -> u64 {
        self.turn((Vec::new(), String::new()), 1).await;
        for _ in 0..self.rng.u8(3..7) {
            self.let_something_happen().await;
            let from = self.rng.usize(..self.histories.len());
            let newest = self.histories.len() - 1;
            match self.rng.u8(..8) {
                0..4 => self.turn(self.histories[newest].clone(), 1).await,
                4 => self.regenerate(from).await,
                5 => self.edit(from).await,
                6 => {
                    let clients = self.rng.usize(2..4);
                    self.turn(self.histories[newest].clone(), clients).await;
                }
                _ => self.leave(self.histories[from].0.clone()).await,
            }
        }
        self.turns
    }

    /// Changes the weather, the clock, the system text; makes the service forget; cleans up too early.
    async fn let_something_happen(&mut self) {
        match self.rng.u8(..10) {
            0 | 1 => self.lane.store.set(self.rng.u64(..), Weather::Foul),
            2 => self.lane.store.set(0, Weather::Fair),
            3 => self.lane.store.set(0, Weather::Down),
            4 => self.forget_upstream().await,
            5 => {
                let skewed = [0, NOW, u64::from(u32::MAX)][self.rng.usize(..3)];
                self.lane.clock.0.store(skewed, Ordering::Relaxed);
            }
            6 => {
                let rules = [None, Some("Rule: brief"), Some("Rule: polite")];
                self.system = rules[self.rng.usize(..3)];
            }
            _ => {}
        }
    }

    /// Some clients send the same history with a question each, at the same time, through either gateway.
    async fn turn(&mut self, (history, id): (Vec<Value>, String), clients: usize) {
        let same_question = self.rng.bool();
        let clean_up_meanwhile = self.rng.u8(..8) == 0;
        let mut asked = Vec::new();
        for client in 0..clients {
            if client == 0 || !same_question {
                self.questions += 1;
            }
            let mut history = history.clone();
            let question = format!("question {} of {}", self.questions, self.seed);
            history.push(json!({"role": "user", "content": question}));
            let id = self.rng.bool().then_some(id.as_str());
            asked.push((history, id, self.rng.usize(..2), self.rng.bool()));
        }
        let requests = asked
            .iter()
            .map(|(history, id, gateway, stream)| self.ask(*gateway, history, *id, *stream));
        let (answers, ()) = tokio::join!(join_all(requests), async {
            if clean_up_meanwhile {
                self.clean_up().await;
            }
        });
        for ((mut history, ..), (answer, id)) in asked.into_iter().zip(answers) {
            history.push(json!({"role": "assistant", "content": answer}));
            self.histories.push((history, id));
            self.turns += 1;
        }
    }

    /// Asks the last question of a history again.
    async fn regenerate(&mut self, from: usize) {
        let (mut history, id) = self.histories[from].clone();
        history.pop();
        let (gateway, stream) = (self.rng.usize(..2), self.rng.bool());
        let id = self.rng.bool().then_some(id.as_str());
        let (answer, id) = self.ask(gateway, &history, id, stream).await;
        history.push(json!({"role": "assistant", "content": answer}));
        self.histories.push((history, id));
        self.turns += 1;
    }

    /// Changes one of the questions of a history, and drops what followed it.
    async fn edit(&mut self, from: usize) {
        let (mut history, id) = self.histories[from].clone();
        let question = self.rng.usize(..history.len() / 2) * 2;
        history.truncate(question);
        self.turn((history, id), 1).await;
    }

    /// A client that does not wait for its answer.
    async fn leave(&mut self, mut history: Vec<Value>) {
        self.questions += 1;
        let question = format!("question {} of {}", self.questions, self.seed);
        history.push(json!({"role": "user", "content": question}));
        let patience = std::time::Duration::from_micros(self.rng.u64(..8_000));
        // Either outcome is fine: the point is what the next turn finds.
        let _ = tokio::time::timeout(patience, self.ask(0, &history, None, true)).await;
    }

    /// Sends a history, and checks that the agent was given exactly it. An id goes with histories that show an
    /// answer; one that is not known (any more) is left away in a second attempt.
    async fn ask(
        &self,
        gateway: usize,
        history: &[Value],
        id: Option<&str>,
        stream: bool,
    ) -> (String, String) {
        let system = self
            .system
            .map(|text| json!({"role": "system", "content": text}));
        let messages: Vec<Value> = system.into_iter().chain(history.iter().cloned()).collect();
        let mut body = json!({"model": self.agent, "stream": stream, "messages": messages});
        if let Some(id) = id.filter(|_| 1 < history.len()) {
            body["thread_id"] = json!(id);
        }
        let mut response = self.lane.gateways[gateway].chat(body.clone()).await;
        if response.status() == 404 && body["thread_id"].is_string() {
            body["thread_id"].take();
            response = self.lane.gateways[gateway].chat(body).await;
        }
        let status = response.status();
        let id = response.headers().get("x-thread-id");
        let id = id.map_or_else(String::new, |id| id.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        let circumstances = format!("{ONE_SEED}={} ({})", self.seed, self.agent);
        assert_eq!(status, 200, "{circumstances}: {text}");
        let answer = if stream {
            text_of(&text)
        } else {
            let answer: Value = serde_json::from_str(&text).unwrap();
            answer["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        self.witness.assert_saw(&messages, &answer, &circumstances);
        (answer, id)
    }

    /// The service loses everything that the rows of this lane name.
    async fn forget_upstream(&self) {
        let page = self.lane.rows.expired(u64::MAX, None, 1_000).await.unwrap();
        let heads = page.rows.into_iter().filter_map(|row| row.row);
        join_all(heads.map(|row| async move {
            let path = match row.upstream {
                Upstream::Response { id } => format!("/openai/v1/responses/{id}"),
                Upstream::Thread { id } => format!("/threads/{id}?api-version=v1"),
                Upstream::Run { run, .. } => format!("/threads/{}?api-version=v1", run.thread_id),
                Upstream::Row { .. } => return,
            };
            let url = format!("{}{path}", self.emulator.project_endpoint());
            let http = &self.lane.gateways[0].http;
            http.delete(url).bearer_auth("t").send().await.unwrap();
        }))
        .await;
    }

    /// A clean-up whose clock is years ahead.
    async fn clean_up(&self) {
        let ahead = SkewedClock(AtomicU64::new(u64::MAX));
        let gateway = &self.lane.gateways[1];
        // A store that fails ends it, as it would end any.
        let _ = cleanup::run(&*self.lane.store, &ahead, &gateway.app.projects, "req_1").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_comes_from_the_right_history() {
    let witness = Witness::start().await;
    let options = Options {
        model_server: Some(witness.as_model_server()),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let one_seed: Option<u64> = Environment::of_process()
        .get(ONE_SEED)
        .map(|seed| seed.parse().unwrap());
    let (witness, emulator) = (&witness, &emulator);
    let lanes = (0..LANES).map(|number| async move {
        let lane = Lane::in_front_of(emulator).await;
        let mut done = (0, 0);
        for seed in (number..SCHEDULES).step_by(usize::try_from(LANES).unwrap()) {
            if one_seed.is_some_and(|wanted| wanted != seed) {
                continue;
            }
            let mut rng = Rng::with_seed(seed);
            let agent = ["assistant", "asst_assistant"][rng.usize(..2)];
            lane.begin().await;
            let schedule = Schedule {
                seed,
                rng,
                lane: &lane,
                emulator,
                witness,
                agent,
                histories: Vec::new(),
                system: None,
                questions: 0,
                turns: 0,
            };
            done.0 += 1;
            done.1 += schedule.run().await;
        }
        done
    });
    let done = join_all(lanes).await;
    let schedules: u64 = done.iter().map(|lane| lane.0).sum();
    let turns: u64 = done.iter().map(|lane| lane.1).sum();
    assert_eq!(schedules, one_seed.map_or(SCHEDULES, |_| 1));
    assert!(schedules <= turns, "{turns} turns of {schedules} schedules");
}
