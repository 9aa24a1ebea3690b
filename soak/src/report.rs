//! What a run found, for people and for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use serde_json::{Value, json};

use crate::{
    ledger::{Counts, Outcome},
    resources::Resources,
};

/// What a run counted.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) at_a_time: u64,
    pub(crate) counts: Counts,
    pub(crate) faults: [(&'static str, BTreeMap<&'static str, u64>); 3],
    pub(crate) service_faults: u64,
    pub(crate) store_losses: u64,
    pub(crate) store_troubles: u64,
    pub(crate) telemetry: (u64, u64),
}

/// What a run found.
#[derive(Debug)]
pub struct Report {
    facts: Facts,
    gateways: Vec<GatewayReport>,
}

/// What a run found about one of the gateways.
#[derive(Debug)]
pub struct GatewayReport {
    /// Memory and descriptors; `None` where they could not be read.
    pub resources: Option<Resources>,
    /// Whether as many requests as it may have were answered at once after the load, and no more.
    pub permits_are_back: bool,
    /// How it ended after SIGTERM; `None` where a signal ended it, or nothing did.
    pub exit_code: Option<i32>,
    /// Warnings and errors in its log.
    pub warnings: u64,
    /// What must not be.
    pub problems: Vec<String>,
}

impl Report {
    pub(crate) fn new(facts: Facts, gateways: Vec<GatewayReport>) -> Self {
        Self { facts, gateways }
    }

    /// How many requests had this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        let outcomes = &self.facts.counts.outcomes;
        outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.facts.counts.outcomes.values().sum()
    }

    /// Right answers by the way in which the request named its conversation.
    pub fn right_by(&self, way: &str) -> u64 {
        self.facts.counts.ways.get(way).copied().unwrap_or_default()
    }

    /// How many faults were committed, on the connections and by the service.
    pub fn faults(&self) -> u64 {
        let on_connections = self
            .facts
            .faults
            .iter()
            .flat_map(|(_, faults)| faults.values());
        on_connections.sum::<u64>() + self.facts.service_faults
    }

    /// How often the store was replaced by an empty one.
    pub fn store_losses(&self) -> u64 {
        self.facts.store_losses
    }

    /// The gateways.
    pub fn gateways(&self) -> &[GatewayReport] {
        &self.gateways
    }

    /// Everything that must not be; empty for a run that has passed.
    pub fn problems(&self) -> Vec<String> {
        let outcomes = Outcome::FAULTS.into_iter().filter_map(|outcome| {
            let count = self.count(outcome);
            (0 < count).then(|| format!("{outcome:?}: {count}"))
        });
        let gateways = self.gateways.iter().enumerate();
        let of_gateways = gateways.flat_map(|(number, gateway)| {
            let problems = gateway.problems.iter();
            problems.map(move |problem| format!("gateway {number}: {problem}"))
        });
        let idle = (self.count(Outcome::Right) == 0).then(|| "no right answer".to_owned());
        let silent = (self.facts.telemetry.0 == 0).then(|| "no telemetry arrived".to_owned());
        outcomes
            .chain(of_gateways)
            .chain(idle)
            .chain(silent)
            .collect()
    }

    /// All figures, for programs.
    pub fn json(&self) -> Value {
        let facts = &self.facts;
        let outcomes: BTreeMap<_, _> = facts
            .counts
            .outcomes
            .iter()
            .map(|(outcome, count)| (format!("{outcome:?}").to_lowercase(), count))
            .collect();
        let gateways = self.gateways.iter().map(GatewayReport::json);
        json!({
            "passed": self.problems().is_empty(),
            "seed": facts.seed,
            "seconds": facts.seconds.round(),
            "at_a_time": facts.at_a_time,
            "conversations": facts.counts.conversations,
            "requests": self.requests(),
            "outcomes": outcomes,
            "right_by_way": facts.counts.ways,
            "errors": facts.counts.errors,
            "faults": self.faults(),
            "faults_on_connections": BTreeMap::from(facts.faults.clone()),
            "faults_of_the_service": facts.service_faults,
            "stores_lost": facts.store_losses,
            "store_troubles": facts.store_troubles,
            "telemetry_taken": facts.telemetry.0,
            "telemetry_refused": facts.telemetry.1,
            "gateways": gateways.collect::<Vec<_>>(),
            "problems": self.problems(),
        })
    }
}

impl GatewayReport {
    fn json(&self) -> Value {
        let resources = self.resources.map(|it| {
            json!({
                "rss_kib": {"second_quarter": it.rss_early_kib, "last_quarter": it.rss_late_kib, "most": it.rss_most_kib},
                "descriptors": {"second_quarter": it.descriptors_early, "last_quarter": it.descriptors_late, "most": it.descriptors_most},
                "samples": it.samples,
            })
        });
        json!({
            "resources": resources,
            "permits_are_back": self.permits_are_back,
            "exit_code": self.exit_code,
            "warnings": self.warnings,
        })
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = &self.facts;
        let mut row = |name: &str, value: &dyn Display| writeln!(formatter, "{name:<44} {value}");
        row("seed", &facts.seed)?;
        row("seconds of load", &format!("{:.0}", facts.seconds))?;
        row("conversations at a time", &facts.at_a_time)?;
        row("conversations", &facts.counts.conversations)?;
        row("requests", &self.requests())?;
        for (outcome, count) in &facts.counts.outcomes {
            if !Outcome::FAULTS.contains(outcome) {
                row(&format!("  {outcome:?}"), count)?;
            }
            if *outcome == Outcome::Right {
                for (way, count) in &facts.counts.ways {
                    row(&format!("    by {way}"), count)?;
                }
            }
            if *outcome == Outcome::Failed {
                for (code, count) in &facts.counts.errors {
                    row(&format!("    {code}"), count)?;
                }
            }
        }
        for outcome in Outcome::FAULTS {
            row(&format!("  {outcome:?}"), &self.count(outcome))?;
        }
        row("faults", &self.faults())?;
        for (place, faults) in &facts.faults {
            for (fault, count) in faults {
                row(&format!("  {place}: {fault}"), count)?;
            }
        }
        row("  by the service", &facts.service_faults)?;
        row("stores lost", &facts.store_losses)?;
        row(
            "turns not remembered, or not looked up",
            &facts.store_troubles,
        )?;
        row(
            "requests of telemetry taken, refused",
            &format!("{}, {}", facts.telemetry.0, facts.telemetry.1),
        )?;
        for (number, gateway) in self.gateways.iter().enumerate() {
            row(&format!("gateway {number}"), &"")?;
            if let Some(it) = gateway.resources {
                let rss = format!(
                    "{} -> {}, at most {}",
                    it.rss_early_kib, it.rss_late_kib, it.rss_most_kib
                );
                row("  memory, KiB, second and last quarter", &rss)?;
                let descriptors = format!(
                    "{} -> {}, at most {}",
                    it.descriptors_early, it.descriptors_late, it.descriptors_most
                );
                row("  descriptors, second and last quarter", &descriptors)?;
            }
            row("  all permits are back", &gateway.permits_are_back)?;
            let code = gateway
                .exit_code
                .map_or_else(|| "none".to_owned(), |code| code.to_string());
            row("  exit code after SIGTERM", &code)?;
            row("  warnings in its log", &gateway.warnings)?;
        }
        let problems = self.problems();
        if problems.is_empty() {
            return writeln!(formatter, "PASSED");
        }
        writeln!(formatter, "FAILED")?;
        for problem in problems.iter().chain(&facts.counts.details) {
            writeln!(formatter, "  {problem}")?;
        }
        Ok(())
    }
}
