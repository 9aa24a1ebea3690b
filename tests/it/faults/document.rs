//! `docs/faults.md` says what the table says, in words.

use std::{collections::BTreeSet, fmt::Write, fs};

use super::{
    outcome::DIALECTS,
    table::{self, Again, Row},
};

/// Each stage, and what breaks there.
const STAGES: [(&str, &str); 14] = [
    ("connect", "The agent service cannot be connected to"),
    ("tls", "The TLS handshake with the agent service fails"),
    (
        "accept",
        "The agent service ends a new connection before it reads a request",
    ),
    (
        "headers",
        "The agent service has read the request, and breaks instead of its answer's first byte or first event",
    ),
    (
        "created",
        "The agent service breaks after its first event, before the agent shows a sign of work",
    ),
    (
        "middle",
        "The agent service breaks in the middle of the answer's text",
    ),
    (
        "end",
        "The agent service breaks after the text, before the event that ends the answer",
    ),
    (
        "after",
        "The agent service breaks after the event that ends the answer",
    ),
    (
        "store",
        "The store of conversations breaks, and the request shows its history",
    ),
    (
        "named",
        "The store of conversations breaks, and the request names its conversation by `thread_id` alone",
    ),
    (
        "token",
        "The Entra authority breaks, and the gateway has no token",
    ),
    (
        "keys",
        "The Entra tenant of callers with tokens breaks where it publishes its keys, and the gateway has none",
    ),
    (
        "exchange",
        "The Entra tenant breaks where the gateway exchanges a caller's token for one for the agent service",
    ),
    ("exporter", "The receiver of telemetry breaks"),
];

/// Each fault, and what happens.
const FAULTS: [(&str, &str); 30] = [
    ("alert", "the server refuses the handshake"),
    ("another_name", "the certificate is for another name"),
    ("close", "the connection is closed"),
    (
        "cut",
        "the connection is closed one byte before the end of the answer",
    ),
    (
        "eof",
        "the body ends, without an event that ends the answer",
    ),
    ("error_event", "the service says `error` in the stream"),
    ("expired", "the certificate has expired"),
    ("flood", "comments come without a pause and without an end"),
    ("garbage", "bytes come that are not of the protocol"),
    ("html", "a page for people comes, with status 200"),
    ("huge_head", "the head of the answer has two megabytes"),
    ("malformed", "an event has broken JSON"),
    ("not_utf8", "an event is no UTF-8"),
    ("oversized", "the answer is larger than any may be"),
    ("oversized:100000", "an event of an unknown kind has 100 kB"),
    (
        "oversized:17000000",
        "an event of an unknown kind has 17 MB",
    ),
    ("refuse", "nobody listens"),
    ("reset", "the connection is reset"),
    ("slow", "one byte comes at a time"),
    ("slow_head", "one byte comes at a time, of the head already"),
    ("stall", "nothing comes any more"),
    ("status:429", "status 429 without `Retry-After`"),
    ("status:429:7", "status 429 with `Retry-After: 7`"),
    ("status:500", "status 500"),
    ("status:502", "status 502"),
    ("status:503", "status 503"),
    ("status:504", "status 504"),
    (
        "truncated",
        "the connection is closed in the middle of a line or an event",
    ),
    (
        "unknown_authority",
        "nobody knows who signed the certificate",
    ),
    ("unknown_event", "an event comes that nobody knows"),
];

#[test]
fn the_document_says_what_the_table_says() {
    let document = fs::read_to_string("docs/faults.md").unwrap();
    let rows: Vec<Row> = table::rows().collect();
    let cells = rows.len() * DIALECTS.len() * 2;
    let count = format!("{} rows, {cells} cells", rows.len());
    for part in [count, words(&rows), stages(&rows)] {
        assert!(
            document.contains(&part),
            "docs/faults.md has to hold exactly this:\n{part}"
        );
    }
    let tables = document.lines().filter(|line| line.starts_with("| "));
    let generated = words(&rows) + &stages(&rows);
    let expected = generated.lines().filter(|line| line.starts_with("| "));
    assert!(tables.eq(expected), "docs/faults.md has a row too many");
}

/// The words for faults.
fn words(rows: &[Row]) -> String {
    let used: BTreeSet<&str> = rows.iter().map(|row| row.fault.as_str()).collect();
    let mut text = "| fault | what happens |\n| --- | --- |\n".to_owned();
    for fault in used {
        let (_, meaning) = FAULTS
            .iter()
            .find(|(word, _)| *word == fault)
            .unwrap_or_else(|| panic!("what is the fault {fault}?"));
        writeln!(text, "| `{fault}` | {meaning} |").unwrap();
    }
    text
}

/// A part for each stage, with the faults of one outcome in one row.
fn stages(rows: &[Row]) -> String {
    let mut parts = Vec::new();
    for (stage, what) in STAGES {
        let mut text = format!(
            "### `{stage}`\n\n{what}.\n\n\
             | fault | agent asked | answer | stream | repeat? |\n| --- | --- | --- | --- | --- |\n"
        );
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for row in rows.iter().filter(|row| row.stage == stage) {
            let (outcome, fault) = (outcome(row), format!("`{}`", row.fault));
            match groups.iter_mut().find(|(other, _)| *other == outcome) {
                Some((_, faults)) => faults.push(fault),
                None => groups.push((outcome, vec![fault])),
            }
        }
        for (outcome, faults) in groups {
            writeln!(text, "| {} | {outcome} |", faults.join(", ")).unwrap();
        }
        parts.push(text);
    }
    let known: BTreeSet<&str> = STAGES.iter().map(|(stage, _)| *stage).collect();
    assert!(rows.iter().all(|row| known.contains(row.stage.as_str())));
    parts.join("\n")
}

/// All columns but the first.
fn outcome(row: &Row) -> String {
    let asked = match row.asked {
        0 => "no".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let told = |told: &str| match told.split_once(' ') {
        Some(("200", "stop")) => "the whole answer".to_owned(),
        Some(("200", code)) => format!("200, and `{code}` as its last event"),
        Some((status, code)) => format!("{status} `{code}`"),
        None => panic!("neither status nor code: {told}"),
    };
    let again = match row.again {
        _ if row.answer == "200 stop" => "",
        Again::Yes => "yes",
        Again::No => "no",
    };
    let (answer, stream) = (told(&row.answer), told(&row.stream));
    format!("{asked} | {answer} | {stream} | {again}")
}
