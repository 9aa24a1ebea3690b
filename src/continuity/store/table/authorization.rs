//! What lets the gateway into a storage account: a token of its identity, or the account's key.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use secrecy::ExposeSecret;

use crate::{
    config::store::SharedKey, continuity::store::StoreError, foundry::client::full_text,
    hash::MacKey, identity::TokenSource,
};

/// How requests to a storage account are authorized.
#[derive(Debug)]
pub enum Authorization {
    /// A bearer token for `https://storage.azure.com/.default`.
    Identity(Arc<dyn TokenSource>),
    /// A signature with the account's key, in the short form that the Table service takes.
    SharedKeyLite(SharedKey),
}

impl Authorization {
    /// The `Authorization` header for a request to `path` (from the host on, encoded, without query), sent at `date`
    /// (its `x-ms-date` header).
    pub(super) async fn header(&self, date: &str, path: &str) -> Result<HeaderValue, StoreError> {
        match self {
            Self::Identity(tokens) => {
                tokens
                    .authorization()
                    .await
                    .map_err(|failure| StoreError::Denied {
                        remedy: "it could not sign in; check its identity",
                        detail: failure.detail.unwrap_or(failure.message),
                    })
            }
            Self::SharedKeyLite(key) => {
                shared_key_lite(key, date, path).map_err(|detail| StoreError::Denied {
                    remedy: self.remedy(),
                    detail,
                })
            }
        }
    }

    /// What to do when the account does not let the gateway in.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Identity(_) => {
                "its identity needs the role Storage Table Data Contributor on the storage account; \
                 a new assignment takes some minutes"
            }
            Self::SharedKeyLite(_) => {
                "the key in THREADS_CONNECTION_STRING is wrong, or the storage account forbids keys; \
                 then set THREADS_TABLE_ENDPOINT to sign in with an identity"
            }
        }
    }
}

/// `SharedKeyLite <account>:<signature of the date and of the account with the path>`.
///
/// With Azurite the account stands twice, once for itself and once in the path.
/// Source: "Authorize with Shared Key", Table service (Shared Key Lite).
fn shared_key_lite(key: &SharedKey, date: &str, path: &str) -> Result<HeaderValue, String> {
    let secret = STANDARD
        .decode(key.key.expose_secret())
        .map_err(|_| "the account key is not base64".to_owned())?;
    let signed = format!("{date}\n/{}{path}", key.account);
    let signature = STANDARD.encode(MacKey::new(&secret).sign(signed.as_bytes()));
    let mut header = HeaderValue::from_str(&format!("SharedKeyLite {}:{signature}", key.account))
        .map_err(|error| full_text(&error))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac`, `hashlib` and `base64` by the rule above; Azurite checks live ones in the suite.
    #[test]
    fn the_signature_is_that_of_another_implementation() {
        let key = SharedKey {
            account: "devstoreaccount1".to_owned(),
            key: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
                .into(),
        };
        let header = shared_key_lite(
            &key,
            "Sat, 21 Nov 2026 15:03:45 GMT",
            "/devstoreaccount1/threads(PartitionKey='ab12',RowKey='it%27%27s')",
        )
        .unwrap();
        assert_eq!(
            header,
            "SharedKeyLite devstoreaccount1:Npdt6s+QMVL+ykOEtMxqKSDw+fdetDg/nL6mteqXLiM="
        );
        assert!(!format!("{header:?}").contains("devstore"));
    }
}
