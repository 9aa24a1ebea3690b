//! A run: the load is held, then what must be true afterwards is looked at.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::{
    chaos::{self, Weather},
    client::Client,
    gateway::GatewayProcess,
    ledger::{Ledger, Outcome},
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
    let limit = options.duration * 6 + AROUND_THE_LOAD;
    tokio::time::timeout(limit, run_to_the_end(options))
        .await
        .with_context(|| format!("the run did not end within {limit:?}"))?
}

async fn run_to_the_end(options: Options) -> anyhow::Result<Report> {
    let site = Site::start(&options).await?;
    let gateways = site.start_gateways(&options.gateway).await?;
    let addresses: Vec<_> = gateways.iter().map(|gateway| gateway.address).collect();
    let began = Instant::now();
    let every = options.duration / SAMPLES;
    let load = Arc::new(Load {
        client: Client::new(addresses)?,
        ledger: Ledger::default(),
        trouble: Arc::clone(&site.trouble),
        over: AtomicBool::new(false),
        seed: options.seed,
        began,
    });
    let service_faults = ServiceFaults::default();
    let samples: Vec<_> = gateways.iter().map(|_| Mutex::default()).collect();
    let watched = gateways.iter().zip(&samples);
    let watched = join_all(watched.map(|(gateway, samples)| watch(gateway, began, every, samples)));
    let held = load::hold(Arc::clone(&load), options.conversations);
    tokio::select! {
        ((), ()) = async { tokio::join!(held, end(&load, &options)) } => {}
        _ = watched => bail!("the watch on memory and descriptors ended before the load"),
        () = faults(&site, &service_faults, &options) => bail!("the faults ended before the load"),
    }
    let took = began.elapsed();
    for proxy in [&site.to_service, &site.to_store, &site.to_receiver] {
        proxy.set_weather(Weather::Fair);
    }
    site.emulator.behaviour().reset();
    let mut reports = Vec::new();
    for (gateway, samples) in gateways.into_iter().zip(samples) {
        let samples = samples.into_inner().unwrap_or_else(PoisonError::into_inner);
        let resources = Resources::of(&samples, took);
        reports.push(look_at(gateway, resources, &site).await);
    }
    let facts = Facts {
        seed: options.seed,
        seconds: took.as_secs_f64(),
        at_a_time: options.conversations,
        counts: load.ledger.counts(),
        faults: [
            ("gateway to service", site.to_service.faults()),
            ("gateway to store", site.to_store.faults()),
            ("gateway to receiver", site.to_receiver.faults()),
        ],
        service_faults: service_faults.committed(),
        store_losses: site.store_losses.load(Ordering::Relaxed),
        store_troubles: site.trouble.turns(),
        telemetry: site.receiver.requests(),
    };
    Ok(Report::new(facts, reports))
}

/// Everything that goes wrong during the load. It does not end by itself.
async fn faults(site: &Site, service_faults: &ServiceFaults, options: &Options) {
    let weather = |proxy, part| chaos::changes(proxy, seed_of(options.seed, part));
    let behaviour = site.emulator.behaviour();
    tokio::select! {
        () = weather(&site.to_service, "weather to service") => {}
        () = weather(&site.to_store, "weather to store") => {}
        () = weather(&site.to_receiver, "weather to receiver") => {}
        () = service_faults.commit(behaviour, seed_of(options.seed, "service")) => {}
        () = site.lose_stores(options.store_life) => {}
    }
}

/// Ends the load when its time is over, or when a slow machine has done as much as is wanted.
async fn end(load: &Load, options: &Options) {
    tokio::time::sleep(options.duration).await;
    let last = Instant::now() + options.duration * 5;
    while load.ledger.number_of(Outcome::Right) < options.at_least && Instant::now() < last {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    load.over.store(true, Ordering::Relaxed);
}

async fn watch(
    gateway: &GatewayProcess,
    began: Instant,
    every: Duration,
    samples: &Mutex<Vec<Sample>>,
) {
    match gateway.pid() {
        Some(pid) => resources::watch(pid, began, every, samples).await,
        None => pending().await,
    }
}

/// What must be true of a gateway after the load.
async fn look_at(
    gateway: GatewayProcess,
    resources: Option<Resources>,
    site: &Site,
) -> GatewayReport {
    let mut problems = Vec::new();
    let permits = permits::check(&site.emulator, gateway.address, PERMITS).await;
    let permits_are_back = permits.is_ok();
    problems.extend(permits.err());
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
