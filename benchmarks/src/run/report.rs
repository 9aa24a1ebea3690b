//! The report of a run: conditions, targets, tables. Pure.

use super::{
    results::Results,
    subject::Subject,
    tables::{self, list},
    targets,
    window::Window,
};
use crate::numbers::median;

/// One line for whoever watches.
pub(crate) fn line(window: &Window) -> String {
    let summary = &window.summary;
    let processor = window
        .processor
        .map(|used| format!("{used:9.1} µs"))
        .unwrap_or_default();
    let total = summary.total.unwrap_or_default();
    let first = summary
        .first_text
        .map(|first| format!(", first text {:.2} ms", first.median));
    let wrong = match summary.not_right() {
        0 => String::new(),
        count => format!(
            " !!! {count} NOT RIGHT: {}",
            summary.example.as_deref().unwrap_or_default()
        ),
    };
    format!(
        "{:14} {:30} {processor:12} {:8.0}/s, p50 {:.2} ms, p99 {:.2} ms{}, others {:.0} %{wrong}",
        window.cell.name(),
        window.subject.title(),
        summary.rate,
        total.median,
        total.p99,
        first.unwrap_or_default(),
        window.others * 100.0,
    )
}

/// The whole report, as it stands in the document and on the terminal.
pub(crate) fn markdown(results: &Results) -> String {
    let mut parts = vec![conditions(results), targets::section(results)];
    parts.extend(tables::sections(results));
    let wrong = results.wrong_answers();
    if !wrong.is_empty() {
        parts.push(format!(
            "### Answers that were not right\n\n{}",
            list(&wrong)
        ));
    }
    parts.join("\n\n")
}

fn conditions(results: &Results) -> String {
    let conditions = &results.conditions;
    let mut rows = vec![
        format!("Command: `{}`", conditions.command),
        format!("Commit {}, on {}", conditions.commit, conditions.date),
        format!(
            "{} cores of \"{}\", {}; load generator, service and subject share them",
            conditions.cores, conditions.processor, conditions.kernel
        ),
        format!("{}; {}", conditions.versions, conditions.method),
    ];
    let others = median(results.windows.iter().map(|window| window.others));
    if let Some(others) = others {
        let most = results
            .windows
            .iter()
            .map(|window| window.others)
            .fold(0.0, f64::max);
        rows.push(format!(
            "Processes outside the benchmark took {:.0} % of the processors (median of the windows; at most {:.0} %)",
            others * 100.0,
            most * 100.0
        ));
    }
    let measured = |subject| {
        results
            .windows
            .iter()
            .any(|window| window.subject == subject)
    };
    for (subject, name) in [(Subject::Nginx, "nginx"), (Subject::LiteLlm, "LiteLLM")] {
        if !results.windows.is_empty() && !measured(subject) {
            rows.push(format!("**{name} was not measured in this run.**"));
        }
    }
    format!("### Conditions\n\n{}", list(&rows))
}
