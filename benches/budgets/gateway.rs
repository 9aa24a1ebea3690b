//! The gateway as a child process under one of valgrind's tools.

use std::{
    fs,
    io::{BufRead, BufReader, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};

/// Between two looks whether the gateway rests.
const PAUSE: Duration = Duration::from_millis(20);
/// How many looks in a row have to find it so.
const LOOKS_AT_REST: u32 = 5;
/// A minute.
const MOST_LOOKS: u32 = 3000;

/// How the gateway is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Counts instructions.
    Callgrind {
        /// Where the profile goes, when somebody wants to read it.
        profile: Option<PathBuf>,
    },
    /// Counts allocations.
    Memcheck,
}

/// What a tool has counted from start to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Instructions.
    pub(crate) instructions: u64,
    /// Calls of the allocator that gave memory, reallocations among them.
    pub(crate) allocations: u64,
    /// Bytes that these asked for.
    pub(crate) bytes: u64,
    /// Allocations that have not been given back when the process is ended.
    pub(crate) left: u64,
}

/// A gateway that serves; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    tool: Tool,
    report: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Gateway {
    /// Starts `program` with exactly these settings, on one core, so that it chooses the runtime of one thread.
    /// What the tool writes goes into `folder`.
    pub(crate) fn start(
        program: &Path,
        tool: Tool,
        settings: &[(String, String)],
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let report = folder.join("valgrind.log");
        // It goes when this process goes, also when that is killed.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "taskset", "-c"])
            .args([first_allowed_core()?.as_str(), "valgrind"]);
        match &tool {
            Tool::Callgrind { profile } => {
                let out = profile
                    .clone()
                    .unwrap_or_else(|| folder.join("callgrind.out"));
                command
                    .arg("--tool=callgrind")
                    .arg(format!("--callgrind-out-file={}", out.display()));
            }
            // Only the allocator is of interest, which saves most of the time that memcheck takes.
            Tool::Memcheck => {
                command.args([
                    "--tool=memcheck",
                    "--leak-check=no",
                    "--undef-value-errors=no",
                    // The program brings its own `malloc`, which is to be counted in place of the C library's.
                    "--soname-synonyms=somalloc=NONE",
                ]);
            }
        }
        let mut child = command
            .arg(format!("--log-file={}", report.display()))
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("cannot start the gateway under valgrind")?;
        let stdout = child.stdout.take().context("it has no standard output")?;
        let mut log = BufReader::new(stdout);
        let address = match listening(&mut log) {
            Ok(address) => address,
            Err(problem) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(problem);
            }
        };
        // A pipe that nobody reads would fill up and stop it.
        thread::spawn(move || {
            let mut rest = Vec::new();
            log.read_to_end(&mut rest)
        });
        Ok(Self {
            child,
            tool,
            report,
            address,
        })
    }

    /// Ends it where it is, and reads what the tool has counted.
    ///
    /// The signal is one that the gateway does not handle: if it stopped in an orderly way, it would give back all
    /// memory, also what had grown without end. Nor is it SIGHUP, which a process below `nohup` never sees.
    pub(crate) fn stop(mut self) -> anyhow::Result<Totals> {
        wait_until_idle(self.child.id())?;
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "USR1", &pid]).status()?;
        let status = self.child.wait()?;
        let report = fs::read_to_string(&self.report)?;
        if !sent.success() || !report.contains("default action of signal 10") {
            bail!("the gateway under valgrind had ended by itself, with {status}:\n{report}");
        }
        totals(&self.tool, &report)
            .with_context(|| format!("valgrind does not say what it counted:\n{report}"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether everything that a measurement starts is there; if not, what is missing.
pub(crate) fn missing_tool() -> Option<&'static str> {
    ["valgrind", "taskset", "setpriv", "kill"]
        .into_iter()
        .find(|tool| {
            Command::new("sh")
                .args(["-c", &format!("command -v {tool}")])
                .stdout(Stdio::null())
                .status()
                .map_or(true, |status| !status.success())
        })
}

/// The address in the line that says `listening`.
fn listening(log: &mut impl BufRead) -> anyhow::Result<SocketAddr> {
    let mut line = String::new();
    while log.read_line(&mut line)? > 0 {
        if let Some((_, address)) = line.split_once("listening address=") {
            let address = address.split(' ').next().unwrap_or_default();
            return address
                .parse()
                .context("the gateway listens somewhere else");
        }
        line.clear();
    }
    bail!("the gateway ended before it listened; is valgrind able to run it?")
}

/// The first core that this process may use; not every container has core 0.
fn first_allowed_core() -> anyhow::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .context("/proc/self/status names no cores")?;
    let first = allowed.trim().split([',', '-']).next().unwrap_or_default();
    Ok(first.to_owned())
}

/// Waits until every thread of a process waits for something: what it does after an answer is a part of its cost, and
/// memory that it is about to give back has not grown.
fn wait_until_idle(pid: u32) -> anyhow::Result<()> {
    let mut looks_at_rest = 0;
    for _ in 0..MOST_LOOKS {
        thread::sleep(PAUSE);
        looks_at_rest = if is_at_rest(pid)? {
            looks_at_rest + 1
        } else {
            0
        };
        if looks_at_rest == LOOKS_AT_REST {
            return Ok(());
        }
    }
    bail!("the gateway does not come to rest")
}

/// Whether no thread runs or waits for a processor.
fn is_at_rest(pid: u32) -> anyhow::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = fs::read_to_string(thread?.path().join("stat"))?;
        // The name stands in brackets and may hold anything; the state is the letter after it.
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        if state != Some('S') {
            return Ok(false);
        }
    }
    Ok(true)
}

fn totals(tool: &Tool, report: &str) -> Option<Totals> {
    match tool {
        Tool::Callgrind { .. } => Some(Totals {
            instructions: numbers_after(report, "Collected :")?.next()?,
            ..Totals::default()
        }),
        Tool::Memcheck => {
            let mut at_exit = numbers_after(report, "in use at exit:")?;
            let mut usage = numbers_after(report, "total heap usage:")?;
            Some(Totals {
                left: at_exit.nth(1)?,
                allocations: usage.next()?,
                bytes: usage.nth(1)?,
                ..Totals::default()
            })
        }
    }
}

/// The numbers of the line with this label, such as `1,234 bytes in 56 blocks`.
fn numbers_after<'a>(report: &'a str, label: &str) -> Option<impl Iterator<Item = u64> + 'a> {
    let line = report.lines().find(|line| line.contains(label))?;
    let (_, rest) = line.split_once(label)?;
    Some(
        rest.split_whitespace()
            .filter_map(|word| word.replace(',', "").parse().ok()),
    )
}
