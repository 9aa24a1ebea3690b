//! Tables of what does not depend on a rate: starts, memory, streams at a time, calls.

use super::{by_subject, number, section};
use crate::run::{cell::Cell, results::Results, window::Window};

pub(super) fn starts(results: &Results) -> Option<String> {
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

pub(super) fn held(results: &Results) -> Option<String> {
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

pub(super) fn calls(results: &Results) -> Option<String> {
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
