//! The receiver of telemetry breaks. The client never feels it, and what is lost is counted.

use std::time::Duration;

use foundry_emulator::Emulator;
use tokio::time::Instant;

use super::{
    STARTING, aftermath,
    outcome::{Dialect, Mode, Outcome, ask},
    proxy::{Proxy, Security, WireFault},
    table::Row,
};
use crate::support::{Collector, Gateway, SOON, emulator};

/// Far less than the receiver would need: no request waits for it.
const UNFELT: Duration = Duration::from_secs(5);

/// An answer with status 200 is one, whatever it says.
const TAKEN_FOR_DELIVERED: [&str; 2] = ["html", "oversized"];

/// Tries one cell of the table.
pub(super) async fn try_cell(
    row: Row,
    mode: Mode,
    dialect: &'static Dialect,
) -> Result<Outcome, String> {
    let starting = STARTING.acquire().await.unwrap();
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let collector = Collector::start().await;
    let mut proxy = Proxy::in_front_of(collector.address(), Security::Clear).await;
    proxy.strike(WireFault::of_service(&row.fault), "").await;
    let receiver = proxy.origin();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.as_str()),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    drop(starting);
    let parts = (&emulator, &collector, &gateway);
    let tried = try_with(&row, mode, dialect, parts, &mut proxy).await;
    proxy.heal().await;
    // Dropped as it is, it would wait for its last spans, and everything with it.
    gateway.app.telemetry.clone().shut_down().await;
    tried
}

async fn try_with(
    row: &Row,
    mode: Mode,
    dialect: &'static Dialect,
    (emulator, collector, gateway): (&Emulator, &Collector, &Gateway),
    proxy: &mut Proxy,
) -> Result<Outcome, String> {
    let begin = Instant::now();
    let outcome = ask(emulator, gateway, mode, dialect).await;
    if UNFELT < begin.elapsed() {
        return Err(format!("the client waited for {:?}", begin.elapsed()));
    }
    aftermath::permits_are_back(gateway).await?;
    let losses = gateway.app.telemetry.losses();
    if !TAKEN_FOR_DELIVERED.contains(&row.fault.as_str()) {
        aftermath::within(SOON * 2, || 0 < losses.exports() && 0 < losses.spans())
            .await
            .map_err(|()| "what was lost is not counted".to_owned())?;
    }
    aftermath::spent_connections_are_closed(proxy, |_| false).await?;
    proxy.heal().await;
    let next = ask(emulator, gateway, mode, dialect).await;
    if !next.is_whole() {
        return Err(format!("the next request: {next:?}"));
    }
    // What came before the fault is known of it, or what comes after it.
    collector.until(|received| !received.spans.is_empty()).await;
    aftermath::no_task_is_left(gateway).await?;
    aftermath::few_connections_are_open(proxy, 1).await?;
    Ok(outcome)
}
