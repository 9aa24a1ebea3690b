//! Memory and descriptors of a process over a run, and whether they stayed flat.

use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What a process had at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// How long the load had been held.
    pub(crate) at: Duration,
    /// Resident memory.
    pub(crate) rss_kib: u64,
    /// Open descriptors.
    pub(crate) descriptors: u64,
}

/// What a process had over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Median resident memory in the second quarter of the run, after the warm-up, in KiB.
    pub rss_early_kib: u64,
    /// The same in the last quarter.
    pub rss_late_kib: u64,
    /// The most that was seen.
    pub rss_most_kib: u64,
    /// Median of open descriptors in the second quarter.
    pub descriptors_early: u64,
    /// The same in the last quarter.
    pub descriptors_late: u64,
    /// The most that was seen.
    pub descriptors_most: u64,
    /// How many samples there are.
    pub samples: u64,
}

/// Memory may grow by this share of what it was, and by [`RSS_KIB_MORE`].
const RSS_PERCENT_MORE: u64 = 15;
const RSS_KIB_MORE: u64 = 4 << 10;
/// Descriptors come and go with connections, of which the pools keep some more or less.
const DESCRIPTORS_MORE: u64 = 64;

impl Resources {
    /// Sums samples of a load of this duration up; `None` when there are none in a quarter that counts.
    pub(crate) fn of(samples: &[Sample], duration: Duration) -> Option<Self> {
        let medians = |quarter: u32| {
            let (from, to) = (duration / 4 * quarter, duration / 4 * (quarter + 1));
            let within = |sample: &&Sample| from <= sample.at && sample.at < to;
            let mut rss: Vec<_> = samples.iter().filter(within).map(|it| it.rss_kib).collect();
            let descriptors = samples.iter().filter(within).map(|it| it.descriptors);
            let mut descriptors: Vec<_> = descriptors.collect();
            Some((median(&mut rss)?, median(&mut descriptors)?))
        };
        let (early, late) = (medians(1)?, medians(3)?);
        let most = |of: fn(&Sample) -> u64| samples.iter().map(of).max().unwrap_or_default();
        Some(Self {
            rss_early_kib: early.0,
            rss_late_kib: late.0,
            rss_most_kib: most(|sample| sample.rss_kib),
            descriptors_early: early.1,
            descriptors_late: late.1,
            descriptors_most: most(|sample| sample.descriptors),
            samples: samples.len() as u64,
        })
    }

    /// What has grown more than it may.
    pub(crate) fn growth(&self) -> Vec<String> {
        let rss_limit = self.rss_early_kib * (100 + RSS_PERCENT_MORE) / 100 + RSS_KIB_MORE;
        let descriptors_limit = self.descriptors_early + DESCRIPTORS_MORE;
        let mut growth = Vec::new();
        if rss_limit < self.rss_late_kib {
            growth.push(format!(
                "memory grew from {} to {} KiB; at most {rss_limit} would be flat",
                self.rss_early_kib, self.rss_late_kib
            ));
        }
        if descriptors_limit < self.descriptors_late {
            growth.push(format!(
                "descriptors grew from {} to {}; at most {descriptors_limit} would be flat",
                self.descriptors_early, self.descriptors_late
            ));
        }
        growth
    }
}

fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Samples a process for ever.
pub(crate) async fn watch(pid: u32, began: Instant, every: Duration, samples: &Mutex<Vec<Sample>>) {
    loop {
        tokio::time::sleep(every).await;
        if let (Some(rss_kib), Some(descriptors)) = (rss_kib(pid), descriptors(pid)) {
            let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
            samples.push(Sample {
                at: began.elapsed(),
                rss_kib,
                descriptors,
            });
        }
    }
}

fn rss_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Open descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> Option<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    Some(entries.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(rss_kib: fn(u64) -> u64, descriptors: fn(u64) -> u64) -> Resources {
        let samples: Vec<_> = (0..100)
            .map(|number| Sample {
                at: Duration::from_secs(number),
                rss_kib: rss_kib(number),
                descriptors: descriptors(number),
            })
            .collect();
        Resources::of(&samples, Duration::from_secs(100)).unwrap()
    }

    #[test]
    fn what_is_flat_after_the_warm_up_has_not_grown() {
        let flat = resources(
            |number| 30_000 + number.min(25) * 1_000,
            |number| 90 + number % 7,
        );
        assert_eq!(flat.growth(), Vec::<String>::new());
    }

    #[test]
    fn a_leak_is_seen() {
        let leak = resources(|number| 30_000 + number * 300, |_| 90);
        assert_eq!(leak.growth().len(), 1, "{leak:?}");
        let leak = resources(|_| 30_000, |number| 90 + number * 2);
        assert_eq!(leak.growth().len(), 1, "{leak:?}");
    }

    #[test]
    fn one_high_sample_is_no_leak() {
        let spike = resources(|number| if number == 90 { 900_000 } else { 30_000 }, |_| 90);
        assert_eq!(spike.growth(), Vec::<String>::new());
        assert_eq!(spike.rss_most_kib, 900_000);
    }

    #[test]
    fn this_process_can_be_sampled() {
        let pid = std::process::id();
        assert!(rss_kib(pid).is_some_and(|kib| 0 < kib));
        assert!(descriptors(pid).is_some_and(|count| 2 < count));
    }
}
