//! The environment of the host, which the handler inherits, and the variables the host adds to it.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use crate::{HostOptions, ParentEnvironment};

/// Environment variables by name.
#[derive(Clone, Debug)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The parent environment with the app settings on top.
    pub(crate) fn of_host(options: &HostOptions) -> Self {
        let mut variables: BTreeMap<OsString, OsString> = match &options.parent_environment {
            ParentEnvironment::Inherited => std::env::vars_os().collect(),
            ParentEnvironment::Exactly(variables) => owned(variables).collect(),
        };
        variables.extend(owned(&options.environment));
        Self(variables)
    }

    /// Adds the five variables that the host gives a custom handler.
    pub(crate) fn for_handler(&self, port: u16, worker_id: &str, app_root: &Path) -> Self {
        let mut variables = self.0.clone();
        let mut set = |name: &str, value: OsString| variables.insert(name.into(), value);
        set("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string().into());
        set("FUNCTIONS_HTTPWORKER_PORT", port.to_string().into());
        set("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", worker_id.into());
        set("FUNCTIONS_HTTPWORKER_ID", worker_id.into());
        set("FUNCTIONS_APP_ROOT_PATH", app_root.into());
        Self(variables)
    }

    /// The value of `name`, if it is set and is text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(OsString::from(name).as_os_str())?.to_str()
    }

    /// All variables that are text.
    pub(crate) fn text(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// All variables.
    pub(crate) fn all(&self) -> &BTreeMap<OsString, OsString> {
        &self.0
    }

    /// Replaces every `%NAME%` by its value, and by nothing if it is not set.
    pub(crate) fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            expanded.push_str(before);
            let Some((name, after_name)) = after.split_once('%') else {
                expanded.push('%');
                rest = after;
                break;
            };
            expanded.push_str(self.get(name).unwrap_or_default());
            rest = after_name;
        }
        expanded.push_str(rest);
        expanded
    }
}

fn owned(variables: &[(String, String)]) -> impl Iterator<Item = (OsString, OsString)> {
    variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_percent_signs_are_replaced() {
        let environment = Environment(BTreeMap::from([("PORT".into(), "81".into())]));
        assert_eq!(environment.expand("--port %PORT% %UNSET%|"), "--port 81 |");
        assert_eq!(environment.expand("100%"), "100%");
    }
}
