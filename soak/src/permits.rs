//! Whether a gateway has all of its permits again once nobody asks anything.

use std::{net::SocketAddr, time::Duration};

use foundry_emulator::{Behaviour, Emulator};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::{Client, Patience},
    reply::Reply,
};

/// How long the last requests may take to give their permits back, and a busy machine to have all at work at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long each request is held, so that all of them are at work at once.
const HELD_MS: u64 = 1_500;

/// Has `permits` requests at work at once in the gateway at `address`, while one more is refused; says what is wrong
/// otherwise.
pub(crate) async fn check(
    emulator: &Emulator,
    address: SocketAddr,
    permits: usize,
) -> Result<(), String> {
    let client = Client::new(vec![address]).map_err(|error| error.to_string())?;
    let mut problem = String::new();
    let tries = async {
        loop {
            match all_at_once(emulator, &client, permits).await {
                Ok(()) => return,
                Err(what) => problem = what,
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, tries).await;
    in_time.map_err(|_| problem)
}

async fn all_at_once(emulator: &Emulator, client: &Client, permits: usize) -> Result<(), String> {
    emulator.journal().clear();
    emulator.behaviour().set(Behaviour {
        latency_ms: HELD_MS,
        ..Behaviour::default()
    });
    let request = json!({"model": "echo", "messages": [{"role": "user", "content": "here"}]});
    let held = (0..permits).map(|_| client.ask(0, &request, Patience::ToTheEnd));
    let (replies, one_more) = tokio::join!(
        join_all(held),
        one_more(emulator, client, permits, &request)
    );
    emulator.behaviour().reset();
    // On a busy machine some may fail otherwise, at a deadline: they had a permit.
    if let Some(refused) = replies.iter().find(|reply| is_refusal(reply)) {
        return Err(format!("one of {permits} requests at once had {refused:?}"));
    }
    if is_refusal(&one_more) {
        return Ok(());
    }
    Err(format!(
        "one request more than {permits} at once had {one_more:?}"
    ))
}

fn is_refusal(reply: &Reply) -> bool {
    matches!(reply, Reply::Failed { status: 503, code } if code == "gateway_overloaded")
}

/// A request while all the others are at work.
async fn one_more(emulator: &Emulator, client: &Client, permits: usize, request: &Value) -> Reply {
    let at_work = emulator.journal().wait_for(
        |requests| {
            let open = requests.iter().filter(|request| request.ending.is_none());
            permits <= open.count()
        },
        Duration::from_millis(HELD_MS),
    );
    if !at_work.await {
        return Reply::NoAnswer;
    }
    client.ask(0, request, Patience::ToTheEnd).await
}
