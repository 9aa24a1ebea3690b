//! The shape of JSON: keys, their order, and the types of values.

use serde_json::Value;

/// Where `actual` has another shape than `recorded`. Keys in `ignored` (`key` anywhere, `parent.key`, or `OBJECT.key` where the
/// parent says `"object": "OBJECT"`) may be missing
/// or added.
pub(super) fn differences(recorded: &Value, actual: &Value, ignored: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    compare(recorded, actual, "", ignored, &mut found);
    found
}

fn compare(
    recorded: &Value,
    actual: &Value,
    path: &str,
    ignored: &[&str],
    found: &mut Vec<String>,
) {
    match (recorded, actual) {
        (Value::Object(recorded), Value::Object(actual)) => {
            let parent = path.rsplit('/').next().unwrap_or_default();
            let object = recorded
                .get("object")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let counts = |key: &&String| {
                let names = [
                    (*key).clone(),
                    format!("{parent}.{key}"),
                    format!("{object}.{key}"),
                ];
                !names.iter().any(|name| ignored.contains(&name.as_str()))
            };
            let expected: Vec<&String> = recorded.keys().filter(counts).collect();
            let keys: Vec<&String> = actual.keys().filter(counts).collect();
            if expected != keys {
                found.push(format!("{path}: keys {keys:?} instead of {expected:?}"));
            }
            for key in expected {
                if let (Some(recorded), Some(actual)) = (recorded.get(key), actual.get(key)) {
                    compare(recorded, actual, &format!("{path}/{key}"), ignored, found);
                }
            }
        }
        (Value::Array(recorded), Value::Array(actual)) => {
            if recorded.len() != actual.len() {
                found.push(format!(
                    "{path}: {} items instead of {}",
                    actual.len(),
                    recorded.len()
                ));
            }
            for (place, (recorded, actual)) in recorded.iter().zip(actual).enumerate() {
                compare(recorded, actual, &format!("{path}/{place}"), ignored, found);
            }
        }
        _ if kind(recorded) == kind(actual) => {}
        _ => found.push(format!(
            "{path}: {} instead of {}",
            kind(actual),
            kind(recorded)
        )),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn differences_are_found() {
    use serde_json::json;
    let recorded = json!({"a": 1, "b": {"c": [null, "x"]}});
    let same = json!({"a": 2.5, "b": {"c": [null, "y"]}});
    assert_eq!(differences(&recorded, &same, &[]), Vec::<String>::new());
    for other in [
        json!({"b": {"c": [null, "x"]}, "a": 1}),
        json!({"a": "1", "b": {"c": [null, "x"]}}),
        json!({"a": 1, "b": {"c": ["x"]}}),
        json!({"a": 1, "b": {"c": [null, "x"], "d": 1}}),
    ] {
        assert!(!differences(&recorded, &other, &[]).is_empty(), "{other}");
    }
    let newer = json!({"a": 1, "b": {"c": [null, "x"], "d": 1}});
    assert_eq!(
        differences(&recorded, &newer, &["b.d"]),
        Vec::<String>::new()
    );
}
