//! A run: the load is held, then what must be true afterwards is looked at.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::{
    chaos::{self, Weather},
    client::Client,
    gateway::GatewayProcess,
    ledger::Ledger,
    load::{self, Load},
    options::Options,
    permits,
    report::{Facts, GatewayReport, Report},
    resources::{self, Resources, Sample},
    service_faults::ServiceFaults,
    site::{PERMITS, Site, seed_of},
};

/// What a run may take beside the time of the load: starting, the last answers, the looks afterwards.
const AROUND_THE_LOAD: Duration = Duration::from_secs(240);
/// Samples of a run, 5 s apart in one of a quarter of an hour.
const SAMPLES: u32 = 180;

/// Holds the load, and reports. An error is a run that could not be made; what it found is in the report.
pub async fn run(options: Options) -> anyhow::Result<Report> {
    let limit = options.duration + AROUND_THE_LOAD;
    tokio::time::timeout(limit, run_to_the_end(options))
        .await
        .with_context(|| format!("the run did not end within {limit:?}"))?
}

async fn run_to_the_end(options: Options) -> anyhow::Result<Report> {
    let site = Site::start(&options).await?;
    let gateways = site.start_gateways(&options.gateway).await?;
    let addresses: Vec<_> = gateways.iter().map(|gateway| gateway.address).collect();
    let began = Instant::now();
    let load = Arc::new(Load {
        client: Client::new(addresses)?,
        ledger: Ledger::default(),
        trouble: Arc::clone(&site.trouble),
        ends: began + options.duration,
        seed: options.seed,
    });
    let service_faults = ServiceFaults::default();
    let held = load::hold(Arc::clone(&load), options.conversations);
    let sampled = join_all(
        gateways
            .iter()
            .map(|gateway| sample(gateway, began, &options)),
    );
    let samples = tokio::select! {
        (samples, ()) = async { tokio::join!(sampled, held) } => samples,
        error = faults(&site, &service_faults, &options) => return Err(error),
    };
    let seconds = began.elapsed().as_secs_f64();
    for proxy in [&site.to_service, &site.to_store, &site.to_receiver] {
        proxy.set_weather(Weather::Fair);
    }
    site.emulator.behaviour().reset();
    let mut reports = Vec::new();
    for (gateway, samples) in gateways.into_iter().zip(samples) {
        reports.push(look_at(gateway, &samples, &site).await);
    }
    let facts = Facts {
        seed: options.seed,
        seconds,
        at_a_time: options.conversations,
        counts: load.ledger.counts(),
        faults: [
            ("gateway to service", site.to_service.faults()),
            ("gateway to store", site.to_store.faults()),
            ("gateway to receiver", site.to_receiver.faults()),
        ],
        service_faults: service_faults.committed(),
        store_losses: site.store_losses.load(Ordering::Relaxed),
        store_troubles: site.trouble.times(),
        telemetry: site.receiver.requests(),
    };
    Ok(Report::new(facts, reports))
}

/// Everything that goes wrong during the load; it ends only where a fault cannot be made.
async fn faults(site: &Site, service_faults: &ServiceFaults, options: &Options) -> anyhow::Error {
    let weather = |proxy, part| chaos::changes(proxy, seed_of(options.seed, part));
    let behaviour = site.emulator.behaviour();
    tokio::select! {
        () = weather(&site.to_service, "weather to service") => {}
        () = weather(&site.to_store, "weather to store") => {}
        () = weather(&site.to_receiver, "weather to receiver") => {}
        () = service_faults.commit(behaviour, seed_of(options.seed, "service")) => {}
        lost = site.lose_stores(options.store_life) => {
            if let Err(error) = lost {
                return error;
            }
        }
    }
    anyhow::anyhow!("the faults ended before the load")
}

async fn sample(gateway: &GatewayProcess, began: Instant, options: &Options) -> Vec<Sample> {
    match gateway.pid() {
        Some(pid) => {
            let every = options.duration / SAMPLES;
            resources::watch(pid, began, options.duration, every).await
        }
        None => Vec::new(),
    }
}

/// What must be true of a gateway after the load.
async fn look_at(gateway: GatewayProcess, samples: &[Sample], site: &Site) -> GatewayReport {
    let mut problems = Vec::new();
    let permits = permits::check(&site.emulator, gateway.address, PERMITS).await;
    let permits_are_back = permits.is_ok();
    problems.extend(permits.err());
    let resources = Resources::of(samples);
    match &resources {
        Some(resources) => problems.extend(resources.growth()),
        None => problems.push("memory and descriptors could not be read from /proc".to_owned()),
    }
    let warnings = gateway.warnings();
    let exit_code = match gateway.stop().await {
        Ok((code, alarms)) => {
            problems.extend(alarms.into_iter().map(|line| format!("in its log: {line}")));
            if code != Some(0) {
                problems.push(format!("after SIGTERM the exit code was {code:?}, not 0"));
            }
            code
        }
        Err(error) => {
            problems.push(format!("{error:#}"));
            None
        }
    };
    GatewayReport {
        resources,
        permits_are_back,
        exit_code,
        warnings,
        problems,
    }
}
