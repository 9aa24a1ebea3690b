//! Each service that the code calls has a role, at the narrowest scope, in Bicep and in the documents.

use std::{collections::BTreeSet, fs, path::Path};

use super::{bicep, first_cells, read};

/// Built-in roles: the name in roles.bicep, Azure's name, Azure's id.
/// Source: "Azure built-in roles" of Microsoft's documentation.
const ROLES: [(&str, &str, &str); 5] = [
    (
        "foundryUser",
        "Foundry User",
        "53ca6127-db72-4b80-b1b0-d745d6d5456d",
    ),
    (
        "keyVaultSecretsUser",
        "Key Vault Secrets User",
        "4633458b-17de-408a-874b-0445c86b69e6",
    ),
    (
        "monitoringMetricsPublisher",
        "Monitoring Metrics Publisher",
        "3913510d-42f4-4e42-8a64-420c390055eb",
    ),
    (
        "storageBlobDataOwner",
        "Storage Blob Data Owner",
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    ),
    (
        "storageTableDataContributor",
        "Storage Table Data Contributor",
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    ),
];

/// Every assignment: the file, the scope as it stands there, the role.
const ASSIGNMENTS: [(&str, &str, &str); 8] = [
    ("foundry-access", "account::project", "foundryUser"),
    ("foundry-access", "account", "foundryUser"),
    ("foundry", "account::project", "foundryUser"),
    ("key-vault-access", "secrets[index]", "keyVaultSecretsUser"),
    ("monitoring", "rule", "monitoringMetricsPublisher"),
    (
        "monitoring",
        "applicationInsights",
        "monitoringMetricsPublisher",
    ),
    ("storage", "account", "storageBlobDataOwner"),
    (
        "storage",
        "account::tables::threads",
        "storageTableDataContributor",
    ),
];

/// What the gateway asks tokens for, and the role that makes such a token good for something.
const SCOPES: [(&str, &str); 3] = [
    ("https://ai.azure.com/.default", "foundryUser"),
    (
        "https://monitor.azure.com/.default",
        "monitoringMetricsPublisher",
    ),
    (
        "https://storage.azure.com/.default",
        "storageTableDataContributor",
    ),
];

#[test]
fn the_ids_of_the_roles_are_azures() {
    let expected: Vec<_> = ROLES
        .iter()
        .map(|(name, _, id)| ((*name).to_owned(), format!("'{id}'")))
        .collect();
    assert_eq!(bicep::object("infra/roles.bicep", "roles"), expected);
}

#[test]
fn every_role_is_assigned_at_its_scope_and_no_other() {
    let mut found = BTreeSet::new();
    for path in bicep::files() {
        for block in bicep::resources(&path, "Microsoft.Authorization/roleAssignments") {
            let file = Path::new(&path)
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let value = |key: &str| {
                let mut lines = block.lines().map(str::trim);
                lines
                    .find_map(|line| line.strip_prefix(key))
                    .unwrap_or_default()
                    .to_owned()
            };
            let scope = value("scope: ");
            let definition = value("roleDefinitionId: ");
            let role = definition
                .strip_prefix(
                    "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.",
                )
                .and_then(|rest| rest.strip_suffix(')'))
                .unwrap_or_else(|| panic!("{path}: {definition:?} names no role of roles.bicep"));
            // A name that is the same for two assignments makes the second deployment fail.
            assert!(
                value("name: ").ends_with(&format!(", roles.{role})")),
                "{block}"
            );
            found.insert((file, scope, role.to_owned()));
        }
    }
    let expected: BTreeSet<_> = ASSIGNMENTS
        .iter()
        .map(|(file, scope, role)| ((*file).to_owned(), (*scope).to_owned(), (*role).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_service_that_the_code_calls_has_a_role() {
    let mut asked = BTreeSet::new();
    collect_scopes("src", &mut asked);
    assert!(asked.contains("https://ai.azure.com/.default"), "{asked:?}");
    for scope in &asked {
        let role = SCOPES.iter().find(|(known, _)| known == scope);
        let (_, role) = role.unwrap_or_else(|| panic!("no role is known for tokens of {scope}"));
        assert!(
            ASSIGNMENTS.iter().any(|(_, _, assigned)| assigned == role),
            "{role}"
        );
    }
}

/// The token scopes that stand in string literals of the code.
fn collect_scopes(folder: &str, scopes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let shown = path.to_str().unwrap();
        if path.is_dir() {
            collect_scopes(shown, scopes);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !shown.contains("tests")
        {
            let code = read(shown);
            let code = code.split("#[cfg(test)]").next().unwrap();
            let literals = code
                .split('"')
                .filter(|text| text.starts_with("https://") && text.ends_with("/.default"));
            scopes.extend(literals.map(str::to_owned));
        }
    }
}

#[test]
fn the_document_lists_the_roles_with_their_ids() {
    let names: Vec<_> = ROLES
        .iter()
        .map(|(_, name, _)| (*name).to_owned())
        .collect();
    let mut listed = first_cells("docs/deploy.md", "## Roles");
    listed.sort();
    listed.dedup();
    assert_eq!(listed, names);
    let document = read("docs/deploy.md");
    for (_, name, id) in ROLES {
        assert!(document.contains(&format!("| {name} | `{id}` |")), "{name}");
    }
}
