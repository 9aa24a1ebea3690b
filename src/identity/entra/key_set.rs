//! From the tenant's published key set to the keys that may sign a token for us.

use std::collections::HashMap;

use jsonwebtoken::DecodingKey;

use super::wire::{KeyDocument, KeySetDocument};

/// Keys by the name under which tokens refer to them.
pub(super) type KeySet = HashMap<String, DecodingKey>;

/// Reads a key set. Keys of another kind, for another use or of another issuer are left out: the set of a tenant
/// holds keys that sign for consumer accounts only, and such a key has been stolen before.
///
/// `issuer` is the tenant's, of version 2; in the set, `{tenantid}` may stand for `tenant_id`.
/// A set without any key for us is an error: it must not replace a good one.
pub(super) fn read(json: &[u8], issuer: &str, tenant_id: &str) -> Result<KeySet, String> {
    let document: KeySetDocument =
        serde_json::from_slice(json).map_err(|error| format!("it is no key set: {error}"))?;
    let is_ours = |key: &KeyDocument| {
        let signs_for = key.issuer.as_ref();
        let signs_for = signs_for.map(|template| template.replace("{tenantid}", tenant_id));
        key.kty.as_deref() == Some("RSA")
            && key.usage.as_deref().is_none_or(|usage| usage == "sig")
            && key
                .alg
                .as_deref()
                .is_none_or(|algorithm| algorithm == "RS256")
            && signs_for.is_none_or(|signs_for| signs_for == issuer)
    };
    let keys: KeySet = document
        .keys
        .into_iter()
        .filter(is_ours)
        .filter_map(|key| {
            let decoded = DecodingKey::from_rsa_components(&key.n?, &key.e?).ok()?;
            Some((key.kid?, decoded))
        })
        .collect();
    if keys.is_empty() {
        return Err("it holds no key that signs tokens of the tenant".to_owned());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://login.microsoftonline.com/t/v2.0";

    fn names(keys: Value) -> Result<Vec<String>, String> {
        let json = json!({"keys": keys}).to_string();
        let mut names: Vec<_> = read(json.as_bytes(), ISSUER, "t")?.into_keys().collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn only_keys_that_sign_for_the_tenant_are_kept() {
        let key = |kid: &str, more: Value| {
            let mut key = json!({"kty": "RSA", "use": "sig", "kid": kid, "n": "3I2c", "e": "AQAB"});
            for (name, value) in more.as_object().unwrap() {
                key[name] = value.clone();
            }
            key
        };
        let consumers =
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
        let kept = names(json!([
            key("plain", json!({})),
            key("template", json!({"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"})),
            key("own", json!({"issuer": ISSUER, "alg": "RS256"})),
            key("of-consumers", json!({"issuer": consumers})),
            key("for-encryption", json!({"use": "enc"})),
            key("for-another-algorithm", json!({"alg": "PS256"})),
            key("symmetric", json!({"kty": "oct", "k": "c2VjcmV0"})),
            key("not-base64", json!({"n": "?"})),
            {"kty": "RSA", "n": "3I2c", "e": "AQAB"},
            {"kid": "empty"},
        ]));
        assert_eq!(kept.unwrap(), ["own", "plain", "template"]);
    }

    #[test]
    fn a_set_without_a_key_for_us_is_no_set() {
        assert!(names(json!([])).is_err());
        assert!(read(b"<html>", ISSUER, "t").is_err());
        assert!(read(br#"{"error": "x"}"#, ISSUER, "t").is_err());
    }
}
