//! Documents that repeat what the code knows are held to it.

mod bounds;

use std::{fs, path::Path};

use foundry_gateway::{
    agent::model_name,
    config::{
        Config, Environment,
        agents::AgentsConfig,
        identity::CredentialKind,
        settings::{SETTINGS, Setting, telemetry::TELEMETRY},
    },
    openai::chat::fields::{FIELDS, Treatment},
};
use serde_json::Value;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(TELEMETRY)
}

#[test]
fn the_readme_lists_every_setting_as_the_code_does() {
    let readme = read("README.md");
    for setting in settings() {
        let row = format!(
            "| `{}` | {} | {} |",
            setting.name, setting.default, setting.meaning
        );
        assert!(readme.contains(&row), "README.md lacks the row\n{row}");
    }
    let rows = readme
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 2);
    let names: Vec<_> = rows
        .filter_map(|row| row.split('`').nth(1))
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    assert_eq!(
        names,
        settings().map(|setting| setting.name).collect::<Vec<_>>()
    );
}

/// The settings that the host and the tools read, not the gateway.
const OF_THE_HOST: [&str; 4] = [
    "AzureWebJobs.thread-cleanup.Disabled",
    "FUNCTIONS_WORKER_RUNTIME",
    "AzureWebJobsStorage",
    "AzureWebJobsDisableHomepage",
];

#[test]
fn the_example_settings_are_known_and_make_a_configuration() {
    let example: Value = serde_json::from_str(&read("local.settings.example.json")).unwrap();
    let values = example["Values"].as_object().unwrap();
    assert_eq!(values["FUNCTIONS_WORKER_RUNTIME"], "custom");
    for name in values.keys() {
        let known =
            OF_THE_HOST.contains(&name.as_str()) || settings().any(|setting| setting.name == name);
        assert!(
            known,
            "local.settings.example.json has {name}, which nothing reads"
        );
    }
    assert!(
        Config::from_environment(&environment_of(values, str::to_owned)).is_err(),
        "placeholders are refused"
    );
    let filled = |value: &str| {
        let mut filled = String::new();
        let mut rest = value;
        while let Some((before, placeholder)) = rest.split_once('<') {
            filled += before;
            filled += "filled-in-0123456789";
            rest = placeholder.split_once('>').unwrap().1;
        }
        filled + rest
    };
    Config::from_environment(&environment_of(values, filled)).unwrap();
}

#[test]
fn the_documented_documents_of_agents_can_be_used() {
    let text = read("docs/configuration.md") + &read("README.md");
    let documents: Vec<_> = text
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(documents.len(), 3);
    for document in documents {
        let environment = Environment::from_iter([
            ("GATEWAY_AGENTS", document),
            ("SALES_TENANT_ID", "tenant"),
            ("SALES_CLIENT_ID", "client"),
            ("SALES_CLIENT_SECRET", "secret"),
        ]);
        let config = AgentsConfig::from_environment(&environment)
            .unwrap_or_else(|error| panic!("{error}: {document}"));
        for alias in config.aliases.keys() {
            assert!(model_name::resolve(alias, &config).is_some(), "{alias}");
        }
    }
}

#[test]
fn the_documented_kinds_of_credentials_are_those_of_the_code() {
    let (order, fields) = (read("docs/identity.md"), read("docs/configuration.md"));
    for kind in CredentialKind::ALL {
        let word = format!("| `{}` |", kind.word());
        assert!(order.contains(&word) && fields.contains(&word), "{word}");
        let row = |text: &str| {
            text.lines()
                .find(|line| line.contains(&word))
                .unwrap()
                .to_owned()
        };
        for part in kind.needs() {
            assert!(row(&order).contains(part.setting()), "{word}");
            assert!(row(&fields).contains(part.field()), "{word}");
        }
    }
}

fn environment_of(
    values: &serde_json::Map<String, Value>,
    fill: impl Fn(&str) -> String,
) -> Environment {
    let values = values.iter();
    values
        .map(|(name, value)| (name.clone(), fill(value.as_str().unwrap())))
        .collect()
}

#[test]
fn every_setting_that_the_code_reads_is_listed() {
    let mut read_by_code = Vec::new();
    collect_settings("src", &mut read_by_code);
    read_by_code.sort();
    read_by_code.dedup();
    assert!(20 < read_by_code.len());
    for name in &read_by_code {
        assert!(
            settings().any(|setting| setting.name == name),
            "{name} is read but not listed"
        );
    }
    for setting in settings() {
        let is_read = read_by_code.iter().any(|name| name == setting.name);
        assert!(is_read, "{} is listed but not read", setting.name);
    }
}

/// Quoted words in capitals, as settings are written, outside the list itself.
fn collect_settings(folder: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let shown = path.to_str().unwrap().to_owned();
        if path.is_dir() {
            collect_settings(&shown, names);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !shown.contains("config/settings")
            && !shown.contains("tests")
        {
            let prefixes = [
                "GATEWAY_",
                "FOUNDRY_",
                "AZURE_",
                "FUNCTIONS_",
                "IDENTITY_",
                "SSL_",
                "THREADS_",
                "OTEL_",
                "APPLICATIONINSIGHTS_",
                "WEBSITE_",
                "REGION_",
            ];
            let text = read(&shown);
            let words = text
                .split('"')
                .filter(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            names.extend(
                words
                    .filter(|word| {
                        *word == "PORT" || prefixes.iter().any(|prefix| word.starts_with(prefix))
                    })
                    .map(str::to_owned),
            );
        }
    }
}

#[test]
fn the_table_of_request_fields_is_that_of_the_code() {
    let word = |treatment: Treatment| match treatment {
        Treatment::Translated => "translated",
        Treatment::Hint => "ignored and reported",
        Treatment::Preference => "preference",
        Treatment::Override => "override",
        Treatment::Unsupported => "refused",
        Treatment::Refused => "always refused",
    };
    let rows = FIELDS.iter().map(|field| {
        format!(
            "| `{}` | {} | {} | {} |",
            field.name,
            word(field.new_agents),
            word(field.classic_agents),
            field.why
        )
    });
    let table = rows.collect::<Vec<_>>().join("\n");
    let document = read("docs/request-fields.md");
    assert!(
        document.contains(&table),
        "docs/request-fields.md has to hold exactly these rows:\n{table}"
    );
    let rows = document
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3)
        .count();
    assert_eq!(rows, FIELDS.len());
}

#[test]
fn every_error_code_is_documented() {
    let code = read("src/error/table.rs") + &read("src/error/callers.rs") + &read("src/error.rs");
    let code = code.split("#[cfg(test)]").next().unwrap();
    let document = read("docs/errors.md");
    let words = code.split('"').skip(1).step_by(2);
    let is_code = |word: &&str| {
        word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let codes: Vec<_> = words.filter(is_code).collect();
    assert!(20 < codes.len(), "{codes:?}");
    for code in codes {
        assert!(
            document.contains(&format!("`{code}`")),
            "docs/errors.md lacks {code}"
        );
    }
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        collect_sources(folder, &mut sources);
    }
    let document = read("SECURITY.md");
    let threats: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2)
        .collect();
    assert!(20 <= threats.len(), "{threats:#?}");
    for threat in threats {
        let shown_by = threat.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<_> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "nothing shows this: {threat}");
        for name in names {
            let is_test = sources.contains(&format!("fn {name}()"));
            assert!(
                is_test || Path::new(name).is_file(),
                "SECURITY.md names {name}, which is not there"
            );
        }
    }
}

fn collect_sources(folder: &str, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_sources(path.to_str().unwrap(), sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *sources += &read(path.to_str().unwrap());
        }
    }
}
