//! Algorithms and keys that are not the tenant's.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::{ALGORITHM, Attack, MALFORMED, SIGNATURE, UNKNOWN_KEY, weak};
use crate::entra::tokens::{ADA, Signer, of_user, unsigned, with};

/// An elliptic key, as attackers have them.
fn elliptic() -> (EcdsaKeyPair, SystemRandom) {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
    (pair, random)
}

/// Signed, or not, in other ways than RS256.
pub(super) fn wrong_algorithms(key: &Signer) -> Vec<Attack> {
    let (good, header) = (of_user(ADA), key.header());
    let mut attacks = Vec::new();
    let mut add = |name, token, says| attacks.push(Attack::new(name, token, says));
    for (name, algorithm) in [("none", "none"), ("None", "None"), ("nOnE", "nOnE")] {
        let unsigned = unsigned(&with(header.clone(), "alg", json!(algorithm)), &good);
        add(name, format!("{unsigned}."), MALFORMED);
    }
    let none = with(header.clone(), "alg", json!("none"));
    add(
        "none, with a good signature behind it",
        key.sign(&none, &good),
        MALFORMED,
    );
    let no_algorithm = with(header.clone(), "alg", Value::Null);
    add("no algorithm", key.sign(&no_algorithm, &good), MALFORMED);
    let public = key.components();
    for (name, secret) in [
        (
            "HS256 with the public modulus for a secret",
            public.n.clone(),
        ),
        (
            "HS256 with the published key for a secret",
            key.public().to_string().into_bytes(),
        ),
        ("HS256 with an empty secret", Vec::new()),
    ] {
        let text = unsigned(&with(header.clone(), "alg", json!("HS256")), &good);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), text.as_bytes());
        add(name, format!("{text}.{}", BASE64.encode(tag)), ALGORITHM);
    }
    let symmetric = json!({"alg": "HS256", "kid": "symmetric"});
    let text = unsigned(&symmetric, &good);
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, b"secret"),
        text.as_bytes(),
    );
    add(
        "HS256 with a symmetric key of the set",
        format!("{text}.{}", BASE64.encode(tag)),
        ALGORITHM,
    );
    for (name, algorithm, encoding) in [
        (
            "RS384",
            "RS384",
            &signature::RSA_PKCS1_SHA384 as &'static dyn signature::RsaEncoding,
        ),
        ("RS512", "RS512", &signature::RSA_PKCS1_SHA512),
        ("PS256", "PS256", &signature::RSA_PSS_SHA256),
    ] {
        let header = with(header.clone(), "alg", json!(algorithm));
        add(name, key.sign_with(encoding, &header, &good), ALGORITHM);
    }
    add(
        "PS256 that says RS256",
        key.sign_with(&signature::RSA_PSS_SHA256, &header, &good),
        SIGNATURE,
    );
    add(
        "RS384 that says RS256",
        key.sign_with(&signature::RSA_PKCS1_SHA384, &header, &good),
        SIGNATURE,
    );
    let (pair, random) = elliptic();
    let text = unsigned(&with(header.clone(), "alg", json!("ES256")), &good);
    let by_curve = BASE64.encode(pair.sign(&random, text.as_bytes()).unwrap());
    add("ES256", format!("{text}.{by_curve}"), ALGORITHM);

    attacks
}

/// Signed by others, who point at keys of their own.
pub(super) fn wrong_keys(key: &Signer, authority: &str) -> Vec<Attack> {
    let stranger = Signer::named("stranger");
    let (pair, random) = elliptic();
    let (good, header) = (of_user(ADA), key.header());
    let mut attacks = Vec::new();
    let mut add = |name, token, says| attacks.push(Attack::new(name, token, says));
    add(
        "a stranger's key under the tenant's name",
        stranger.sign(&header, &good),
        SIGNATURE,
    );
    add(
        "a stranger's key under its own name",
        stranger.token(&good),
        UNKNOWN_KEY,
    );
    add(
        "no key",
        key.sign(&with(header.clone(), "kid", Value::Null), &good),
        UNKNOWN_KEY,
    );
    for (name, kid) in [
        ("an empty key name", String::new()),
        ("a path for a key name", "../../../etc/passwd".to_owned()),
        ("a query for a key name", "tenant' OR '1'='1".to_owned()),
        ("another case of the key's name", "TENANT".to_owned()),
        ("a huge key name", "k".repeat(4000)),
    ] {
        add(
            name,
            key.sign(&with(header.clone(), "kid", json!(kid)), &good),
            UNKNOWN_KEY,
        );
    }
    let number = with(header.clone(), "kid", json!(1));
    add(
        "a number for a key name",
        key.sign(&number, &good),
        MALFORMED,
    );
    let embedded = with(stranger.header(), "jwk", stranger.public());
    add(
        "a key of its own in the header",
        stranger.sign(&embedded, &good),
        UNKNOWN_KEY,
    );
    let embedded = with(embedded, "kid", json!("tenant"));
    add(
        "the same under the tenant's name",
        stranger.sign(&embedded, &good),
        SIGNATURE,
    );
    let point = pair.public_key().as_ref();
    let curve = json!({"kty": "EC", "crv": "P-256", "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..])});
    let text = unsigned(
        &json!({"alg": "ES256", "kid": "tenant", "jwk": curve}),
        &good,
    );
    let by_curve = BASE64.encode(pair.sign(&random, text.as_bytes()).unwrap());
    add(
        "an elliptic key of its own in the header",
        format!("{text}.{by_curve}"),
        ALGORITHM,
    );
    for (name, field) in [
        ("keys elsewhere (jku)", "jku"),
        ("a certificate elsewhere (x5u)", "x5u"),
    ] {
        let url = format!("{authority}/attacker/keys");
        let elsewhere = with(header.clone(), field, json!(url));
        add(name, stranger.sign(&elsewhere, &good), SIGNATURE);
    }
    for (name, kid) in [
        ("a key that signs for consumer accounts", "of-consumers"),
        ("a key for encryption", "for-encryption"),
    ] {
        let header = with(header.clone(), "kid", json!(kid));
        add(name, stranger.sign(&header, &good), UNKNOWN_KEY);
    }
    let weak = weak()["token"].as_str().unwrap().to_owned();
    add("a key of 1024 bits", weak, SIGNATURE);
    let critical = with(header.clone(), "crit", json!(["exp"]));
    add(
        "critical header parameters",
        key.sign(&critical, &good),
        "critical header parameters",
    );

    attacks
}
