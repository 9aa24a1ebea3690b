//! The targets, what was measured, and whether they are met. Pure.

use super::{cell::Cell, results::Results, subject::Subject, tables::table};

/// A number that is to stay below or at a bound.
struct Target {
    what: &'static str,
    bound: f64,
    unit: &'static str,
    digits: usize,
    measured: Option<f64>,
}

const GATEWAY: Subject = Subject::NewComplete;

/// The section with the table.
pub(crate) fn section(results: &Results) -> String {
    let rows: Vec<Vec<String>> = targets(results).iter().map(row).collect();
    let table = table(&["target", "at most", "measured", ""], &rows);
    format!(
        "### Targets\n\nThe gateway with new agents, telemetry and recognised histories on; 16 at a time where nothing else is said.\n\n{table}"
    )
}

fn targets(results: &Results) -> Vec<Target> {
    let starts = results
        .starts
        .iter()
        .find(|starts| starts.subject == GATEWAY);
    let held = |streams| {
        let mut held = results.held.iter();
        held.find(move |held| held.subject == GATEWAY && held.streams == streams)
    };
    let answer = Cell::Answer(16);
    let stream = Cell::Stream(16);
    vec![
        Target {
            what: "processor time of an answer in one piece",
            bound: 2.0,
            unit: " times the floor",
            digits: 2,
            measured: results.times_the_floor(GATEWAY, answer),
        },
        Target {
            what: "processor time of a streamed answer of 50 deltas",
            bound: 1.3,
            unit: " times the floor",
            digits: 2,
            measured: results.times_the_floor(GATEWAY, stream),
        },
        Target {
            what: "added to the floor's time to the first text, at a low rate",
            bound: 0.3,
            unit: " ms",
            digits: 2,
            measured: results.added_to_the_floor(GATEWAY, Cell::StreamRate, |window| {
                window.summary.first_text
            }),
        },
        Target {
            what: "start to the first 200, median",
            bound: 20.0,
            unit: " ms",
            digits: 1,
            measured: starts.map(|starts| starts.median),
        },
        Target {
            what: "resident memory at rest",
            bound: 15.0,
            unit: " MiB",
            digits: 1,
            measured: starts.map(|starts| starts.resident),
        },
        Target {
            what: "resident memory with 500 open streams",
            bound: 40.0,
            unit: " MiB",
            digits: 1,
            measured: held(500).map(|held| held.with_streams),
        },
        Target {
            what: "of 150 streams at a time, those that the service does not see at once",
            bound: 0.0,
            unit: "",
            digits: 0,
            measured: held(150)
                .map(|held| crate::numbers::real(150_u64.saturating_sub(held.open_upstream))),
        },
        Target {
            what: "calls of the service for each turn of a new agent",
            bound: 1.0,
            unit: "",
            digits: 3,
            measured: most_calls(results),
        },
        Target {
            what: "answers that are not right, of all gateway rows",
            bound: 0.0,
            unit: "",
            digits: 0,
            measured: wrong(results),
        },
    ]
}

fn most_calls(results: &Results) -> Option<f64> {
    let windows = results
        .windows
        .iter()
        .filter(|window| window.subject == GATEWAY);
    windows
        .map(super::window::Window::calls_per_answer)
        .max_by(f64::total_cmp)
}

fn wrong(results: &Results) -> Option<f64> {
    let windows = results
        .windows
        .iter()
        .filter(|window| window.subject.is_gateway());
    let held = results.held.iter().filter(|held| held.subject.is_gateway());
    let summaries: Vec<_> = windows
        .map(|window| &window.summary)
        .chain(held.map(|held| &held.summary))
        .collect();
    let wrong = summaries.iter().map(|summary| summary.not_right()).sum();
    (!summaries.is_empty()).then(|| crate::numbers::real(wrong))
}

fn row(target: &Target) -> Vec<String> {
    let Target {
        bound,
        unit,
        digits,
        ..
    } = *target;
    let (measured, verdict) = match target.measured {
        None => ("not measured".to_owned(), ""),
        // The figure is judged as it is shown.
        Some(measured) => {
            let shown = format!("{measured:.digits$}");
            let met = shown.parse::<f64>().is_ok_and(|shown| shown <= bound);
            (
                format!("{shown}{unit}"),
                if met { "met" } else { "**MISSED**" },
            )
        }
    };
    vec![
        target.what.to_owned(),
        format!("{bound}{unit}"),
        measured,
        verdict.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bound: f64, measured: Option<f64>) -> Vec<String> {
        let target = Target {
            what: "x",
            bound,
            unit: " ms",
            digits: 1,
            measured,
        };
        row(&target).split_off(2)
    }

    #[test]
    fn a_target_is_met_missed_or_not_measured() {
        assert_eq!(verdict(20.0, Some(3.21)), ["3.2 ms", "met"]);
        assert_eq!(verdict(20.0, Some(20.04)), ["20.0 ms", "met"]);
        assert_eq!(verdict(20.0, Some(20.06)), ["20.1 ms", "**MISSED**"]);
        assert_eq!(verdict(0.0, Some(-0.0)), ["-0.0 ms", "met"]);
        assert_eq!(verdict(20.0, None), ["not measured", ""]);
    }
}
