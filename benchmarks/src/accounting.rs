//! What the kernel says of processes: processor time and memory, of a process and all its descendants.

use std::fs;

/// Processor time that a process and its descendants have used, in nanoseconds, from the scheduler's own account.
///
/// Threads that have ended are not in it; the servers here keep theirs.
pub fn processor_nanoseconds(process: u32) -> u64 {
    descendants(process).into_iter().map(of_threads).sum()
}

/// Resident memory of a process and its descendants, in bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let kibibytes = descendants(process).into_iter().filter_map(|process| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        resident_kibibytes(&status)
    });
    kibibytes.sum::<u64>() * 1024
}

/// Processor time of the whole machine that was not idle, in nanoseconds since it started.
pub fn machine_busy_nanoseconds() -> Option<u64> {
    busy_ticks(&fs::read_to_string("/proc/stat").ok()?).map(|ticks| ticks * NANOSECONDS_PER_TICK)
}

/// The unit of `/proc/stat` is a hundredth of a second on every architecture that Linux has.
const NANOSECONDS_PER_TICK: u64 = 10_000_000;

/// The process, its children, their children.
fn descendants(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(process) = found.get(next).copied() {
        next += 1;
        for thread in threads(process) {
            let children = fs::read_to_string(format!("/proc/{process}/task/{thread}/children"));
            let children = children.unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|child| child.parse::<u32>().ok()),
            );
        }
    }
    found
}

fn threads(process: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect()
}

fn of_threads(process: u32) -> u64 {
    let of_thread = |thread: String| {
        let told = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat")).ok()?;
        told.split_whitespace().next()?.parse::<u64>().ok()
    };
    threads(process).into_iter().filter_map(of_thread).sum()
}

fn resident_kibibytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// All of the first line but what stands for idleness (idle, waiting for disks) and what is counted twice (guests).
fn busy_ticks(stat: &str) -> Option<u64> {
    let numbers: Vec<u64> = stat
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|number| number.parse().ok())
        .collect();
    let all: u64 = numbers.iter().take(8).sum();
    let idle: u64 = numbers.iter().skip(3).take(2).sum();
    all.checked_sub(idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let status = "Name:\tx\nVmHWM:\t  9000 kB\nVmRSS:\t    8421 kB\nThreads:\t3\n";
        assert_eq!(resident_kibibytes(status), Some(8421));
        let stat = "cpu  100 1 50 800 9 2 3 4 0 0\ncpu0 1 1 1 1\n";
        assert_eq!(busy_ticks(stat), Some(160));
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let process = std::process::id();
        assert!(0 < processor_nanoseconds(process));
        assert!(1024 * 1024 < resident_bytes(process));
        assert!(0 < machine_busy_nanoseconds().unwrap());
    }
}
