//! What the system lets a process have, and what a process has.

use std::process::Command;

/// Lets this process open as many files as a test needs, which is more than some systems give.
pub(crate) fn allow_open_files(files: usize) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .unwrap();
    let soft = line.split_whitespace().next().unwrap();
    if soft.parse::<usize>().is_ok_and(|soft| soft < files) {
        limit_open_files(std::process::id(), &format!("{files}:"));
    }
}

/// Sets the limit of a process: `soft:hard`, where an empty part stays what it is.
pub(crate) fn limit_open_files(pid: u32, limit: &str) {
    let set = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--nofile={limit}")])
        .status();
    assert!(set.unwrap().success(), "prlimit of util-linux is needed");
}

/// Memory of a process that is in use, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes << 10
}
