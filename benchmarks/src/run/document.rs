//! The part of a document that a run writes, between two markers.

use std::{fs, path::Path};

use anyhow::Context;

const BEGIN: &str =
    "<!-- measured: what follows is written by `cargo run --release -p benchmarks -- --write` -->";
const END: &str = "<!-- measured: end -->";

/// Fails early where the document has no place for the tables.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    replaced(&text, "").map(drop).with_context(|| {
        format!(
            "{} lacks the line {BEGIN} or, below it, the line {END}",
            path.display()
        )
    })
}

/// Puts the tables into the document.
pub(crate) fn write(path: &Path, tables: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(path)?;
    let text = replaced(&text, tables).context("the markers are gone")?;
    Ok(fs::write(path, text)?)
}

fn replaced(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        tables.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let text = format!("# Title\n{BEGIN}\nold\n{END}\nrest\n");
        let replaced = replaced(&text, "\nnew\n").unwrap();
        assert_eq!(
            replaced,
            format!("# Title\n{BEGIN}\n\nnew\n\n{END}\nrest\n")
        );
        assert_eq!(super::replaced("no markers", "new"), None);
    }
}
