//! Budgets of the gateway, in counts and not in seconds: instructions and allocations of a request and of an event of a
//! stream, what is left over, and calls of the service. `docs/budgets.md` says more, and has the budgets.
//!
//! ```text
//! cargo bench --bench budgets                        measures, and fails where a budget is not kept
//! cargo bench --bench budgets -- --write             writes what is measured into docs/budgets.md
//! cargo bench --bench budgets -- --profile stream    shows where a scenario's instructions go
//! cargo bench --bench budgets -- stream answer       these scenarios only
//! cargo bench --bench budgets -- --gateway <path>    another build of the gateway
//! ```

mod answers;
mod gateway;
mod http;
mod measure;
mod profile;
mod requests;
mod scenario;
mod service;
mod table;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};

use self::{
    measure::Cost,
    scenario::Scenario,
    table::{Table, figure},
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/budgets.md");

#[derive(Debug, Default)]
struct Arguments {
    write: bool,
    profile: bool,
    gateway: Option<PathBuf>,
    scenarios: Vec<String>,
}

#[expect(
    clippy::print_stderr,
    reason = "a program that fails says why on standard error"
)]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("\nbudgets: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a measurement is printed")]
fn run() -> anyhow::Result<()> {
    let arguments = arguments(std::env::args().skip(1))?;
    if let Some(tool) = gateway::missing_tool() {
        bail!(
            "{tool} is missing, and NOTHING WAS MEASURED. On Debian and Ubuntu: apt-get install valgrind util-linux procps"
        );
    }
    let program = arguments
        .gateway
        .clone()
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_foundry-gateway").into());
    let all = scenario::all();
    let chosen = chosen(&all, &arguments.scenarios)?;
    if arguments.profile {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("budgets");
        return chosen
            .iter()
            .try_for_each(|scenario| profile::run(&program, scenario, &folder));
    }
    let mut table = Table::read(Path::new(DOCUMENT))?;
    let mut problems = Vec::new();
    println!(
        "{:<16} {:>14} {:>12} {:>12} {:>10} {:>9}",
        "scenario", "instructions", "allocations", "bytes", "left over", "upstream"
    );
    for scenario in &chosen {
        let cost = measure::cost(&program, scenario)
            .with_context(|| format!("scenario {}", scenario.name))?;
        show(scenario, &cost);
        if arguments.write {
            table.set(scenario, &cost);
            table.arrange(&all);
            table.write(Path::new(DOCUMENT))?;
        } else {
            problems.extend(table.judge(scenario, &cost));
        }
    }
    if arguments.write {
        println!("\nwritten to docs/budgets.md");
        return Ok(());
    }
    problems.extend(table.unknown(&all));
    if problems.is_empty() {
        println!("\nEvery budget is kept.");
        return Ok(());
    }
    bail!("budgets that are not kept:\n{}", problems.join("\n"))
}

#[expect(clippy::print_stdout, reason = "a measurement is printed")]
fn show(scenario: &Scenario, cost: &Cost) {
    println!(
        "{:<16} {:>14} {:>12.2} {:>12} {:>10.3} {:>9.2}   {}",
        scenario.name,
        cost.instructions
            .map_or_else(|| "-".to_owned(), |count| figure(count.round())),
        cost.allocations,
        figure(cost.bytes.round()),
        cost.left,
        cost.upstream_calls,
        scenario.unit
    );
}

fn arguments(mut given: impl Iterator<Item = String>) -> anyhow::Result<Arguments> {
    let mut arguments = Arguments::default();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            // Cargo says so to every benchmark.
            "--bench" => {}
            "--write" => arguments.write = true,
            "--profile" => arguments.profile = true,
            "--gateway" => {
                arguments.gateway = Some(
                    given
                        .next()
                        .context("--gateway needs the path of a program")?
                        .into(),
                );
            }
            option if option.starts_with('-') => {
                bail!(
                    "unknown option {option}; there are --write, --profile, --gateway <path> and names of scenarios"
                )
            }
            name => arguments.scenarios.push(name.to_owned()),
        }
    }
    Ok(arguments)
}

fn chosen(all: &[Scenario], names: &[String]) -> anyhow::Result<Vec<Scenario>> {
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let find = |name: &String| {
        all.iter()
            .find(|scenario| scenario.name == name)
            .cloned()
            .with_context(|| {
                let known: Vec<_> = all.iter().map(|scenario| scenario.name).collect();
                format!(
                    "no scenario is called {name}; there are {}",
                    known.join(", ")
                )
            })
    };
    names.iter().map(find).collect()
}
