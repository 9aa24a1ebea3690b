//! The table of `docs/budgets.md`: the budgets, and the judgement of what was measured.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};

use crate::{measure::Cost, scenario::Scenario};

/// How far a count may be from its budget, as a share of the budget.
const TOLERANCE: f64 = 0.1;
/// How far it may be besides: what a timer or a table that grows adds, spread over the requests of a run.
const SLACK: f64 = 0.5;

const RENEW: &str = "cargo bench --bench budgets -- --write";
const HEADING: &str =
    "| scenario | instructions | allocations | bytes | left over | upstream calls |";

/// The document, with the place of the table in it.
#[derive(Debug)]
pub(crate) struct Table {
    before: Vec<String>,
    rows: Vec<Row>,
    after: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    name: String,
    cells: Vec<Option<f64>>,
}

impl Table {
    /// Reads the document.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut table = Self {
            before: Vec::new(),
            rows: Vec::new(),
            after: Vec::new(),
        };
        let mut lines = text.lines();
        for line in lines.by_ref() {
            table.before.push(line.to_owned());
            if line == HEADING {
                break;
            }
        }
        table.before.extend(lines.next().map(str::to_owned));
        for line in lines {
            if table.after.is_empty() && line.starts_with("| `") {
                table.rows.push(Row::parse(line)?);
            } else {
                table.after.push(line.to_owned());
            }
        }
        if !table.before.iter().any(|line| line == HEADING) {
            bail!("{} has no table that begins with {HEADING}", file.display());
        }
        Ok(table)
    }

    /// Takes what was measured as the budget.
    pub(crate) fn set(&mut self, scenario: &Scenario, cost: &Cost) {
        let row = Row::of(scenario, cost);
        match self.rows.iter_mut().find(|known| known.name == row.name) {
            Some(known) => *known = row,
            None => self.rows.push(row),
        }
    }

    /// Puts the rows into the order of the scenarios, and drops those of scenarios that are gone.
    pub(crate) fn arrange(&mut self, scenarios: &[Scenario]) {
        let rows = std::mem::take(&mut self.rows);
        self.rows = scenarios
            .iter()
            .filter_map(|scenario| rows.iter().find(|row| row.name == scenario.name).cloned())
            .collect();
    }

    /// Writes the document with the table as it is now.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let rows = self.rows.iter().map(Row::text);
        let mut lines = self.before.clone();
        lines.extend(rows);
        lines.extend(self.after.clone());
        let mut text = lines.join("\n");
        text.push('\n');
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// What is wrong with what was measured; nothing if it is within its budget.
    pub(crate) fn judge(&self, scenario: &Scenario, cost: &Cost) -> Vec<String> {
        let Some(budget) = self.rows.iter().find(|row| row.name == scenario.name) else {
            return vec![format!(
                "{}: no budget; to write one: {RENEW}",
                scenario.name
            )];
        };
        let measured = Row::of(scenario, cost);
        let columns = HEADING.split('|').map(str::trim).skip(2);
        columns
            .zip(budget.cells.iter().zip(&measured.cells))
            .filter_map(|(column, (budget, measured))| verdict(column, *budget, *measured))
            .map(|verdict| format!("{}: {verdict}", scenario.name))
            .collect()
    }

    /// Rows of scenarios that nobody measures.
    pub(crate) fn unknown(&self, scenarios: &[Scenario]) -> Vec<String> {
        let known = |row: &&Row| !scenarios.iter().any(|scenario| scenario.name == row.name);
        let rows = self.rows.iter().filter(known);
        rows.map(|row| {
            format!(
                "{}: a budget that nothing is measured for; to remove it: {RENEW}",
                row.name
            )
        })
        .collect()
    }
}

fn verdict(column: &str, budget: Option<f64>, measured: Option<f64>) -> Option<String> {
    let (budget, measured) = match (budget, measured) {
        (None, None) => return None,
        (Some(budget), Some(measured)) => (budget, measured),
        _ => {
            return Some(format!(
                "{column} have a budget or are measured, not both; {RENEW}"
            ));
        }
    };
    let exact = column == "upstream calls" || (column == "left over" && budget == 0.0);
    let allowed = if exact {
        0.0
    } else {
        budget * TOLERANCE + SLACK
    };
    let figures = format!(
        "{} {column}, the budget is {}",
        figure(measured),
        figure(budget)
    );
    if measured > budget + allowed {
        return Some(format!(
            "OVER BUDGET: {figures}. If that is meant to be: {RENEW}"
        ));
    }
    (measured < budget - allowed)
        .then(|| format!("THE BUDGET IS STALE: {figures}. It costs less now; keep it so: {RENEW}"))
}

impl Row {
    fn of(scenario: &Scenario, cost: &Cost) -> Self {
        Self {
            name: scenario.name.to_owned(),
            cells: vec![
                cost.instructions.map(f64::round),
                Some(tenths(cost.allocations)),
                Some(cost.bytes.round()),
                Some(hundredths(cost.left)),
                Some(hundredths(cost.upstream_calls)),
            ],
        }
    }

    fn parse(line: &str) -> anyhow::Result<Self> {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let name = cells
            .next()
            .unwrap_or_default()
            .trim_matches('`')
            .to_owned();
        let cells = cells
            .map(|cell| match cell {
                "-" => Ok(None),
                cell => cell.replace(',', "").parse().map(Some),
            })
            .collect::<Result<_, _>>()
            .with_context(|| format!("a row that is not understood: {line}"))?;
        Ok(Self { name, cells })
    }

    fn text(&self) -> String {
        let cells = self
            .cells
            .iter()
            .map(|cell| cell.map_or_else(|| "-".to_owned(), figure));
        let cells: Vec<_> = cells.collect();
        format!("| `{}` | {} |", self.name, cells.join(" | "))
    }
}

/// A number as people read it: `1,234,567`, `12.5`.
pub(crate) fn figure(number: f64) -> String {
    let text = format!("{number}");
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (text.as_str(), String::new()),
    };
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + &fraction
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
