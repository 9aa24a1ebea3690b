//! The agent service breaks: before it is reached, or at each stage of its answer.

use std::{collections::BTreeMap, io::Write};

use foundry_emulator::{Behaviour, Emulator, Fault};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::{
    STARTING, aftermath,
    outcome::{Dialect, Mode, Outcome, ask},
    proxy::{HandshakeFault, How, Place, Proxy, Security, WireFault, trusted_certificates},
    table::Row,
};
use crate::support::{Gateway, always, emulator};

/// Tries one cell of the table.
pub(super) async fn try_cell(
    row: Row,
    mode: Mode,
    dialect: &'static Dialect,
) -> Result<Outcome, String> {
    let (behaviour, wire) = match wire_fault(&row, dialect) {
        Some(fault) => (Behaviour::default(), Some(fault)),
        None => (behaviour(&row, dialect), None),
    };
    let security = match row.stage.as_str() {
        "tls" => Security::Tls,
        _ => Security::Clear,
    };
    let starting = STARTING.acquire().await.unwrap();
    let emulator = emulator(behaviour).await;
    let mut proxy = Proxy::in_front_of(emulator.address(), security).await;
    if let Some(fault) = wire {
        proxy.strike(fault, dialect.request).await;
    }
    let gateway = gateway_behind(&proxy, &row).await;
    drop(starting);
    let outcome = ask(&emulator, &gateway, mode, dialect).await;
    let held = nothing_is_held(&row, &proxy, &gateway, dialect, &outcome).await;
    emulator.behaviour().reset();
    proxy.heal().await;
    held?;
    next_request_is_answered(&emulator, &gateway, dialect).await?;
    aftermath::no_task_is_left(&gateway).await?;
    // One for the turn, one for what was deleted meanwhile.
    aftermath::few_connections_are_open(&proxy, 2).await?;
    Ok(outcome)
}

async fn nothing_is_held(
    row: &Row,
    proxy: &Proxy,
    gateway: &Gateway,
    dialect: &Dialect,
    outcome: &Outcome,
) -> Result<(), String> {
    aftermath::permits_are_back(gateway).await?;
    // A connection on which the answer came to its end may be used again.
    let ended = outcome.is_whole()
        || ["eof", "error_event", "html"].contains(&row.fault.as_str())
        || row.fault.starts_with("status:");
    aftermath::spent_connections_are_closed(proxy, |seen| {
        !ended && (seen.request.is_empty() || seen.request.starts_with(dialect.request))
    })
    .await
}

async fn next_request_is_answered(
    emulator: &Emulator,
    gateway: &Gateway,
    dialect: &Dialect,
) -> Result<(), String> {
    let next = ask(emulator, gateway, Mode::Stream, dialect).await;
    if next.is_whole() && next.asked == 1 {
        Ok(())
    } else {
        Err(format!("the next request: {next:?}"))
    }
}

async fn gateway_behind(proxy: &Proxy, row: &Row) -> Gateway {
    let mut trusted = NamedTempFile::new().unwrap();
    trusted
        .write_all(trusted_certificates().as_bytes())
        .unwrap();
    let mut settings = Vec::new();
    if ["connect", "tls"].contains(&row.stage.as_str()) {
        settings.push(("GATEWAY_CONNECT_TIMEOUT_SECONDS", "1"));
        settings.push(("SSL_CERT_FILE", trusted.path().to_str().unwrap()));
    } else if row.hangs() {
        settings.extend(super::SHORT_DEADLINES);
    }
    let endpoint = format!("{}/api/projects/emulated", proxy.origin());
    Gateway::in_front_of(&endpoint, &settings).await
}

/// The fault where it is the connection's; otherwise it is the emulator's.
fn wire_fault(row: &Row, dialect: &Dialect) -> Option<WireFault> {
    let how = match row.fault.as_str() {
        "reset" => How::Reset,
        "close" => How::Close,
        "stall" => How::Stall,
        "garbage" => How::Garbage,
        "truncated" => How::Truncated,
        "not_utf8" => How::NotUtf8,
        "flood" => How::Flood,
        "slow_head" => How::Slow,
        "huge_head" => How::HugeHead,
        "html" => How::Html,
        _ => {
            return match (row.stage.as_str(), row.fault.as_str()) {
                ("connect", "refuse") => Some(WireFault::Refuse),
                ("tls", fault) => Some(WireFault::Handshake(handshake_fault(fault))),
                _ => None,
            };
        }
    };
    // What the emulator does itself, it does at the right place.
    let is_the_emulators = matches!(how, How::Reset | How::Close | How::Stall);
    let [created, text, end] = dialect.events;
    let place = match row.stage.as_str() {
        "connect" => return Some(WireFault::NeverConnects),
        "tls" => return Some(WireFault::Handshake(handshake_fault(&row.fault))),
        "accept" => return Some(WireFault::OnAccept(how)),
        "after" => Place::After(end),
        _ if is_the_emulators => return None,
        "headers" => Place::Head,
        "created" => Place::After(created),
        "middle" => Place::After(text),
        "end" => Place::Before(end),
        stage => panic!("no stage of an answer: {stage}"),
    };
    Some(WireFault::OnAnswer(place, how))
}

fn handshake_fault(word: &str) -> HandshakeFault {
    match word {
        "alert" => HandshakeFault::Alert,
        "reset" => HandshakeFault::End(How::Reset),
        "close" => HandshakeFault::End(How::Close),
        "stall" => HandshakeFault::End(How::Stall),
        "slow" => HandshakeFault::Slow,
        "garbage" => HandshakeFault::NotTls,
        "truncated" => HandshakeFault::Truncated,
        "oversized" => HandshakeFault::Oversized,
        "another_name" => HandshakeFault::AnotherName,
        "unknown_authority" => HandshakeFault::UnknownAuthority,
        "expired" => HandshakeFault::Expired,
        other => panic!("no fault of a handshake: {other}"),
    }
}

fn behaviour(row: &Row, dialect: &Dialect) -> Behaviour {
    let stage = serde_json::from_value(Value::from(row.stage.as_str())).unwrap();
    always(dialect.operation, stage, emulator_fault(&row.fault))
}

/// `oversized:N` has N bytes, `status:N` is that status; the others are spelled as the emulator spells them.
fn emulator_fault(word: &str) -> Fault {
    let parts: Vec<&str> = word.split(':').collect();
    match parts[..] {
        ["oversized", bytes] => Fault::Oversized {
            bytes: bytes.parse().unwrap(),
        },
        ["status", status] => status_fault(status, BTreeMap::new()),
        ["status", status, wait] => {
            let wait = ("retry-after".to_owned(), wait.to_owned());
            status_fault(status, BTreeMap::from([wait]))
        }
        _ => serde_json::from_value(Value::from(word)).unwrap(),
    }
}

fn status_fault(status: &str, headers: BTreeMap<String, String>) -> Fault {
    Fault::Status {
        status: status.parse().unwrap(),
        headers,
        body: Value::Null,
    }
}
