//! Where the instructions of a scenario go.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use crate::{measure, scenario::Scenario};

/// Lines of each list.
const LINES: usize = 70;

/// Runs a scenario and prints its most expensive functions, with those that they call and without.
#[expect(clippy::print_stdout, reason = "that is what it was asked for")]
pub(crate) fn run(program: &Path, scenario: &Scenario, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}.callgrind", scenario.name));
    measure::profile(program, scenario, file.clone())?;
    for (title, inclusive) in [("with what they call", "yes"), ("by themselves", "no")] {
        let listed = Command::new("callgrind_annotate")
            .arg(format!("--inclusive={inclusive}"))
            .args(["--auto=no", "--threshold=99"])
            .arg(&file)
            .output()
            .context("cannot start callgrind_annotate")?;
        ensure!(
            listed.status.success(),
            "callgrind_annotate fails: {}",
            String::from_utf8_lossy(&listed.stderr)
        );
        println!(
            "\n=== {}, {} requests: functions {title}\n",
            scenario.name, scenario.many.requests
        );
        let listed = String::from_utf8_lossy(&listed.stdout);
        for line in listed
            .lines()
            .skip_while(|line| !line.contains("PROGRAM TOTALS"))
            .take(LINES)
        {
            println!("{}", short(line));
        }
    }
    println!("\nThe whole profile: {}", file.display());
    Ok(())
}

/// The line without the folders in which Cargo and the compiler keep their sources.
fn short(line: &str) -> String {
    let Some((count, place)) = line.split_once(")  ") else {
        return line.to_owned();
    };
    let place = match place.split_once("/registry/src/") {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, rest)| rest),
        None => place,
    };
    let place = match place
        .strip_prefix("/rustc/")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((_, rest)) => rest,
        None => place,
    };
    format!(
        "{count})  {}",
        place.replace(concat!(env!("CARGO_MANIFEST_DIR"), "/"), "")
    )
}
