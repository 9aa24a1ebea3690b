//! Reads what the tests need of Bicep files: entries of objects, and blocks of resources.
//!
//! The files are formatted one entry to a line, and what is not read as expected fails the test that asked.

use std::fs;

use super::read;

/// The entries of `var NAME = { ... }`, in their order, each on a line of its own.
pub(super) fn object(path: &str, name: &str) -> Vec<(String, String)> {
    let text = read(path);
    let opening = format!("var {name} = {{\n");
    let (_, rest) = text
        .split_once(&opening)
        .unwrap_or_else(|| panic!("{path} has no object {name}"));
    let (body, _) = rest.split_once("\n}").unwrap();
    let entries = body
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"));
    entries
        .map(|line| {
            let (key, value) = line
                .split_once(": ")
                .unwrap_or_else(|| panic!("{path}: {line:?} is no entry on one line"));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

/// All Bicep files, main.bicep first.
pub(super) fn files() -> Vec<String> {
    let modules = fs::read_dir("infra/modules").unwrap();
    let modules = modules.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = modules
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "bicep")
        })
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    files.sort();
    files.insert(0, "infra/main.bicep".to_owned());
    files
}

/// The declarations of resources of a type, each from its `resource` line to its end.
pub(super) fn resources(path: &str, resource_type: &str) -> Vec<String> {
    let text = read(path);
    let declaration = format!(" '{resource_type}@");
    let mut found = Vec::new();
    for block in text.split("\nresource ").skip(1) {
        if block.lines().next().unwrap().contains(&declaration) {
            let end = block.find("\n}").or_else(|| block.find("\n]")).unwrap();
            found.push(block[..end].to_owned());
        }
    }
    found
}

/// The names of the parameters of a file.
pub(super) fn parameters(path: &str) -> Vec<String> {
    let text = read(path);
    let lines = text.lines().filter_map(|line| line.strip_prefix("param "));
    lines
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_parameter_and_output_is_described() {
    for path in files() {
        let text = read(&path);
        let lines: Vec<_> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if !line.starts_with("param ") && !line.starts_with("output ") {
                continue;
            }
            let decorators = lines[..index]
                .iter()
                .rev()
                .take_while(|line| line.starts_with('@'));
            let described = decorators
                .clone()
                .any(|line| line.starts_with("@description('"));
            assert!(described, "{path}:{}: {line}", index + 1);
        }
    }
}

/// A parameter file that sets what does not exist stops a deployment.
#[test]
fn the_parameter_file_sets_parameters_that_exist_from_variables_that_are_documented() {
    let text = read("infra/main.bicepparam");
    let known = parameters("infra/main.bicep");
    let set = parameters("infra/main.bicepparam");
    assert!(set.len() > 3);
    for name in &set {
        assert!(known.contains(name), "{name}");
    }
    let documented = super::first_cells("docs/deploy.md", "## What the deployment asks for");
    let variables: Vec<_> = text
        .split("readEnvironmentVariable('")
        .skip(1)
        .map(|rest| rest.split('\'').next().unwrap().to_owned())
        .collect();
    assert_eq!(variables, documented);
}

#[test]
fn azd_finds_the_app_and_the_package() {
    let azure_yaml = read("azure.yaml");
    let app = read("infra/modules/function-app.bicep");
    assert!(app.contains("'azd-service-name': 'gateway'"));
    for line in [
        "  gateway:",
        "    host: function",
        "    dist: target/package/foundry-gateway.zip",
        "        run: cargo run --locked -p packaging",
    ] {
        assert!(
            azure_yaml.lines().any(|given| given == line),
            "{line}\n{azure_yaml}"
        );
    }
}
