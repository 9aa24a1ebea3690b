//! Where conversations are remembered: Azure Table Storage, or the memory of this process.

mod connection_string;

use std::{fmt, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::{ConfigError, Environment, foundry::is_loopback};

/// The store of conversations.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Which store.
    pub backend: StoreBackend,
    /// `GATEWAY_STORE_TIMEOUT_SECONDS`: one operation of the store on the path of a request, repetitions
    /// included; default 0.5, which an answer's first token can be late without anybody noticing.
    pub timeout: Duration,
}

/// A store with everything it needs.
#[derive(Debug, Clone)]
pub enum StoreBackend {
    /// Nothing is configured: the memory of this process, lost with it.
    Memory,
    /// Azure Table Storage, or Azurite.
    Table(TableConfig),
}

/// A table of a storage account.
#[derive(Debug, Clone)]
pub struct TableConfig {
    /// `THREADS_TABLE_ENDPOINT`, or what `THREADS_CONNECTION_STRING` says; the path has no slash at the end.
    pub endpoint: Url,
    /// `THREADS_TABLE_NAME`; default `threads`.
    pub name: String,
    /// How to sign requests.
    pub access: TableAccess,
}

/// How the account lets the gateway in.
#[derive(Debug, Clone)]
pub enum TableAccess {
    /// The gateway's own identity; it needs the role Storage Table Data Contributor.
    Identity,
    /// The account key of `THREADS_CONNECTION_STRING`.
    SharedKey(SharedKey),
}

/// A key of a storage account.
#[derive(Clone)]
pub struct SharedKey {
    /// Name of the account.
    pub account: String,
    /// The key in base64, known to be decodable.
    pub key: SecretString,
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedKey")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

const TABLE_ENDPOINT: &str = "THREADS_TABLE_ENDPOINT";
const CONNECTION_STRING: &str = "THREADS_CONNECTION_STRING";
const TABLE_NAME: &str = "THREADS_TABLE_NAME";

impl StoreConfig {
    /// Reads `THREADS_TABLE_ENDPOINT` or `THREADS_CONNECTION_STRING`, `THREADS_TABLE_NAME` and
    /// `GATEWAY_STORE_TIMEOUT_SECONDS`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const SHORTEST: f64 = 0.05;
        const MINUTE: f64 = 60.0;
        let name = table_name(environment)?;
        let account = match (
            environment.get(TABLE_ENDPOINT),
            environment.get(CONNECTION_STRING),
        ) {
            (None, None) => None,
            (Some(endpoint), None) => {
                let endpoint = table_endpoint(endpoint)
                    .map_err(|problem| ConfigError::invalid(TABLE_ENDPOINT, problem))?;
                Some((endpoint, TableAccess::Identity))
            }
            (None, Some(text)) => {
                let (endpoint, key) = connection_string::parse(text)
                    .map_err(|problem| ConfigError::invalid(CONNECTION_STRING, problem))?;
                Some((endpoint, TableAccess::SharedKey(key)))
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::invalid(
                    CONNECTION_STRING,
                    "THREADS_TABLE_ENDPOINT is set too; keep that one to sign in with the gateway's identity, \
                     or this one to use an account key",
                ));
            }
        };
        Ok(Self {
            backend: match account {
                None => StoreBackend::Memory,
                Some((endpoint, access)) => StoreBackend::Table(TableConfig {
                    endpoint,
                    name,
                    access,
                }),
            },
            timeout: environment.seconds(
                "GATEWAY_STORE_TIMEOUT_SECONDS",
                0.5,
                SHORTEST..=MINUTE,
            )?,
        })
    }
}

/// The rules for names of tables; `tables` itself is reserved.
fn table_name(environment: &Environment) -> Result<String, ConfigError> {
    let name = environment.get(TABLE_NAME).unwrap_or("threads");
    let is_valid = (3..=63).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && !name.eq_ignore_ascii_case("tables");
    if is_valid {
        Ok(name.to_owned())
    } else {
        Err(ConfigError::invalid(
            TABLE_NAME,
            "write 3 to 63 letters and digits, a letter first, and not `tables`",
        ))
    }
}

/// Reads the endpoint of a table service, with the account in the host name or, as Azurite has it, in the path.
fn table_endpoint(text: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(text)
        .map_err(|_| "it is not a URL; expected https://<account>.table.core.windows.net")?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("plain http is allowed only on loopback; use https"),
        _ => return Err("it must start with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not contain a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "it must not have a query or fragment; shared access signatures are not supported",
        );
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<StoreConfig, String> {
        StoreConfig::from_environment(&settings.iter().copied().collect())
            .map_err(|error| error.to_string())
    }

    fn table(settings: &[(&str, &str)]) -> TableConfig {
        match read(settings).unwrap().backend {
            StoreBackend::Table(table) => table,
            StoreBackend::Memory => panic!("no table"),
        }
    }

    #[test]
    fn nothing_set_is_memory() {
        let config = read(&[]).unwrap();
        assert!(matches!(config.backend, StoreBackend::Memory));
        assert_eq!(config.timeout, Duration::from_millis(500));
        let config = read(&[("GATEWAY_STORE_TIMEOUT_SECONDS", "0.2")]).unwrap();
        assert_eq!(config.timeout, Duration::from_millis(200));
    }

    #[test]
    fn an_endpoint_is_used_with_the_identity() {
        let table = table(&[(TABLE_ENDPOINT, "https://acc.table.core.windows.net/")]);
        assert_eq!(
            table.endpoint.as_str(),
            "https://acc.table.core.windows.net/"
        );
        assert_eq!(table.name, "threads");
        assert!(matches!(table.access, TableAccess::Identity));
    }

    #[test]
    fn a_connection_string_is_used_with_its_key() {
        let table = table(&[
            (CONNECTION_STRING, "UseDevelopmentStorage=true"),
            (TABLE_NAME, "Conversations2"),
        ]);
        assert_eq!(
            table.endpoint.as_str(),
            "http://127.0.0.1:10002/devstoreaccount1"
        );
        assert_eq!(table.name, "Conversations2");
        assert!(matches!(table.access, TableAccess::SharedKey(_)));
    }

    #[test]
    fn both_ways_at_once_are_refused() {
        let error = read(&[
            (TABLE_ENDPOINT, "https://acc.table.core.windows.net"),
            (CONNECTION_STRING, "UseDevelopmentStorage=true"),
        ])
        .unwrap_err();
        assert!(
            error.contains("THREADS_TABLE_ENDPOINT is set too"),
            "{error}"
        );
    }

    #[test]
    fn endpoints_that_would_leak_or_cannot_work_are_refused() {
        for endpoint in [
            "acc.table.core.windows.net",
            "http://acc.table.core.windows.net",
            "ftp://acc.table.core.windows.net",
            "https://user:secret@acc.table.core.windows.net",
            "https://user@acc.table.core.windows.net",
            "https://:secret@acc.table.core.windows.net",
            "https://acc.table.core.windows.net/#threads",
            "https://acc.table.core.windows.net/?sv=2019&sig=hunter2",
        ] {
            let error = read(&[(TABLE_ENDPOINT, endpoint)]).unwrap_err();
            assert!(error.starts_with("THREADS_TABLE_ENDPOINT"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(read(&[(TABLE_ENDPOINT, "http://localhost:10002/devstoreaccount1")]).is_ok());
    }

    #[test]
    fn table_names_follow_the_rules_of_the_service() {
        let longest = "a".repeat(63);
        for name in ["abc", "T12", &longest] {
            assert!(read(&[(TABLE_NAME, name)]).is_ok(), "{name}");
        }
        let too_long = "a".repeat(64);
        for name in [
            "ab", "1ab", "my-table", "my_table", "Tables", "täble", &too_long,
        ] {
            assert!(read(&[(TABLE_NAME, name)]).is_err(), "{name}");
        }
    }

    #[test]
    fn the_account_key_does_not_appear_in_debug_output() {
        let key = "aHVudGVyMg==";
        let text = format!("AccountName=acc;AccountKey={key}");
        let shown = format!("{:?}", read(&[(CONNECTION_STRING, &text)]).unwrap());
        assert!(shown.contains("acc") && !shown.contains(key), "{shown}");
    }
}
