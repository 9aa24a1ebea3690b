//! Which function a request belongs to: the part of ASP.NET Core's route templates that function.json uses.

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::config::{Function, HttpFunction};

/// A parsed route such as `v1/models/{*id}`. Equal templates match the same paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteTemplate(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Text, in lower case: literals are compared without case.
    Literal(String),
    Parameter {
        name: String,
        constraint: Constraint,
        optional: bool,
    },
    /// The rest of the path, which may be empty.
    CatchAll { name: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Constraint {
    None,
    Integer,
}

/// The values of a route's parameters.
pub(crate) type RouteParameters = BTreeMap<String, String>;

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Destination<'config> {
    /// `/`, which no function asks for.
    HomePage,
    /// A function that takes this path and method.
    Function(&'config HttpFunction, RouteParameters),
    /// No function, or none for this method: the host does not tell them apart.
    NotFound,
}

/// Finds the function for `method` and `path`; the first by folder name wins.
pub(crate) fn destination<'config>(
    functions: &'config [Function],
    method: &Method,
    path: &str,
) -> Destination<'config> {
    let segments = decoded_segments(path);
    let first = segments.first().map(|segment| segment.to_lowercase());
    if let Some("admin" | "runtime") = first.as_deref() {
        return Destination::NotFound;
    }
    for function in functions {
        let Function::Http(function) = function else {
            continue;
        };
        if !function.methods.is_empty() && !function.methods.contains(method) {
            continue;
        }
        if let Some(parameters) = function.route.parameters(&segments) {
            return Destination::Function(function, parameters);
        }
    }
    if segments.is_empty() {
        Destination::HomePage
    } else {
        Destination::NotFound
    }
}

/// Routes are matched on the decoded path, in which only `%2F` stays encoded.
fn decoded_segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Vec::new();
    }
    path.split('/')
        .map(|segment| {
            let kept = segment.replace("%2F", "%252F").replace("%2f", "%252f");
            percent_decode_str(&kept).decode_utf8_lossy().into_owned()
        })
        .collect()
}

impl RouteTemplate {
    /// Parses a template without leading slash; the error says what is not understood.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        if template.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let segments: Vec<Segment> = template
            .split('/')
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        let catch_all = segments
            .iter()
            .position(|segment| matches!(segment, Segment::CatchAll { .. }));
        match catch_all {
            Some(index) if index + 1 < segments.len() => Err(format!(
                "the route {template} has something after its catch-all parameter"
            )),
            _ => Ok(Self(segments)),
        }
    }

    /// The parameters if the template matches the decoded segments of a path.
    fn parameters(&self, path: &[String]) -> Option<RouteParameters> {
        let mut parameters = RouteParameters::new();
        let mut path = path.iter();
        for segment in &self.0 {
            match (segment, path.next()) {
                (Segment::Literal(literal), Some(text)) if text.to_lowercase() == *literal => {}
                (
                    Segment::Parameter {
                        name, constraint, ..
                    },
                    Some(text),
                ) if constraint.allows(text) => {
                    parameters.insert(name.clone(), text.clone());
                }
                (Segment::Parameter { optional: true, .. } | Segment::CatchAll { .. }, None) => {}
                (Segment::CatchAll { name }, Some(text)) => {
                    let mut rest = text.clone();
                    for more in path.by_ref() {
                        rest.push('/');
                        rest.push_str(more);
                    }
                    parameters.insert(name.clone(), rest);
                }
                (Segment::Literal(_) | Segment::Parameter { .. }, _) => return None,
            }
        }
        path.next().is_none().then_some(parameters)
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        let not_copied = |what: &str| Err(format!("{what} is not copied by this stand-in"));
        let inside = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        if inside.unwrap_or(text).contains(['{', '}']) {
            return not_copied(&format!("the route segment {text}"));
        }
        let Some(inside) = inside else {
            return Ok(Self::Literal(text.to_lowercase()));
        };
        if let Some(name) = inside.strip_prefix('*') {
            let name = name.trim_start_matches('*').to_owned();
            return Ok(Self::CatchAll { name });
        }
        let (inside, optional) = match inside.strip_suffix('?') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let (name, constraint) = match inside.split_once(':') {
            None => (inside, Constraint::None),
            Some((name, "int")) => (name, Constraint::Integer),
            Some((_, other)) => return not_copied(&format!("the route constraint {other}")),
        };
        Ok(Self::Parameter {
            name: name.to_owned(),
            constraint,
            optional,
        })
    }
}

impl Constraint {
    fn allows(self, text: &str) -> bool {
        match self {
            Self::None => !text.is_empty(),
            Self::Integer => text.parse::<i32>().is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(template: &str, path: &str) -> Option<String> {
        let template = RouteTemplate::parse(template).unwrap();
        let parameters = template.parameters(&decoded_segments(path))?;
        let pairs = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        Some(pairs.collect())
    }

    #[test]
    fn literals_are_compared_without_case_and_trailing_slash() {
        assert_eq!(
            matched("v1/chat/completions", "/V1/chat/completions/"),
            Some(String::new())
        );
        assert_eq!(matched("v1/chat/completions", "/v1/chat"), None);
        assert_eq!(matched("healthz", "/healthz/more"), None);
    }

    #[test]
    fn a_catch_all_takes_any_depth_and_nothing() {
        assert_eq!(
            matched("v1/models/{*id}", "/v1/models"),
            Some(String::new())
        );
        assert_eq!(
            matched("v1/models/{*id}", "/v1/models/a/b"),
            Some("id=a/b".to_owned())
        );
        assert_eq!(matched("{*path}", "/"), Some(String::new()));
    }

    #[test]
    fn parameters_are_decoded_except_the_slash() {
        assert_eq!(
            matched("v1/{id}", "/v1/a%20b%2Fc"),
            Some("id=a b%2Fc".to_owned())
        );
        assert_eq!(matched("v1/{id}", "/v1"), None);
        assert_eq!(matched("v1/{id?}", "/v1"), Some(String::new()));
        assert_eq!(matched("v1/{id:int}", "/v1/12"), Some("id=12".to_owned()));
        assert_eq!(matched("v1/{id:int}", "/v1/twelve"), None);
    }

    #[test]
    fn templates_beyond_the_stand_in_are_refused() {
        for template in ["a/{id:guid}", "a/{x}-{y}", "{*rest}/b"] {
            assert!(RouteTemplate::parse(template).is_err(), "{template}");
        }
    }
}
