//! Tables of moderate loads: a low rate, the pace of a model, conversations.

use super::{by_subject, first_text, number, section, spread, total};
use crate::{
    numbers::{Spread, real},
    run::{
        cell::{CONNECTIONS, Cell, RATE, TURNS},
        results::Results,
        window::Window,
    },
};

pub(super) fn at_a_low_rate(results: &Results) -> Option<String> {
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
    let at_rate = |window: &&Window| matches!(window.cell, Cell::AnswerRate | Cell::StreamRate);
    let windows = results.windows.iter().filter(at_rate);
    let late = windows
        .map(|window| window.summary.latest_start)
        .fold(0.0, f64::max);
    section(
        &format!("At a low rate: {RATE} requests a second, milliseconds from the planned moment"),
        &format!(
            "Least / p50 / p99 as above. Added: p50 beside the floor's in the same round, median of the rounds. \
             The generator itself began at most {late:.1} ms late."
        ),
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

pub(super) fn paced(results: &Results) -> Option<String> {
    let cell = Cell::Paced;
    let rows = by_subject(results, &[cell], |subject| {
        vec![
            spread(results, subject, cell, first_text),
            spread(results, subject, cell, total),
            number(
                results.median(subject, cell, |window| Some(window.processor? / 1000.0)),
                2,
            ),
            number(results.times_the_floor(subject, cell), 2),
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

pub(super) fn conversations(results: &Results) -> Option<String> {
    let cell = Cell::Conversation;
    let rows = by_subject(results, &[cell], |subject| {
        let continued = |window: &Window| {
            Some(100.0 * real(window.counts.continued) / real(window.summary.answers().max(1)))
        };
        vec![
            number(results.median(subject, cell, |window| window.processor), 0),
            number(results.times_the_floor(subject, cell), 2),
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
