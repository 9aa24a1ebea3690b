//! What is deployed: the package, and the Bicep, settings, roles and documents that must agree with the code.

mod bicep;
mod host_files;
mod package;
mod roles;
mod settings;
mod smoke_test;
mod tools;

use std::fs;

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The first cells of the rows of the table below this heading of a document, without backticks.
fn first_cells(document: &str, heading: &str) -> Vec<String> {
    let text = read(document);
    let (_, section) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("{document} has no heading {heading:?}"));
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("| ---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(1).unwrap().trim().replace('`', ""))
        .collect()
}
