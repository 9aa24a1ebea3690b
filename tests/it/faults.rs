//! The fault table: what a client gets when something that the gateway needs breaks, by where it breaks and by how.
//!
//! Whatever happens, the answer comes within a bound, a broken answer never looks like a finished one, the agent is
//! asked as often as the table says and no oftener, nothing is held afterwards, and the next request is answered.

mod aftermath;
mod agent_service;
mod callers;
mod document;
mod exporter;
mod outcome;
mod proxy;
mod store;
mod table;
mod token;
mod whole_answers;

use std::{future::Future, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use crate::support::Azurite;

use self::{
    outcome::{DIALECTS, Dialect, Mode, Outcome},
    table::Row,
};

/// Far longer than any deadline below: only an answer that never comes reaches it.
const BOUND: Duration = Duration::from_secs(60);
/// The deadlines of the gateway where a service hangs; elsewhere none may be what ends the request.
const SHORT_DEADLINES: [(&str, &str); 4] = [
    ("GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS", "2"),
    ("GATEWAY_IDLE_TIMEOUT_SECONDS", "2"),
    ("GATEWAY_RESPONSE_TIMEOUT_SECONDS", "4"),
    ("GATEWAY_STREAM_TIMEOUT_SECONDS", "4"),
];
/// How many cells are tried at the same time.
const AT_A_TIME: usize = 16;
/// The same of cells that wait for most of their time: until a deadline has passed, until something is tried again.
const WAITING_AT_A_TIME: usize = 48;
/// Held while a cell starts its services, so that those that are under way, and have a deadline, need not wait for all.
static STARTING: Semaphore = Semaphore::const_new(2);

#[tokio::test]
async fn an_agent_service_that_cannot_be_reached_is_told_and_survived() {
    check(
        &["connect", "tls", "accept"],
        AT_A_TIME,
        agent_service::try_cell,
    )
    .await;
}

#[tokio::test]
async fn an_agent_service_that_breaks_before_its_first_event_is_told_and_survived() {
    check(&["headers", "created"], AT_A_TIME, agent_service::try_cell).await;
}

#[tokio::test]
async fn an_agent_service_that_breaks_within_its_answer_is_told_and_survived() {
    check(
        &["middle", "end", "after"],
        AT_A_TIME,
        agent_service::try_cell,
    )
    .await;
}

#[tokio::test]
async fn a_store_that_breaks_costs_no_answer_that_shows_its_history() {
    let azurite = Azurite::with_shared_key().await;
    let azurite = &azurite;
    let try_cell = |row, mode, dialect| store::try_cell(azurite, row, mode, dialect);
    check(&["store", "named"], WAITING_AT_A_TIME, try_cell).await;
    store::a_store_that_fails_halfway_is_told_as_that(azurite).await;
}

#[tokio::test]
async fn an_authority_that_gives_no_token_is_told_and_survived() {
    check(&["token"], AT_A_TIME, token::try_cell).await;
}

#[tokio::test]
async fn a_tenant_that_breaks_lets_its_callers_try_again() {
    check(&["keys", "exchange"], WAITING_AT_A_TIME, callers::try_cell).await;
}

#[tokio::test]
async fn a_receiver_of_telemetry_that_breaks_is_never_felt() {
    check(&["exporter"], WAITING_AT_A_TIME, exporter::try_cell).await;
}

/// Tries every cell of these stages, so many at a time.
async fn check<F, R>(stages: &[&str], at_a_time: usize, try_cell: F)
where
    F: Fn(Row, Mode, &'static Dialect) -> R + Copy,
    R: Future<Output = Result<Outcome, String>>,
{
    let rows = table::rows().filter(|row| stages.contains(&row.stage.as_str()));
    // What hangs is tried last, where nothing keeps the machine busy while a deadline runs.
    let (hanging, others): (Vec<Row>, Vec<Row>) = rows.partition(Row::hangs);
    let mut wrong = Vec::new();
    for (rows, at_a_time) in [(others, at_a_time), (hanging, WAITING_AT_A_TIME)] {
        let cells = rows.into_iter().flat_map(|row| {
            let modes = [Mode::Answer, Mode::Stream];
            modes.into_iter().flat_map(move |mode| {
                let row = row.clone();
                DIALECTS
                    .iter()
                    .map(move |dialect| (row.clone(), mode, dialect))
            })
        });
        let found = stream::iter(cells)
            .map(|(row, mode, dialect)| async move {
                let expected = Outcome::expected(&row, mode);
                let tried = tokio::time::timeout(BOUND, try_cell(row.clone(), mode, dialect));
                let problem = match tried.await {
                    Ok(Ok(outcome)) if outcome == expected => return None,
                    Ok(Ok(outcome)) => format!("{outcome:?}"),
                    Ok(Err(problem)) => problem,
                    Err(_) => format!("nothing within {BOUND:?}"),
                };
                Some(format!("{row}\n  {}, {mode:?}: {problem}", dialect.agent))
            })
            .buffer_unordered(at_a_time)
            .filter_map(std::future::ready);
        wrong.extend(found.collect::<Vec<_>>().await);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
