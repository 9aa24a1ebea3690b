//! The tables of bounds in docs/reliability.md: every bound is in the code with the value that the document tells, and
//! every test that is said to hit it is there.

use std::{fs, path::Path};

use super::{read, settings};

/// A row of a table of bounds.
struct Row {
    /// Name of a setting or constant.
    name: String,
    /// Where the constant is.
    file: Option<String>,
    value: String,
    tests: Vec<String>,
}

/// What is between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn rows(document: &str) -> Vec<Row> {
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").collect();
        let [bound, value, _, tests] = cells[..] else {
            panic!("not a row of bounds: {line}");
        };
        let mut bound = quoted(bound).into_iter();
        Row {
            name: bound.next().unwrap(),
            file: bound.next(),
            value: value.to_owned(),
            tests: quoted(tests),
        }
    })
    .collect()
}

#[test]
fn every_bound_that_the_document_names_is_there_with_its_test() {
    let document = read("docs/reliability.md");
    let rows = rows(&document);
    assert!(60 < rows.len(), "{} rows", rows.len());
    let mut sources = Vec::new();
    for folder in ["src", "tests/it"] {
        collect_modules(folder, folder, &mut sources);
    }
    let mut wrong = Vec::new();
    for row in rows {
        let value = match &row.file {
            Some(file) => constant(&read(file), &row.name),
            None => settings()
                .find(|setting| setting.name == row.name)
                .map(|setting| setting.default.to_owned()),
        };
        if value.as_ref() != Some(&row.value) {
            wrong.push(format!("{} is {value:?}, not {}", row.name, row.value));
        }
        if row.tests.is_empty() {
            wrong.push(format!("{} has no test", row.name));
        }
        for test in &row.tests {
            if !sources.iter().any(|module| module.has_test(test)) {
                wrong.push(format!("{} names {test}, which is no test", row.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/reliability.md:\n{}",
        wrong.join("\n")
    );
}

/// Every setting that bounds a time, a size or a number is in the document.
#[test]
fn every_setting_that_is_a_bound_is_documented_as_one() {
    let document = read("docs/reliability.md");
    for setting in settings() {
        let is_bound = ["_SECONDS", "_BYTES"]
            .iter()
            .any(|ending| setting.name.ends_with(ending))
            || setting.name.starts_with("GATEWAY_MAX_");
        let row = format!("| `{}` | {} |", setting.name, setting.default);
        assert!(
            !is_bound || document.contains(&row),
            "docs/reliability.md lacks {row}"
        );
    }
}

/// How constants that bound something are called.
fn is_called_like_a_bound(name: &str) -> bool {
    let begins = ["MAX_", "LONGEST_", "CAPACITY", "BATCH", "KEEPALIVE"];
    let ends = ["TIMEOUT", "PAUSE", "_FOR"];
    begins.iter().any(|beginning| name.starts_with(beginning))
        || ends.iter().any(|ending| name.ends_with(ending))
}

#[test]
fn every_constant_that_is_called_like_a_bound_is_documented() {
    let document = read("docs/reliability.md");
    let mut modules = Vec::new();
    collect_modules("src", "src", &mut modules);
    let mut missing = Vec::new();
    for Module { file, text, .. } in modules {
        let names = text
            .lines()
            .filter_map(|line| line.split_once("const ")?.1.split_once(": "))
            .map(|(name, _)| name)
            .filter(|name| is_called_like_a_bound(name));
        for name in names {
            let is_documented = document.lines().any(|line| {
                line.contains(&format!("`{name}`")) && line.contains(&format!("`{file}`"))
            });
            let is_for_tests = file.contains("/tests") || file.contains("/fuzzing/");
            if !is_documented && !is_for_tests {
                missing.push(format!("`{name}` in `{file}`"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/reliability.md lacks these bounds:\n{}",
        missing.join("\n")
    );
}

/// Constants that the document names outside its tables are there, too.
#[test]
fn constants_that_no_test_hits_are_named_where_they_are() {
    let document = read("docs/reliability.md");
    let (_, section) = document
        .split_once("### Bounds without a test of their own")
        .unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut named = 0;
    for line in section.lines().filter(|line| line.starts_with("- ")) {
        let words = quoted(line);
        let files: Vec<&String> = words
            .iter()
            .filter(|word| Path::new(word).is_file())
            .collect();
        for name in words.iter().filter(|word| !word.contains('/')) {
            let is_there = files
                .iter()
                .any(|file| constant(&read(file), name).is_some());
            assert!(is_there, "{name} is in none of {files:?}");
            named += 1;
        }
    }
    assert!(5 < named, "{named}");
}

/// The value of a constant as the document writes it.
fn constant(source: &str, name: &str) -> Option<String> {
    let (_, rest) = source.split_once(&format!("const {name}: "))?;
    let (_, rest) = rest.split_once('=')?;
    let (value, _) = rest.split_once(';').map(|(value, rest)| {
        // The length of an array has a semicolon of its own.
        let is_array = value.trim().is_empty();
        if is_array {
            (rest, rest)
        } else {
            (value, rest)
        }
    })?;
    Some(shown(value.trim()))
}

/// `64 << 10` is 64 KiB, `Duration::from_secs(3)` is 3 s, a list of durations is each of them.
fn shown(value: &str) -> String {
    let units = [
        ("Duration::from_millis(", "ms"),
        ("Duration::from_secs(", "s"),
        ("Duration::from_mins(", "min"),
        ("Duration::from_hours(", "h"),
    ];
    let durations: Vec<String> = value
        .split_inclusive(')')
        .filter_map(|part| {
            let (unit, number) = units.iter().find_map(|(call, unit)| {
                let (_, number) = part.split_once(call)?;
                Some((unit, number.trim_end_matches(')')))
            })?;
            Some(format!("{} {unit}", grouped(number)))
        })
        .collect();
    if !durations.is_empty() {
        return durations.join(", ");
    }
    match value.split_once(" << ") {
        Some((number, "10")) => return format!("{} KiB", grouped(number)),
        Some((number, "20")) => return format!("{} MiB", grouped(number)),
        _ => {}
    }
    let number = value
        .strip_prefix("NonZeroUsize::MIN.saturating_add(")
        .and_then(|number| number.strip_suffix(" - 1)"));
    grouped(number.unwrap_or(value))
}

/// A number with a comma before every three digits.
fn grouped(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A source file and the path of its module.
struct Module {
    file: String,
    path: String,
    text: String,
}

impl Module {
    /// Whether it has the test, written as `module::test`; unit tests are said to be their module's.
    fn has_test(&self, test: &str) -> bool {
        let (path, name) = test.rsplit_once("::").unwrap_or(("", test));
        let own = self.path.strip_suffix("::tests").unwrap_or(&self.path);
        let Some((before, _)) = self.text.split_once(&format!("fn {name}()")) else {
            return false;
        };
        let attribute = before.rsplit_once("#[").map(|(_, last)| last);
        let is_test = attribute
            .is_some_and(|last| last.starts_with("test]") || last.starts_with("tokio::test"));
        own == path && is_test
    }
}

fn collect_modules(root: &str, folder: &str, modules: &mut Vec<Module>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let shown = path.to_str().unwrap();
        if path.is_dir() {
            collect_modules(root, shown, modules);
        } else if let Some(module) = shown.strip_suffix(".rs") {
            let module = module.strip_prefix(root).unwrap();
            modules.push(Module {
                file: shown.to_owned(),
                path: module.trim_start_matches('/').replace('/', "::"),
                text: read(shown),
            });
        }
    }
}
