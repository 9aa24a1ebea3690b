//! The tables of a report, in Markdown with columns that line up on a terminal too. Pure.

mod layout;
mod moderate;
mod standing;

pub(crate) use self::layout::{list, table};
use super::{cell::Cell, results::Results, subject::Subject, window::Window};
use crate::numbers::Spread;

/// Every section that has rows.
pub(crate) fn sections(results: &Results) -> Vec<String> {
    let sections = [
        processor(results),
        collected(results),
        rates(results),
        latencies(
            results,
            "Answers in one piece: milliseconds to the end",
            Cell::Answer,
            total,
        ),
        latencies(
            results,
            "Streams: milliseconds to the first text",
            Cell::Stream,
            first_text,
        ),
        latencies(
            results,
            "Streams: milliseconds to the end",
            Cell::Stream,
            total,
        ),
        moderate::at_a_low_rate(results),
        moderate::paced(results),
        moderate::conversations(results),
        standing::starts(results),
        standing::held(results),
        standing::calls(results),
    ];
    sections.into_iter().flatten().collect()
}

const CONNECTION_COUNTS: [usize; 4] = [1, 16, 64, 256];
/// The columns of tables with both kinds of answers.
const BOTH_KINDS: [&str; 9] = [
    "",
    "whole 1",
    "whole 16",
    "whole 64",
    "whole 256",
    "streamed 1",
    "streamed 16",
    "streamed 64",
    "streamed 256",
];

fn total(window: &Window) -> Option<Spread> {
    window.summary.total
}

fn first_text(window: &Window) -> Option<Spread> {
    window.summary.first_text
}

fn number(value: Option<f64>, digits: usize) -> String {
    value
        .map(|value| format!("{value:.digits$}"))
        .unwrap_or_default()
}

/// A row for each subject that has one.
fn by_subject(
    results: &Results,
    cells: &[Cell],
    row: impl Fn(Subject) -> Vec<String>,
) -> Vec<Vec<String>> {
    let measured = |subject: &Subject| cells.iter().any(|cell| results.has(*subject, *cell));
    let subjects = Subject::ALL.into_iter().filter(measured);
    subjects
        .map(|subject| {
            let mut cells = vec![subject.title().to_owned()];
            cells.extend(row(subject));
            cells
        })
        .collect()
}

fn section(
    title: &str,
    explained: &str,
    headers: &[&str],
    rows: Vec<Vec<String>>,
) -> Option<String> {
    let table = table(headers, &rows);
    (!rows.is_empty()).then(|| format!("### {title}\n\n{explained}\n\n{table}"))
}

fn processor(results: &Results) -> Option<String> {
    let answers = CONNECTION_COUNTS.map(Cell::Answer);
    let streams = CONNECTION_COUNTS.map(Cell::Stream);
    let cells = [answers, streams].concat();
    let rows = by_subject(results, &cells, |subject| {
        let one = |cell: &Cell| {
            let used = results.median(subject, *cell, |window| window.processor);
            match results.times_the_floor(subject, *cell) {
                Some(times) => format!("{} ({times:.2})", number(used, 0)),
                None => number(used, 0),
            }
        };
        cells.iter().map(one).collect()
    });
    section(
        "Processor time for each answer, in microseconds",
        "Median of the rounds; in brackets as a multiple of the floor's in the same round. \
         1, 16, 64, 256 clients at a time, each sending its next request when it has its answer.",
        &BOTH_KINDS,
        rows,
    )
}

fn collected(results: &Results) -> Option<String> {
    let counts = CONNECTION_COUNTS;
    let floor = Subject::CollectingFloor;
    if !counts
        .into_iter()
        .any(|count| results.has(floor, Cell::Answer(count)))
    {
        return None;
    }
    let rows = by_subject(results, &counts.map(Cell::Answer), |subject| {
        let times = |count| number(results.times(subject, floor, Cell::Answer(count)), 2);
        counts.map(times).to_vec()
    });
    section(
        "An answer in one piece beside a floor that does the same",
        "The gateway reads a stream of the service for every answer, also for one that leaves in one piece; the floor \
         passes one JSON document on. Here processor time is a multiple of what it takes the same floor to ask for a \
         stream, to collect it unread, and to answer with the response of its last event.",
        &["", "1", "16", "64", "256"],
        rows,
    )
}

fn rates(results: &Results) -> Option<String> {
    let answers = CONNECTION_COUNTS.map(Cell::Answer);
    let streams = CONNECTION_COUNTS.map(Cell::Stream);
    let cells = [answers, streams].concat();
    let rows = by_subject(results, &cells, |subject| {
        let rate = |cell: &Cell| {
            number(
                results.median(subject, *cell, |window| Some(window.summary.rate)),
                0,
            )
        };
        cells.iter().map(rate).collect()
    });
    section(
        "Answers a second",
        "Median of the rounds. Generator, service and subject share the processors, so this is no throughput of the subject alone.",
        &BOTH_KINDS,
        rows,
    )
}

fn spread(
    results: &Results,
    subject: Subject,
    cell: Cell,
    look: fn(&Window) -> Option<Spread>,
) -> String {
    let least = results.least(subject, cell, |window| Some(look(window)?.min));
    let middle = results.median(subject, cell, |window| Some(look(window)?.median));
    let p99 = results.median(subject, cell, |window| Some(look(window)?.p99));
    if middle.is_none() {
        return String::new();
    }
    format!(
        "{} / {} / {}",
        number(least, 2),
        number(middle, 2),
        number(p99, 2)
    )
}

fn latencies(
    results: &Results,
    title: &str,
    cell: fn(usize) -> Cell,
    look: fn(&Window) -> Option<Spread>,
) -> Option<String> {
    let rows = by_subject(results, &CONNECTION_COUNTS.map(cell), |subject| {
        CONNECTION_COUNTS
            .map(|connections| spread(results, subject, cell(connections), look))
            .to_vec()
    });
    section(
        title,
        "Least of all rounds / median of the rounds' p50 / median of the rounds' p99.",
        &["", "1", "16", "64", "256"],
        rows,
    )
}
