use std::fs;

use super::*;

fn read(settings: &[(&str, &str)]) -> Result<IdentityConfig, String> {
    IdentityConfig::from_environment(&settings.iter().copied().collect())
        .map_err(|error| error.to_string())
}

fn kind(settings: &[(&str, &str)]) -> Result<&'static str, String> {
    read(settings).map(|config| config.credential.kind().word())
}

fn pem() -> (String, String) {
    let certificate = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/identity/certificate.pem"
    );
    let key = certificate.replace("certificate.pem", "key.pem");
    (
        fs::read_to_string(certificate).unwrap(),
        fs::read_to_string(key).unwrap(),
    )
}

fn file_with(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "tenant.example");
const CLIENT: (&str, &str) = ("AZURE_CLIENT_ID", "c");
const SECRET: (&str, &str) = ("AZURE_CLIENT_SECRET", "hunter2");
const TOKEN: (&str, &str) = ("FOUNDRY_ACCESS_TOKEN", "x");
const ENDPOINT: (&str, &str) = ("IDENTITY_ENDPOINT", "http://127.0.0.1/msi");
const HEADER: (&str, &str) = ("IDENTITY_HEADER", "h");

#[test]
fn the_first_credential_with_settings_is_chosen() {
    let federated = file_with("token");
    let (certificate, key) = pem();
    let certificate = file_with(&(certificate + &key));
    let certificate = (
        "AZURE_CLIENT_CERTIFICATE_PATH",
        certificate.path().to_str().unwrap(),
    );
    let federated = (
        "AZURE_FEDERATED_TOKEN_FILE",
        federated.path().to_str().unwrap(),
    );
    let mut settings = vec![
        SECRET,
        certificate,
        federated,
        TENANT,
        ENDPOINT,
        HEADER,
        CLIENT,
        TOKEN,
    ];
    for (expected, drop) in [
        ("service-principal", 1),
        ("service-principal-certificate", 1),
        ("workload-identity", 2),
        ("managed-identity", 2),
        ("managed-identity", 1),
        ("static-token", 1),
        ("developer-tools", 0),
    ] {
        assert_eq!(kind(&settings), Ok(expected), "{settings:?}");
        settings.drain(..drop);
    }
}

#[test]
fn half_a_credential_names_its_missing_half() {
    let certificate = ("AZURE_CLIENT_CERTIFICATE_PATH", "/f");
    let federated = ("AZURE_FEDERATED_TOKEN_FILE", "/f");
    let pinned = |kind| ("FOUNDRY_CREDENTIAL", kind);
    let rows = [
        (vec![SECRET, CLIENT], "AZURE_TENANT_ID"),
        (vec![SECRET, TENANT], "AZURE_CLIENT_ID"),
        (vec![TENANT, CLIENT], "AZURE_CLIENT_SECRET"),
        (vec![TENANT, TOKEN], "AZURE_CLIENT_ID"),
        (vec![certificate, CLIENT], "AZURE_TENANT_ID"),
        (vec![certificate, TENANT], "AZURE_CLIENT_ID"),
        (vec![federated, CLIENT], "AZURE_TENANT_ID"),
        (vec![federated, TENANT], "AZURE_CLIENT_ID"),
        (vec![ENDPOINT], "IDENTITY_HEADER"),
        (
            vec![pinned("managed-identity"), HEADER],
            "IDENTITY_ENDPOINT",
        ),
        (
            vec![pinned("service-principal-certificate"), TENANT, CLIENT],
            "AZURE_CLIENT_CERTIFICATE_PATH",
        ),
        (
            vec![pinned("workload-identity"), TENANT, CLIENT],
            "AZURE_FEDERATED_TOKEN_FILE",
        ),
        (vec![pinned("static-token")], "FOUNDRY_ACCESS_TOKEN"),
    ];
    for (half, missing) in rows {
        let error = kind(&half).unwrap_err();
        assert!(
            error.starts_with(&format!("{missing} is not set: ")),
            "{half:?}: {error}"
        );
        assert!(!error.contains(SECRET.1), "{error}");
    }
}

#[test]
fn what_cannot_be_used_is_named_by_its_own_setting() {
    let tenant = ("AZURE_TENANT_ID", "no tenant");
    let rows = [
        (
            vec![SECRET, CLIENT, tenant],
            "AZURE_TENANT_ID cannot be used: write the tenant's id",
        ),
        (
            vec![
                TENANT,
                CLIENT,
                ("AZURE_FEDERATED_TOKEN_FILE", "/does/not/exist"),
            ],
            "AZURE_FEDERATED_TOKEN_FILE cannot be used: the file /does/not/exist cannot be read",
        ),
        (
            vec![
                TENANT,
                CLIENT,
                ("AZURE_CLIENT_CERTIFICATE_PATH", "/does/not/exist"),
            ],
            "AZURE_CLIENT_CERTIFICATE_PATH cannot be used: the file /does/not/exist cannot be read",
        ),
        (
            vec![
                TENANT,
                CLIENT,
                ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "hunter2"),
            ],
            "AZURE_CLIENT_CERTIFICATE_PASSWORD cannot be used: keys under a password are not read",
        ),
        (
            vec![("IDENTITY_ENDPOINT", "hunter2"), HEADER],
            "IDENTITY_ENDPOINT cannot be used: it is not a URL",
        ),
        (
            vec![("IDENTITY_ENDPOINT", "msi:hunter2"), HEADER],
            "IDENTITY_ENDPOINT cannot be used: it is not a URL",
        ),
        (
            vec![("AZURE_AUTHORITY_HOST", "hunter2")],
            "AZURE_AUTHORITY_HOST cannot be used: it is not a URL",
        ),
        (
            vec![("AZURE_AUTHORITY_HOST", "http://127.0.0.1")],
            "AZURE_AUTHORITY_HOST cannot be used: it must start with https",
        ),
        (
            vec![("AZURE_AUTHORITY_HOST", "https://a.example/hunter2")],
            "AZURE_AUTHORITY_HOST cannot be used: it must be a host alone",
        ),
        (
            vec![("FOUNDRY_TOKEN_SCOPE", "hunter2")],
            "FOUNDRY_TOKEN_SCOPE cannot be used: a scope is",
        ),
        (
            vec![("FOUNDRY_ACCESS_TOKEN", "hunter2\nx")],
            "FOUNDRY_ACCESS_TOKEN cannot be used: a token has only",
        ),
        (
            vec![("FOUNDRY_CREDENTIAL", "hunter2")],
            "FOUNDRY_CREDENTIAL cannot be used: write auto or one of service-principal, service-principal-certificate, ",
        ),
    ];
    for (settings, said) in rows {
        let error = kind(&settings).unwrap_err();
        assert!(error.starts_with(said), "{settings:?}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_pinned_credential_wins() {
    let pinned = |kind| ("FOUNDRY_CREDENTIAL", kind);
    assert_eq!(
        kind(&[pinned("managed-identity"), TOKEN, SECRET]),
        Ok("managed-identity")
    );
    assert_eq!(
        kind(&[pinned("static-token"), TOKEN, ENDPOINT]),
        Ok("static-token")
    );
    assert_eq!(
        kind(&[pinned("developer-tools"), TENANT]),
        Ok("developer-tools")
    );
}

#[test]
fn a_sovereign_cloud_has_an_authority_and_a_scope_of_its_own() {
    let public = read(&[]).unwrap();
    assert_eq!(
        public.authority_host.as_str(),
        "https://login.microsoftonline.com/"
    );
    assert_eq!(public.scope, "https://ai.azure.com/.default");
    let other = read(&[
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us"),
        ("FOUNDRY_TOKEN_SCOPE", "https://ai.azure.us/.default"),
    ])
    .unwrap();
    assert_eq!(
        other.authority_host.as_str(),
        "https://login.microsoftonline.us/"
    );
    assert_eq!(other.scope, "https://ai.azure.us/.default");
}

#[test]
fn secrets_do_not_appear_in_debug_output() {
    let config = read(&[TENANT, CLIENT, SECRET]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
