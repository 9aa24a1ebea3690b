//! Connection strings of storage accounts, as the Azure portal shows them.
//!
//! Only what a table and an account key need is read; shared access signatures are refused by name.

use base64::{Engine, engine::general_purpose::STANDARD};
use url::Url;

use super::{SharedKey, table_endpoint};

/// Account and key of Azurite. Both are public: they are in its documentation, and in every Azure SDK.
const DEVELOPMENT_ACCOUNT: &str = "devstoreaccount1";
const DEVELOPMENT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const DEVELOPMENT_ENDPOINT: &str = "http://127.0.0.1:10002/devstoreaccount1";

/// The endpoint of the account's tables, and its key; an error says what is wrong, without any value.
pub(super) fn parse(text: &str) -> Result<(Url, SharedKey), String> {
    let fields = fields(text)?;
    let get = |name: &str| {
        let field = fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        field
            .map(|(_, value)| *value)
            .filter(|value| !value.is_empty())
    };
    if get("SharedAccessSignature").is_some() {
        return Err(
            "shared access signatures are not supported; use a connection string with AccountKey, or \
             THREADS_TABLE_ENDPOINT with the gateway's identity"
                .to_owned(),
        );
    }
    if get("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        if get("DevelopmentStorageProxyUri").is_some() {
            return Err(
                "DevelopmentStorageProxyUri is not supported; name Azurite's address in TableEndpoint"
                    .to_owned(),
            );
        }
        return account(DEVELOPMENT_ENDPOINT, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY);
    }
    let name = get("AccountName").ok_or("it has no AccountName")?;
    let key = get("AccountKey").ok_or("it has no AccountKey")?;
    let endpoint = get("TableEndpoint").map_or_else(
        || {
            let protocol = get("DefaultEndpointsProtocol").unwrap_or("https");
            let suffix = get("EndpointSuffix").unwrap_or("core.windows.net");
            format!("{protocol}://{name}.table.{suffix}")
        },
        str::to_owned,
    );
    account(&endpoint, name, key)
}

/// Fields are `name=value`, separated by semicolons; a value may hold `=`, as base64 does.
fn fields(text: &str) -> Result<Vec<(&str, &str)>, String> {
    text.split(';')
        .map(str::trim)
        .filter(|field| !field.is_empty())
        .enumerate()
        .map(|(index, field)| {
            let (name, value) = field
                .split_once('=')
                .ok_or_else(|| format!("field {} is not name=value", index + 1))?;
            Ok((name.trim(), value.trim()))
        })
        .collect()
}

fn account(endpoint: &str, name: &str, key: &str) -> Result<(Url, SharedKey), String> {
    if !name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    {
        return Err("AccountName has only lower-case letters and digits".to_owned());
    }
    if STANDARD.decode(key).is_err() {
        return Err("AccountKey is not base64".to_owned());
    }
    let endpoint =
        table_endpoint(endpoint).map_err(|problem| format!("its table endpoint: {problem}"))?;
    let key = SharedKey {
        account: name.to_owned(),
        key: key.into(),
    };
    Ok((endpoint, key))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const KEY: &str = "aHVudGVyMg==";

    fn endpoint(text: &str) -> Result<String, String> {
        parse(text).map(|(endpoint, key)| {
            assert_eq!(key.account, "acc");
            assert_eq!(key.key.expose_secret(), KEY);
            endpoint.to_string()
        })
    }

    #[test]
    fn the_portals_connection_string_is_read() {
        assert_eq!(
            endpoint(&format!(
                "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={KEY};EndpointSuffix=core.windows.net"
            ))
            .unwrap(),
            "https://acc.table.core.windows.net/"
        );
        assert_eq!(
            endpoint(&format!("accountname=acc; accountkey={KEY};")).unwrap(),
            "https://acc.table.core.windows.net/"
        );
        assert_eq!(
            endpoint(&format!(
                "AccountName=acc;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn"
            ))
            .unwrap(),
            "https://acc.table.core.chinacloudapi.cn/"
        );
    }

    #[test]
    fn an_explicit_table_endpoint_wins_and_others_are_left_alone() {
        assert_eq!(
            endpoint(&format!(
                "AccountName=acc;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:1/acc;\
                 TableEndpoint=http://127.0.0.1:9/acc/"
            ))
            .unwrap(),
            "http://127.0.0.1:9/acc"
        );
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_value() {
        let rows = [
            ("AccountKey=aHVudGVyMg==", "no AccountName"),
            ("AccountName=acc", "no AccountKey"),
            ("AccountName=acc;AccountKey=", "no AccountKey"),
            ("AccountName=acc;AccountKey=hunter2!", "not base64"),
            (
                "AccountName=acc/../b;AccountKey=aHVudGVyMg==",
                "lower-case letters",
            ),
            ("hunter2", "field 1 is not name=value"),
            (
                "TableEndpoint=https://acc.table.core.windows.net;SharedAccessSignature=sig=hunter2",
                "shared access signatures are not supported",
            ),
            (
                "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://hunter2",
                "DevelopmentStorageProxyUri",
            ),
            (
                "DefaultEndpointsProtocol=http;AccountName=acc;AccountKey=aHVudGVyMg==",
                "only on loopback",
            ),
        ];
        for (text, problem) in rows {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_development_storage_is_azurite() {
        let (endpoint, key) = parse("UseDevelopmentStorage=true").unwrap();
        assert_eq!(endpoint.as_str(), "http://127.0.0.1:10002/devstoreaccount1");
        assert_eq!(key.account, "devstoreaccount1");
    }
}
