//! Instances of JSON schemas: structured answers and function arguments.
//!
//! Handles types, `enum`, `const`, `properties`, `required`, nesting, arrays, `$ref` within the schema, `anyOf`, `oneOf`,
//! `allOf`, bounds of numbers and lengths, and the common string formats. It does not invent texts for a `pattern`.

use serde_json::{Map, Number, Value, json};

use super::places::places;

/// From this depth on only what is required is filled, so that recursive schemas end.
const OPTIONAL_DEPTH: usize = 4;
/// Deeper than any finite schema of this use.
const DEEPEST: usize = 48;

/// An instance of `schema` that takes its texts and numbers from `question`.
pub(crate) fn instance(schema: &Value, question: &str) -> Value {
    let place = places(question).into_iter().next();
    Filler {
        root: schema,
        question,
        place: place.as_deref(),
        required_only: false,
    }
    .fill()
}

/// Fills one schema.
pub(super) struct Filler<'a> {
    root: &'a Value,
    question: &'a str,
    place: Option<&'a str>,
    required_only: bool,
}

impl<'a> Filler<'a> {
    /// Fills the arguments of a function: where the schema says what is required, nothing else.
    pub(super) fn for_arguments(
        schema: &'a Value,
        question: &'a str,
        place: Option<&'a str>,
    ) -> Filler<'a> {
        Filler {
            root: schema,
            question,
            place,
            required_only: schema.get("required").is_some(),
        }
    }

    /// The instance.
    pub(super) fn fill(&self) -> Value {
        self.value(self.root, "", 0, 0)
    }

    /// An instance of a part of the schema. `name` is the property it is for; `number` tells the items of an array
    /// apart.
    fn value(&self, schema: &Value, name: &str, number: usize, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            return self.one_of(allowed, number);
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.value(&self.merged(schema, parts), name, number, depth + 1);
        }
        let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf"));
        if let Some(alternatives) = alternatives.and_then(Value::as_array) {
            return self.alternative(alternatives, name, number, depth);
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "integer" => self.number(schema, number, true),
            "number" => self.number(schema, number, false),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(self.text(schema, name, number)),
        }
    }

    /// Follows `$ref` within the schema.
    fn resolved<'b>(&self, schema: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            match reference
                .strip_prefix('#')
                .and_then(|pointer| self.root.pointer(pointer))
            {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn one_of(&self, allowed: &[Value], number: usize) -> Value {
        let question = self.question.to_lowercase();
        let mentioned = allowed.iter().find(|value| {
            value
                .as_str()
                .is_some_and(|text| !text.is_empty() && question.contains(&text.to_lowercase()))
        });
        let nth = allowed.get(number).or_else(|| allowed.first());
        let chosen = if number == 0 { mentioned.or(nth) } else { nth };
        chosen.cloned().unwrap_or_default()
    }

    /// `schema` and the parts of its `allOf` as one object schema.
    fn merged(&self, schema: &Value, parts: &[Value]) -> Value {
        let mut merged = schema.as_object().cloned().unwrap_or_default();
        merged.remove("allOf");
        for part in parts {
            let Some(part) = self.resolved(part).as_object() else {
                continue;
            };
            for (key, value) in part {
                match (merged.get_mut(key), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => {
                        known.extend(more.clone());
                    }
                    (Some(Value::Array(known)), Value::Array(more)) if key == "required" => {
                        known.extend(more.clone());
                    }
                    _ => {
                        merged.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        Value::Object(merged)
    }

    /// The first alternative that is not null; deep down the null, so that recursive schemas end.
    fn alternative(
        &self,
        alternatives: &[Value],
        name: &str,
        number: usize,
        depth: usize,
    ) -> Value {
        let is_null = |schema: &&Value| kind(self.resolved(schema)) == "null";
        let chosen = if depth > OPTIONAL_DEPTH {
            alternatives.iter().find(is_null)
        } else {
            alternatives.iter().find(|schema| !is_null(schema))
        };
        match chosen.or_else(|| alternatives.first()) {
            Some(schema) => self.value(schema, name, number, depth + 1),
            None => Value::Null,
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut object = Map::new();
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let optional_too = !self.required_only && depth <= OPTIONAL_DEPTH;
                if optional_too || required.contains(&name.as_str()) {
                    object.insert(name.clone(), self.value(property, name, 0, depth + 1));
                }
            }
        }
        for name in required {
            if !object.contains_key(name) {
                let filler = schema
                    .get("additionalProperties")
                    .filter(|additional| additional.is_object())
                    .map_or_else(
                        || Value::String(self.question.to_owned()),
                        |additional| self.value(additional, name, 0, depth + 1),
                    );
                object.insert(name.to_owned(), filler);
            }
        }
        Value::Object(object)
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let bound = |key: &str| {
            schema
                .get(key)
                .and_then(Value::as_u64)
                .and_then(|bound| usize::try_from(bound).ok())
        };
        let least = bound("minItems").unwrap_or(0);
        let wanted = if depth > OPTIONAL_DEPTH {
            least
        } else {
            least.max(1)
        };
        let length = bound("maxItems").map_or(wanted, |most| wanted.min(most));
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let others = schema.get("items");
        (0..length)
            .map(|number| {
                let item = first.and_then(|items| items.get(number)).or(others);
                item.map_or_else(
                    || json!(self.question),
                    |item| self.value(item, name, number, depth + 1),
                )
            })
            .collect()
    }

    /// The first number of the question if it is allowed, else the least allowed one from 1 on.
    fn number(&self, schema: &Value, number: usize, integer: bool) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let step = bound("multipleOf").unwrap_or(if integer { 1.0 } else { 0.0 });
        let gap = if step > 0.0 { step } else { 0.5 };
        let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|least| least + gap));
        let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|most| most - gap));
        let allowed = |candidate: f64| {
            least.is_none_or(|least| candidate >= least)
                && most.is_none_or(|most| candidate <= most)
                && (step <= 0.0 || (candidate / step).fract() == 0.0)
        };
        let told = first_number(self.question).filter(|told| number == 0 && allowed(*told));
        let mut chosen = told.unwrap_or_else(|| {
            let start = 1_f64
                .max(least.unwrap_or(1.0))
                .min(most.unwrap_or(f64::MAX));
            let candidates = if step > 0.0 {
                [(start / step).ceil() * step, (start / step).floor() * step]
            } else {
                [start, start]
            };
            #[expect(clippy::cast_precision_loss, reason = "the place in a short array")]
            let offset = number as f64 * if step > 0.0 { step } else { 1.0 };
            candidates
                .into_iter()
                .flat_map(|candidate| [candidate + offset, candidate - offset])
                .find(|candidate| allowed(*candidate))
                .unwrap_or(start)
        });
        if integer {
            chosen = chosen.round();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "integers of schemas are small"
            )]
            return json!(chosen as i64);
        }
        Number::from_f64(chosen).map_or(Value::Null, Value::Number)
    }

    fn text(&self, schema: &Value, name: &str, number: usize) -> String {
        let text = match schema.get("format").and_then(Value::as_str) {
            Some("date") => "2026-01-31".to_owned(),
            Some("date-time") => "2026-01-31T12:00:00Z".to_owned(),
            Some("time") => "12:00:00Z".to_owned(),
            Some("duration") => "PT1H".to_owned(),
            Some("email") => "ada@example.com".to_owned(),
            Some("uri" | "url" | "iri" | "uri-reference") => "https://example.com/".to_owned(),
            Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
            Some("hostname") => "example.com".to_owned(),
            Some("ipv4") => "192.0.2.1".to_owned(),
            Some("ipv6") => "2001:db8::1".to_owned(),
            _ => self.text_for(name, number),
        };
        let bound = |key: &str| {
            schema
                .get(key)
                .and_then(Value::as_u64)
                .and_then(|bound| usize::try_from(bound).ok())
        };
        let mut text: String = match bound("maxLength") {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        };
        let missing = bound("minLength")
            .unwrap_or(0)
            .saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n('x', missing));
        text
    }

    /// What the question says about a property of this name: a place, a quoted text, or the question itself.
    fn text_for(&self, name: &str, number: usize) -> String {
        let name = name.to_lowercase();
        let names_a_place = [
            "location",
            "city",
            "place",
            "town",
            "region",
            "where",
            "destination",
        ]
        .iter()
        .any(|noun| name.contains(noun));
        let text = match (names_a_place, self.place, quoted(self.question)) {
            (true, Some(place), _) => place,
            (_, _, Some(quoted)) => quoted,
            _ => self.question,
        };
        if number == 0 {
            text.to_owned()
        } else {
            format!("{text} {}", number + 1)
        }
    }
}

/// The type a schema asks for; of several the first that is not null.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        _ if schema.get("properties").is_some() || schema.get("required").is_some() => "object",
        _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => "array",
        _ => "string",
    }
}

fn quoted(question: &str) -> Option<&str> {
    let (_, rest) = question.split_once('"')?;
    let (quoted, _) = rest.split_once('"')?;
    (!quoted.is_empty()).then_some(quoted)
}

fn first_number(question: &str) -> Option<f64> {
    question
        .split(|letter: char| !(letter.is_ascii_digit() || letter == '.' || letter == '-'))
        .filter_map(|text| text.trim_end_matches('.').parse().ok())
        .find(|number: &f64| number.is_finite())
}
