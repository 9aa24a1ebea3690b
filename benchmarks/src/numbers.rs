//! Percentiles and medians. Pure.

use serde::{Deserialize, Serialize};

/// How a list of measurements is spread, in the unit of the measurements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// Half of them are not above this.
    pub median: f64,
    /// 99 of 100 are not above this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Sorts the measurements and looks at them; `None` where there are none.
    pub fn of(mut measured: Vec<f64>) -> Option<Self> {
        measured.sort_by(f64::total_cmp);
        Some(Self {
            count: measured.len(),
            min: *measured.first()?,
            median: percentile(&measured, 50)?,
            p99: percentile(&measured, 99)?,
            max: *measured.last()?,
        })
    }
}

/// The nearest-rank percentile of sorted values: the smallest value that `percent` of 100 do not exceed.
pub fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The middle of the values, of an even number the mean of the two in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

/// The smallest of the values.
pub fn smallest(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    values.into_iter().min_by(f64::total_cmp)
}

/// A whole number as a measurement; exact up to 2^53, which no count or size here comes near.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts, bytes and nanoseconds of one run are below 2^53"
)]
pub fn real(whole: u64) -> f64 {
    whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 50), Some(50.0));
        assert_eq!(percentile(&hundred, 99), Some(99.0));
        assert_eq!(percentile(&hundred, 100), Some(100.0));
        let few = [1.0, 2.0, 3.0];
        assert_eq!(percentile(&few, 50), Some(2.0));
        assert_eq!(percentile(&few, 99), Some(3.0));
        assert_eq!(percentile(&few, 0), Some(1.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn medians_are_in_the_middle_of_values_in_any_order() {
        assert_eq!(median([9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median([4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(median([]), None);
    }

    #[test]
    fn a_spread_looks_at_unsorted_measurements() {
        let spread = Spread::of(vec![3.0, 1.0, 2.0, 10.0]).unwrap();
        let expected = Spread {
            count: 4,
            min: 1.0,
            median: 2.0,
            p99: 10.0,
            max: 10.0,
        };
        assert_eq!(spread, expected);
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
