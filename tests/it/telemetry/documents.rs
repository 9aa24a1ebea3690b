//! The queries of the document and of the workbook read what spans really have.

use std::fs;

use serde_json::Value;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The queries of the document.
fn queries() -> Vec<String> {
    let document = read("docs/observability.md");
    let blocks = document.split("```kusto\n").skip(1);
    blocks
        .map(|block| block.split("\n```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_attribute_that_a_query_reads_is_one_that_spans_have() {
    let attributes = read("src/telemetry/attributes.rs");
    let mut read_by_queries = 0;
    for query in queries() {
        for part in query.split("Attributes[\"").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(attributes.contains(&format!("= \"{name}\";")), "{name}");
            read_by_queries += 1;
        }
    }
    assert!(20 < read_by_queries);
}

#[test]
fn the_workbook_asks_what_the_document_does() {
    let workbook: Value = serde_json::from_str(&read("infra/modules/workbook.json")).unwrap();
    let of_document: Vec<String> = queries()
        .iter()
        .map(|query| query.replace("> ago(24h)", "{TimeRange}"))
        .collect();
    let asked: Vec<&str> = workbook["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["content"]["query"].as_str())
        .collect();
    assert!(6 <= asked.len());
    for query in asked {
        assert!(of_document.iter().any(|known| known == query), "{query}");
    }
}
