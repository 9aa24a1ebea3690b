//! Under which conditions a run was made.

use std::{fs, path::Path, process::Command};

use serde::Serialize;

use super::{choice::Choice, litellm, starting::Surroundings};
use crate::numbers::real;

/// What a reader must know to compare figures.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Conditions {
    pub(crate) command: String,
    pub(crate) commit: String,
    pub(crate) date: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) versions: String,
    pub(crate) method: String,
    /// Size of the gateway's program in MB.
    pub(crate) program_size: f64,
}

impl Conditions {
    pub(crate) fn read(
        root: &Path,
        surroundings: &Surroundings,
        choice: &Choice,
    ) -> anyhow::Result<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let dashes = if arguments.is_empty() { "" } else { " -- " };
        let mut versions = vec![output(root, "rustc", &["--version"])];
        if let Some(nginx) = &surroundings.nginx {
            let told = Command::new(nginx).arg("-v").output()?;
            versions.push(first_line(&told.stderr).replace("nginx version: ", ""));
        }
        if surroundings.litellm.is_some() {
            versions.push(format!("LiteLLM {}", litellm::VERSION));
        }
        let changed = !output(
            root,
            "git",
            &["status", "--porcelain", "--untracked-files=no"],
        )
        .is_empty();
        let commit = output(root, "git", &["rev-parse", "--short=12", "HEAD"]);
        Ok(Self {
            command: format!(
                "cargo run --release -p benchmarks{dashes}{}",
                arguments.join(" ")
            ),
            commit: if changed {
                format!("{commit}, with changes that are not committed")
            } else {
                commit
            },
            date: today(),
            processor: processor(&fs::read_to_string("/proc/cpuinfo")?),
            cores: std::thread::available_parallelism()?.get(),
            kernel: kernel(&fs::read_to_string("/proc/sys/kernel/osrelease")?),
            versions: versions.join(", "),
            method: format!(
                "{} rounds, windows of {} s, answers of {} deltas",
                choice.rounds,
                choice.seconds,
                super::DELTAS
            ),
            program_size: real(fs::metadata(&surroundings.gateway)?.len()) / 1e6,
        })
    }
}

fn today() -> String {
    let date = time::OffsetDateTime::now_utc().date();
    format!("{date}")
}

fn processor(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split(": ").nth(1));
    name.unwrap_or("unknown").trim().to_owned()
}

/// The version alone: what follows it names a machine.
fn kernel(release: &str) -> String {
    let version = release.trim().split('-').next();
    format!("Linux {}", version.unwrap_or_default())
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> String {
    let told = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output();
    told.map(|told| first_line(&told.stdout))
        .unwrap_or_default()
}

fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let cpuinfo = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n";
        assert_eq!(processor(cpuinfo), "AMD EPYC");
        assert_eq!(kernel("6.18.44-some-build\n"), "Linux 6.18.44");
    }
}
