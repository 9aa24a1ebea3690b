//! The tables of a report, in Markdown with columns that line up on a terminal too. Pure.

mod layout;

pub(crate) use self::layout::{list, table};
use super::{
    cell::{CONNECTIONS, Cell, RATE, TURNS},
    results::Results,
    subject::Subject,
    window::Window,
};
use crate::numbers::{Spread, real};

/// Every section that has rows.
pub(crate) fn sections(results: &Results) -> Vec<String> {
    let sections = [
        processor(results),
        same_stream(results),
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
        at_a_low_rate(results),
        paced(results),
        conversations(results),
        starts(results),
        held(results),
        calls(results),
    ];
    sections.into_iter().flatten().collect()
}

const CONNECTION_COUNTS: [usize; 4] = [1, 16, 64, 256];

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
            match results.times_the_floor(subject, *cell, *cell) {
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
        &[
            "",
            "whole, 1",
            "16",
            "64",
            "256",
            "streamed, 1",
            "16",
            "64",
            "256",
        ],
        rows,
    )
}

fn same_stream(results: &Results) -> Option<String> {
    let counts = CONNECTION_COUNTS;
    let rows = by_subject(results, &counts.map(Cell::Answer), |subject| {
        let one = |connections: usize| {
            let (answer, stream) = (Cell::Answer(connections), Cell::Stream(connections));
            number(results.times_the_floor(subject, answer, stream), 2)
        };
        counts.map(one).to_vec()
    });
    let gateways: Vec<Vec<String>> = rows
        .into_iter()
        .filter(|row| {
            row.first()
                .is_some_and(|title| title.starts_with("gateway"))
        })
        .filter(|row| row.iter().skip(1).any(|cell| !cell.is_empty()))
        .collect();
    section(
        "An answer in one piece beside the floor's cost for the same upstream stream",
        "The gateway reads a stream of the service for every answer, also for one that leaves in one piece; the floor \
         passes one JSON document on. Here the gateway's answer in one piece is a multiple of what the floor uses to pass \
         the stream on that the gateway reads.",
        &["", "1", "16", "64", "256"],
        gateways,
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
        &[
            "",
            "whole, 1",
            "16",
            "64",
            "256",
            "streamed, 1",
            "16",
            "64",
            "256",
        ],
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

fn at_a_low_rate(results: &Results) -> Option<String> {
    let rows = by_subject(results, &[Cell::AnswerRate, Cell::StreamRate], |subject| {
        let added = |cell: Cell, look: fn(&Window) -> Option<Spread>| {
            let added = results.added_to_the_floor(subject, cell, look);
            added
                .map(|added| format!("{added:+.2}"))
                .unwrap_or_default()
        };
        vec![
            spread(results, subject, Cell::AnswerRate, total),
            added(Cell::AnswerRate, total),
            spread(results, subject, Cell::StreamRate, first_text),
            added(Cell::StreamRate, first_text),
        ]
    });
    section(
        &format!("At a low rate: {RATE} requests a second, milliseconds from the planned moment"),
        "Least / p50 / p99 as above. Added: p50 beside the floor's in the same round, median of the rounds.",
        &[
            "",
            "whole: to the end",
            "added",
            "streamed: to the first text",
            "added",
        ],
        rows,
    )
}

fn paced(results: &Results) -> Option<String> {
    let cell = Cell::Paced;
    let rows = by_subject(results, &[cell], |subject| {
        vec![
            spread(results, subject, cell, first_text),
            spread(results, subject, cell, total),
            number(
                results.median(subject, cell, |window| Some(window.processor? / 1000.0)),
                2,
            ),
            number(results.times_the_floor(subject, cell, cell), 2),
        ]
    });
    section(
        "At the pace of a model",
        &format!(
            "{CONNECTIONS} streams at a time; the first delta after 300 ms, the others 20 ms apart, each a write of its own. Times in milliseconds as above."
        ),
        &[
            "",
            "to the first text",
            "to the end",
            "processor ms",
            "times the floor",
        ],
        rows,
    )
}

fn conversations(results: &Results) -> Option<String> {
    let cell = Cell::Conversation;
    let rows = by_subject(results, &[cell], |subject| {
        let continued = |window: &Window| {
            Some(100.0 * real(window.counts.continued) / real(window.summary.answers().max(1)))
        };
        vec![
            number(results.median(subject, cell, |window| window.processor), 0),
            number(results.times_the_floor(subject, cell, cell), 2),
            spread(results, subject, cell, first_text),
            number(results.median(subject, cell, continued), 0),
            number(
                results.median(subject, cell, |window| Some(window.calls_per_answer())),
                2,
            ),
        ]
    });
    section(
        &format!("Conversations of {TURNS} turns"),
        &format!(
            "{CONNECTIONS} at a time, streamed; clients of chat completions resend the whole history, direct ones name the response before. \
             Continued: turns that went on with what the service remembered, of which {:.0} % can.",
            100.0 * (f64::from(TURNS) - 1.0) / f64::from(TURNS)
        ),
        &[
            "",
            "processor µs for each turn",
            "times the floor",
            "ms to the first text",
            "continued, %",
            "calls for each turn",
        ],
        rows,
    )
}

fn starts(results: &Results) -> Option<String> {
    let rows = results.starts.iter().map(|starts| {
        vec![
            starts.subject.title().to_owned(),
            number(Some(starts.least), 1),
            number(Some(starts.median), 1),
            number(Some(starts.resident), 1),
        ]
    });
    let count = results
        .starts
        .iter()
        .map(|starts| starts.count)
        .max()
        .unwrap_or_default();
    section(
        "Start and rest",
        &format!(
            "{count} starts; from the start of the process to the first 200, and resident memory a little later. The gateway's program has {:.2} MB.",
            results.conditions.program_size
        ),
        &["", "ms to the first 200, least", "median", "MiB at rest"],
        rows.collect(),
    )
}

fn held(results: &Results) -> Option<String> {
    let rows = results.held.iter().map(|held| {
        vec![
            held.subject.title().to_owned(),
            held.streams.to_string(),
            held.open_upstream.to_string(),
            number(Some(held.until_all_show_text), 0),
            number(Some(held.with_streams), 1),
            number(Some(held.with_streams - held.at_rest), 1),
        ]
    });
    section(
        "Many streams at a time",
        "Opened at once on a fresh process, held in the middle of their answers.",
        &[
            "",
            "streams",
            "open at the service",
            "ms until all show text",
            "MiB resident",
            "above rest",
        ],
        rows.collect(),
    )
}

fn calls(results: &Results) -> Option<String> {
    let measured = [Cell::Answer(16), Cell::Stream(16)];
    let rows = by_subject(results, &measured, |subject| {
        let per_answer = |cell: &Cell| {
            let per_answer = |window: &Window| Some(window.calls_per_answer());
            number(results.median(subject, *cell, per_answer), 2)
        };
        measured.iter().map(per_answer).collect()
    });
    section(
        "Calls of the service for each answer",
        "A question on its own, 16 at a time. The bare gateway keeps nothing, so it deletes the thread of a classic agent after the answer.",
        &["", "whole", "streamed"],
        rows,
    )
}
