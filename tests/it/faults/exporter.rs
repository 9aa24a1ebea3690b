//! The receiver of telemetry breaks. The client never feels it, and what is lost is counted.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    aftermath,
    outcome::{Dialect, Mode, Outcome, ask},
    proxy::{Proxy, Security, WireFault},
    table::Row,
};
use crate::support::{Collector, Gateway, SOON, emulator};

/// Far less than the receiver would need: no request waits for it.
const UNFELT: Duration = Duration::from_secs(5);

/// Tries one cell of the table.
pub(super) async fn try_cell(
    row: Row,
    mode: Mode,
    dialect: &'static Dialect,
) -> Result<Outcome, String> {
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
    let begin = Instant::now();
    let outcome = ask(&emulator, &gateway, mode, dialect).await;
    if UNFELT < begin.elapsed() {
        return Err(format!("the client waited for {:?}", begin.elapsed()));
    }
    aftermath::permits_are_back(&gateway).await?;
    let losses = gateway.app.telemetry.losses();
    let is_counted = || 0 < losses.exports() && 0 < losses.spans();
    aftermath::within(SOON * 2, is_counted)
        .await
        .map_err(|()| "what was lost is not counted".to_owned())?;
    aftermath::spent_connections_are_closed(&proxy, |_| false).await?;
    proxy.heal().await;
    let next = ask(&emulator, &gateway, mode, dialect).await;
    if !next.is_whole() {
        return Err(format!("the next request: {next:?}"));
    }
    collector.until(|received| !received.spans.is_empty()).await;
    aftermath::no_task_is_left(&gateway).await?;
    aftermath::few_connections_are_open(&proxy, 1).await?;
    Ok(outcome)
}
