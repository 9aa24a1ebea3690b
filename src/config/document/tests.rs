use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;

const SETTING: &str = "GATEWAY_AGENTS";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    things: BTreeMap<String, Thing>,
    #[serde(default)]
    list: Vec<u8>,
    secret: Option<Secret>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
    #[serde(default)]
    how: How,
    on: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    #[default]
    Fast,
    Slow,
}

/// Stands in every value that must not be repeated.
const CANARY: &str = "hunter2hunter2";

fn environment(value: &str) -> Environment {
    Environment::from_iter([
        (SETTING, value),
        ("NAME_1", "from-the-environment"),
        ("BLANK", " "),
    ])
}

fn read(json: &str) -> Result<Document<Sample>, String> {
    Document::read(&environment(json), SETTING)
        .map(Option::unwrap)
        .map_err(|error| error.to_string())
}

#[test]
fn a_document_is_inline_or_a_file_or_absent() {
    let json = r#"{"things": {"a": {"name": "b", "how": "slow", "on": true}}, "list": [1, 2]}"#;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("\n  {json}\n")).unwrap();
    for value in [json, file.path().to_str().unwrap()] {
        let sample = read(value).unwrap().content;
        assert_eq!(sample.things["a"].name, "b");
        assert_eq!(sample.things["a"].how, How::Slow);
        assert_eq!(sample.things["a"].on, Some(true));
        assert_eq!(sample.list, [1, 2]);
    }
    let absent = Document::<Sample>::read(&Environment::default(), SETTING);
    assert!(absent.unwrap().is_none());
}

#[test]
fn references_are_followed_in_both_spellings() {
    let sample = read(
        r#"{"things": {"a": {"name": "${NAME_1}"}, "b": {"name": "os.environ/NAME_1"}}, "secret": "${NAME_1}"}"#,
    )
    .unwrap()
    .content;
    assert_eq!(sample.things["a"].name, "from-the-environment");
    assert_eq!(sample.things["b"].name, "from-the-environment");
    let secret = sample.secret.unwrap();
    assert_eq!(secret.0.expose_secret(), "from-the-environment");
}

#[test]
fn every_mistake_is_told_with_its_place_and_without_a_value() {
    let rows = [
        // No JSON.
        (
            r#"{"list": [1, hunter2hunter2]}"#,
            "line 1, column 14: it is not JSON: expected value",
        ),
        (
            "{\n  \"list\": [1\n}",
            "line 3, column 1: it is not JSON: expected `,` or `]`",
        ),
        (
            r#"{"list": []} hunter2hunter2"#,
            "line 1, column 14: it is not JSON: trailing characters",
        ),
        (
            r#"{"things": {"a": {"name": "hunter2hunter2"#,
            "it is not JSON: EOF while parsing a string",
        ),
        // JSON, but not as documented.
        (
            "{\n \"thing\": \"hunter2hunter2\"\n}",
            "line 2, column 11: unknown field `thing`, expected `things`, `list` or `secret`",
        ),
        (
            r#"{"things": {"a b": {"name": "x", "x": 1}}}"#,
            r#"line 1, column 39, at things["a b"]: unknown field `x`, expected `name`, `how` or `on`"#,
        ),
        (
            r#"{"things": {"a": {}}}"#,
            "line 1, column 18, at things.a: the field `name` is missing",
        ),
        (
            r#"{"things": {"a": {"name": 7}}}"#,
            "line 1, column 27, at things.a.name: found a number, expected a string",
        ),
        (
            r#"{"things": "hunter2hunter2"}"#,
            "line 1, column 12, at things: found a text, expected a map",
        ),
        (
            r#"{"things": {"a": {"name": "x", "on": "hunter2hunter2"}}}"#,
            "at things.a.on: found a text, expected a boolean",
        ),
        (
            r#"{"things": {"a": {"name": "x", "how": "hunter2hunter2"}}}"#,
            "at things.a.how: write `fast` or `slow`",
        ),
        (
            r#"{"things": {"a": {"name": "x", "how": [1]}}}"#,
            "at things.a.how: found a list, expected enum How",
        ),
        (
            r#"{"list": [1, 2, 300]}"#,
            "line 1, column 17, at list[2]: expected u8",
        ),
        (
            r#"{"list": [1, -2, 3.5]}"#,
            "line 1, column 14, at list[1]: expected u8",
        ),
        (
            r#"{"list": null}"#,
            "at list: found null, expected a sequence",
        ),
        // Twice.
        (
            "{\"things\": {\n\"a\": {\"name\": \"x\"},\n\"a\": {\"name\": \"hunter2hunter2\"}}}",
            "line 3, column 6, at things.a: the name stands twice",
        ),
        (
            r#"{"list": [], "list": []}"#,
            "line 1, column 22, at list: the name stands twice",
        ),
        // References.
        (
            r#"{"things": {"a": {"name": "${NAME_2}"}}}"#,
            "line 1, column 27, at things.a.name: the environment variable NAME_2 is not set",
        ),
        (
            r#"{"things": {"a": {"name": "os.environ/BLANK"}}}"#,
            "at things.a.name: the environment variable BLANK is not set",
        ),
        (
            r#"{"things": {"a": {"name": "${hunter2-hunter2}"}}}"#,
            "a reference must be the whole text",
        ),
        (
            r#"{"things": {"a": {"name": "hunter2hunter2-${NAME_1}"}}}"#,
            "a reference must be the whole text",
        ),
        (
            r#"{"secret": "hunter2hunter2"}"#,
            "line 1, column 12, at secret: a secret does not belong into a document",
        ),
        (
            r#"{"secret": 7}"#,
            "at secret: found a number, expected a reference to an environment variable",
        ),
    ];
    for (json, said) in rows {
        let error = read(json).unwrap_err();
        let begin = "GATEWAY_AGENTS cannot be used: the inline JSON, line ";
        assert!(error.starts_with(begin), "{json}: {error}");
        assert!(error.contains(said), "{json}: {error}");
        assert!(!error.contains(CANARY), "{error}");
    }
}

#[test]
fn columns_are_characters_and_escapes_are_understood() {
    let error = read(r#"{"things": {"é\u00e9\n": {"name": "é", "on": 1}}}"#).unwrap_err();
    let said = r#"line 1, column 46, at things["éé\n"].on: found a number"#;
    assert!(error.contains(said), "{error}");
}

#[test]
fn a_document_that_is_deep_or_not_to_be_read_is_refused() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(1000), "}".repeat(1000));
    let error = read(&deep).unwrap_err();
    assert!(error.contains("recursion limit exceeded"), "{error}");
    let surrogate = read(r#"{"things": {"a": {"name": "\ud800"}}}"#).unwrap_err();
    assert!(surrogate.contains("it is not JSON"), "{surrogate}");
    let error = read("/does/not/exist.json").unwrap_err();
    assert!(
        error.contains("the file /does/not/exist.json cannot be read"),
        "{error}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(MAX_FILE_BYTES + 1).unwrap();
    let error = read(file.path().to_str().unwrap()).unwrap_err();
    assert!(error.contains("is longer than 4194304 bytes"), "{error}");
}

#[test]
fn a_mistake_of_several_fields_together_has_a_place_too() {
    let document = read("{\"things\": {\n \"a\": {\"name\": \"x\"}}}").unwrap();
    let at = |path: &[&str]| document.error_at(path, "no").to_string();
    let begin = "GATEWAY_AGENTS cannot be used: the inline JSON, ";
    assert_eq!(
        at(&["things", "a", "name"]),
        format!("{begin}line 2, column 16, at things.a.name: no")
    );
    assert_eq!(
        at(&["things", "a", "how"]),
        format!("{begin}line 2, column 7, at things.a.how: no")
    );
    assert_eq!(at(&[]), format!("{begin}line 1, column 1: no"));
}

#[test]
fn values_do_not_appear_in_debug_output() {
    let document = read(r#"{"things": {"a": {"name": "hunter2hunter2"}}}"#).unwrap();
    assert!(!format!("{document:?}").contains(CANARY));
}

#[test]
fn a_file_of_just_the_greatest_length_is_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let blanks = usize::try_from(MAX_FILE_BYTES).unwrap() - 2;
    std::fs::write(file.path(), format!("{{}}{}", " ".repeat(blanks))).unwrap();
    assert!(read(file.path().to_str().unwrap()).is_ok());
}

#[test]
fn a_word_is_written_as_a_text_and_nothing_else() {
    let how = |json: &str| {
        read(&format!(
            r#"{{"things": {{"a": {{"name": "b", "how": {json}}}}}}}"#
        ))
        .unwrap_err()
    };
    for (json, found) in [
        (r#"{"slow": null}"#, "an object"),
        ("{}", "an object"),
        ("true", "a truth value"),
        ("7", "a number"),
        ("[]", "a list"),
        ("null", "null"),
    ] {
        let error = how(json);
        let said = format!("line 1, column 39, at things.a.how: found {found}, expected");
        assert!(error.contains(&said), "{json}: {error}");
    }
}

#[test]
fn a_problem_reads_as_its_message() {
    assert_eq!(Problem::new("it is odd", 3).to_string(), "it is odd");
}
