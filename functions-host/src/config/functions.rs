//! The functions of an app: one folder with a function.json each.

use std::path::Path;

use http::Method;
use serde::Deserialize;

use super::settings::read_json;
use crate::{ConfigError, routing::RouteTemplate};

/// Which of the two flags of host.json is on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ProxyingMode {
    /// `enableProxyingHttpRequest`.
    Proxying,
    /// `enableForwardingHttpRequest`.
    Forwarding,
    /// None of them.
    Neither,
}

/// A function and what triggers it.
#[derive(Debug)]
pub(crate) enum Function {
    /// Called by clients.
    Http(HttpFunction),
    /// Called by the host itself.
    Timer(TimerFunction),
}

/// A function with an HTTP trigger.
#[derive(Debug)]
pub(crate) struct HttpFunction {
    /// The folder name.
    pub(crate) name: String,
    /// Route with the prefix.
    pub(crate) route: RouteTemplate,
    /// The methods it answers to; all when empty.
    pub(crate) methods: Vec<Method>,
    /// Who may call it.
    pub(crate) auth_level: AuthLevel,
    /// How a request reaches the handler.
    pub(crate) mode: HttpMode,
}

/// A function with a timer trigger.
#[derive(Debug)]
pub(crate) struct TimerFunction {
    /// The folder name.
    pub(crate) name: String,
    /// The name of the trigger's binding, the key of its data.
    pub(crate) binding: String,
}

/// Who may call an HTTP function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthLevel {
    /// Anyone.
    Anonymous,
    /// Who has a key.
    Key,
}

/// The three ways of the host to hand over a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HttpMode {
    /// Streamed in both directions.
    Proxied,
    /// The original request, the response buffered.
    Forwarded,
    /// A JSON envelope of all bindings.
    Envelope {
        /// The name of the trigger's binding.
        request: String,
        /// The name of the `http` output binding, if there is one.
        response: Option<String>,
    },
}

#[derive(Deserialize)]
struct FunctionJson {
    bindings: Vec<BindingJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BindingJson {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    direction: String,
    #[serde(default)]
    name: String,
    route: Option<String>,
    methods: Option<Vec<String>>,
    auth_level: Option<String>,
}

impl BindingJson {
    fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    fn is_trigger(&self) -> bool {
        self.kind.to_lowercase().ends_with("trigger")
    }

    fn is_input(&self) -> bool {
        self.is_trigger() || self.direction.eq_ignore_ascii_case("in")
    }
}

/// Reads every `*/function.json` below `app_root`, in the order of the folder names.
pub(super) fn read(
    app_root: &Path,
    route_prefix: &str,
    proxying: ProxyingMode,
) -> Result<Vec<Function>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: app_root.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(app_root).map_err(unreadable)?;
    let mut folders: Vec<_> = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(unreadable))
        .collect::<Result<_, _>>()?;
    folders.retain(|folder| folder.join("function.json").is_file());
    folders.sort();

    let mut functions: Vec<Function> = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let function = function(&folder, &name, route_prefix, proxying)?;
        if let Some(other) = functions.iter().find(|other| clash(other, &function)) {
            return Err(refused(
                &name,
                format!("has the same route and methods as {}", other.name()),
            ));
        }
        functions.push(function);
    }
    Ok(functions)
}

fn function(
    folder: &Path,
    name: &str,
    route_prefix: &str,
    proxying: ProxyingMode,
) -> Result<Function, ConfigError> {
    let path = folder.join("function.json");
    let FunctionJson { bindings } = serde_json::from_value(read_json(&path)?)
        .map_err(|source| ConfigError::NotJson { path, source })?;
    let mut triggers = bindings.iter().filter(|binding| binding.is_trigger());
    let (Some(trigger), None) = (triggers.next(), triggers.next()) else {
        return Err(refused(name, "must have exactly one trigger binding"));
    };
    if trigger.is("timerTrigger") {
        return Ok(Function::Timer(TimerFunction {
            name: name.to_owned(),
            binding: trigger.name.clone(),
        }));
    }
    if !trigger.is("httpTrigger") {
        let problem = format!("this stand-in has no {}", trigger.kind);
        return Err(refused(name, problem));
    }
    Ok(Function::Http(HttpFunction {
        name: name.to_owned(),
        route: route(name, trigger, route_prefix)?,
        methods: methods(name, trigger)?,
        auth_level: auth_level(name, trigger)?,
        mode: mode(trigger, &bindings, proxying),
    }))
}

fn route(name: &str, trigger: &BindingJson, prefix: &str) -> Result<RouteTemplate, ConfigError> {
    let own = trigger.route.as_deref().filter(|route| !route.is_empty());
    let own = own.unwrap_or(name).trim_matches('/');
    let lower = own.trim().to_lowercase();
    if lower.starts_with("admin") || lower.starts_with("runtime") {
        let problem = format!("the route {own} conflicts with one or more built in routes");
        return Err(refused(name, problem));
    }
    let full = format!("{}/{own}", prefix.trim_matches('/'));
    RouteTemplate::parse(full.trim_matches('/')).map_err(|problem| refused(name, problem))
}

fn methods(name: &str, trigger: &BindingJson) -> Result<Vec<Method>, ConfigError> {
    let methods = trigger.methods.iter().flatten();
    methods
        .map(|method| {
            method
                .to_uppercase()
                .parse()
                .map_err(|_| refused(name, format!("{method} is not a method")))
        })
        .collect()
}

fn auth_level(name: &str, trigger: &BindingJson) -> Result<AuthLevel, ConfigError> {
    let level = trigger.auth_level.as_deref().unwrap_or("function");
    match level.to_lowercase().as_str() {
        "anonymous" => Ok(AuthLevel::Anonymous),
        "function" | "admin" => Ok(AuthLevel::Key),
        _ => Err(refused(name, format!("{level} is not an authLevel"))),
    }
}

/// Proxying and forwarding apply only to exactly one HTTP trigger in and exactly one `http` out.
fn mode(trigger: &BindingJson, bindings: &[BindingJson], proxying: ProxyingMode) -> HttpMode {
    let inputs = bindings.iter().filter(|binding| binding.is_input()).count();
    let mut outputs = bindings.iter().filter(|binding| !binding.is_input());
    let http_in_and_out = inputs == 1
        && outputs.clone().count() == 1
        && outputs.clone().all(|binding| binding.is("http"));
    match proxying {
        ProxyingMode::Proxying if http_in_and_out => HttpMode::Proxied,
        ProxyingMode::Forwarding if http_in_and_out => HttpMode::Forwarded,
        _ => HttpMode::Envelope {
            request: trigger.name.clone(),
            response: outputs
                .find(|binding| binding.is("http"))
                .map(|binding| binding.name.clone()),
        },
    }
}

/// Two functions cannot share a route for a common method.
fn clash(one: &Function, other: &Function) -> bool {
    let (Function::Http(one), Function::Http(other)) = (one, other) else {
        return false;
    };
    let shares_method = one.methods.is_empty()
        || other.methods.is_empty()
        || one
            .methods
            .iter()
            .any(|method| other.methods.contains(method));
    one.route == other.route && shares_method
}

fn refused(function: &str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Function {
        function: function.to_owned(),
        problem: problem.into(),
    }
}

impl Function {
    /// The folder name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Http(function) => &function.name,
            Self::Timer(function) => &function.name,
        }
    }
}
