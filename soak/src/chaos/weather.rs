//! Good and bad times of a network, in turns.

use std::time::Duration;

use fastrand::Rng;

use super::ChaosProxy;

/// How a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Everything passes.
    Fair,
    /// Connections suffer what their plans say.
    Foul,
    /// Nobody listens: open connections are reset, new ones refused.
    Outage,
}

/// Changes the weather of a proxy for ever, as the seed has it; the time is spent about equally in fair and foul
/// weather, and an outage comes now and then.
pub(crate) async fn changes(proxy: &ChaosProxy, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    loop {
        for (weather, milliseconds) in [
            (Weather::Fair, 500..4_000),
            (Weather::Foul, 500..4_000),
            (Weather::Outage, 50..900),
        ] {
            if weather == Weather::Outage && rng.u8(..3) != 0 {
                continue;
            }
            proxy.set_weather(weather);
            tokio::time::sleep(Duration::from_millis(rng.u64(milliseconds))).await;
        }
    }
}
