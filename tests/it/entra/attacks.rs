//! Tokens that must not let anybody in, with what is said of each.

mod claims;
mod keys;
mod shapes;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::tokens::{Signer, with};

/// A token, and how it must be refused.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) token: String,
    pub(crate) status: u16,
    /// Part of the description in body and header.
    pub(crate) says: &'static str,
}

impl Attack {
    /// One that is refused with a 401.
    fn new(name: &'static str, token: String, says: &'static str) -> Self {
        Self {
            name,
            token,
            status: 401,
            says,
        }
    }
}

const MALFORMED: &str = "not a JSON Web Token signed with RS256";
const ALGORITHM: &str = "not signed with RS256";
const UNKNOWN_KEY: &str = "not signed with a key that the tenant";
const SIGNATURE: &str = "signature is wrong";
const CLAIMS: &str = "a claim is missing or has the wrong type";
const AUDIENCE_SAYS: &str = "wrong audience";
const ISSUER: &str = "issued by another tenant";
const EXPIRED: &str = "has expired";

fn weak() -> Value {
    let fixture = std::fs::read("tests/fixtures/keys/weak-1024.json").unwrap();
    serde_json::from_slice(&fixture).unwrap()
}

/// What the tenant publishes beside its good key: keys that must not count.
pub(crate) fn other_keys() -> Vec<Value> {
    let consumers = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    let named = |name: &str, field: &str, value: &str| {
        let key = with(Signer::named("stranger").public(), "kid", json!(name));
        with(key, field, json!(value))
    };
    vec![
        weak()["key"].clone(),
        named("of-consumers", "issuer", consumers),
        named("for-encryption", "use", "enc"),
        json!({"kty": "oct", "use": "sig", "kid": "symmetric", "k": URL_SAFE_NO_PAD.encode("secret")}),
    ]
}

/// Every attack on a gateway whose tenant publishes `key` and [`other_keys`].
pub(crate) fn attacks(key: &Signer, authority: &str) -> Vec<Attack> {
    let mut attacks = shapes::attacks(key);
    attacks.extend(keys::wrong_algorithms(key));
    attacks.extend(keys::wrong_keys(key, authority));
    attacks.extend(claims::attacks(key, authority));
    attacks
}

/// Refused with its reason, in OpenAI's shape and as RFC 6750 demands, without a word of the token.
pub(crate) async fn assert_refused(response: reqwest::Response, attack: &Attack) {
    let name = attack.name;
    assert_eq!(response.status(), attack.status, "{name}");
    assert_eq!(
        response.headers()["content-type"],
        "application/json",
        "{name}"
    );
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    let headers = format!("{:?}", response.headers());
    let body = response.text().await.unwrap();
    let error: Value = serde_json::from_str(&body).unwrap();
    let (code, kind) = match attack.status {
        403 => ("insufficient_scope", "permission_error"),
        _ => ("invalid_token", "invalid_request_error"),
    };
    assert_eq!(error["error"]["code"], code, "{name}: {body}");
    assert_eq!(error["error"]["type"], kind, "{name}: {body}");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(attack.says), "{name}: {message}");
    let expected = format!("Bearer error=\"{code}\", error_description=\"{message}\"");
    assert_eq!(challenge, expected, "{name}");
    for part in attack.token.split('.').filter(|part| 8 < part.len()) {
        let told = headers.contains(part) || body.contains(part);
        assert!(!told, "{name}: {headers} {body}");
    }
}
