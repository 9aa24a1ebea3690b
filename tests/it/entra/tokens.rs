//! Access tokens as Entra makes them, and keys to sign them with.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::{self, RsaEncoding},
};
use serde_json::{Value, json};

pub(crate) const TENANT_ID: &str = "0f0e0d0c-0000-0000-0000-00000000000a";
/// The audience of the gateway's own API.
pub(crate) const AUDIENCE: &str = "api://gateway";
/// An application that gets tokens.
pub(crate) const APPLICATION: &str = "22222222-0000-0000-0000-000000000001";
/// The object id of a user.
pub(crate) const ADA: &str = "aaaaaaaa-0000-0000-0000-0000000000aa";
/// Of another one.
pub(crate) const BOB: &str = "bbbbbbbb-0000-0000-0000-0000000000bb";

/// A key of the fixtures that signs.
#[derive(Debug)]
pub(crate) struct Signer {
    pair: KeyPair,
    kid: String,
}

impl Signer {
    /// `tenant`, `next` or `stranger`.
    pub(crate) fn named(name: &str) -> Self {
        let der = fs::read(format!("tests/fixtures/keys/{name}.pk8")).unwrap();
        Self {
            pair: KeyPair::from_pkcs8(&der).unwrap(),
            kid: name.to_owned(),
        }
    }

    /// Its public half, as a tenant publishes it.
    pub(crate) fn public(&self) -> Value {
        let PublicKeyComponents { n, e } = self.components();
        json!({
            "kty": "RSA", "use": "sig", "kid": self.kid, "x5t": self.kid,
            "n": BASE64.encode(n), "e": BASE64.encode(e),
        })
    }

    pub(crate) fn components(&self) -> PublicKeyComponents<Vec<u8>> {
        self.pair.public().into()
    }

    /// The header of its tokens.
    pub(crate) fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": "RS256", "kid": self.kid, "x5t": self.kid})
    }

    /// A token as Entra signs it.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }

    /// RS256, whatever the header says.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_with(&signature::RSA_PKCS1_SHA256, header, claims)
    }

    pub(crate) fn sign_with(
        &self,
        encoding: &'static dyn RsaEncoding,
        header: &Value,
        claims: &Value,
    ) -> String {
        self.sign_text(encoding, &unsigned(header, claims))
    }

    /// Signs what may be no header and claims at all.
    pub(crate) fn sign_text(&self, encoding: &'static dyn RsaEncoding, text: &str) -> String {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .pair
            .sign(encoding, &random, text.as_bytes(), &mut signature);
        signed.unwrap();
        format!("{text}.{}", BASE64.encode(signature))
    }
}

/// Header and claims in base64, with the dot between.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The claims of a user's token, version 1, whose issuer does not depend on the authority's address.
pub(crate) fn of_user(object_id: &str) -> Value {
    json!({
        "aud": AUDIENCE,
        "iss": format!("https://sts.windows.net/{TENANT_ID}/"),
        "iat": now() - 10, "nbf": now() - 10, "exp": now() + 3600,
        "appid": APPLICATION, "appidacr": "0",
        "name": "Ada Lovelace", "unique_name": "ada@contoso.example",
        "oid": object_id, "sub": "sub-of-the-user", "scp": "Agents.Use", "tid": TENANT_ID, "ver": "1.0",
    })
}

/// The claims of an application's own token, version 2.
pub(crate) fn of_application(authority: &str) -> Value {
    json!({
        "aud": AUDIENCE,
        "iss": format!("{authority}/{TENANT_ID}/v2.0"),
        "iat": now() - 10, "nbf": now() - 10, "exp": now() + 3600,
        "azp": APPLICATION, "azpacr": "1",
        "oid": "cccccccc-0000-0000-0000-0000000000cc", "sub": "cccccccc-0000-0000-0000-0000000000cc",
        "roles": ["Gateway.Call"], "tid": TENANT_ID, "ver": "2.0",
    })
}

/// `claims` with one of them replaced, or, with null, left out.
pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let fields = claims.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(name);
    } else {
        fields.insert(name.to_owned(), value);
    }
    claims
}
