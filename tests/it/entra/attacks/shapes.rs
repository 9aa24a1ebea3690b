//! Good tokens cut, stretched and put together anew.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::signature;
use serde_json::json;

use super::{Attack, CLAIMS, MALFORMED, SIGNATURE};
use crate::entra::tokens::{ADA, Signer, of_user, with};

pub(super) fn attacks(key: &Signer) -> Vec<Attack> {
    let good = of_user(ADA);
    let good_token = key.token(&good);
    let (message, good_signature) = good_token.rsplit_once('.').unwrap();
    let (good_header, good_claims) = message.split_once('.').unwrap();
    let mut attacks = Vec::new();
    let mut add = |name, token, says| attacks.push(Attack::new(name, token, says));
    let other_claims = BASE64.encode(of_user("dddddddd-0000-0000-0000-0000000000dd").to_string());
    add(
        "other claims under a good signature",
        format!("{good_header}.{other_claims}.{good_signature}"),
        SIGNATURE,
    );
    add("no signature", format!("{message}."), SIGNATURE);
    let half = &good_signature[..160];
    add("half a signature", format!("{message}.{half}"), SIGNATURE);
    let zeroes = BASE64.encode([0; 256]);
    add(
        "a signature of zeroes",
        format!("{message}.{zeroes}"),
        SIGNATURE,
    );
    add(
        "a signature that is no base64",
        format!("{message}.%%%"),
        MALFORMED,
    );

    add("two parts", message.to_owned(), MALFORMED);
    add(
        "four parts",
        format!("{good_token}.{good_signature}"),
        MALFORMED,
    );
    add(
        "five parts, encrypted",
        format!("{good_header}.a.b.c.d"),
        MALFORMED,
    );
    add(
        "a header that is no JSON",
        format!("eyJhbGciOiJ.{good_claims}.{good_signature}"),
        MALFORMED,
    );
    let no_claims = format!("{good_header}.{}", BASE64.encode("[]"));
    add(
        "claims that are no object",
        key.sign_text(&signature::RSA_PKCS1_SHA256, &no_claims),
        CLAIMS,
    );
    let twice = good.to_string().replacen('{', r#"{"tid":"x","#, 1);
    let twice = format!("{good_header}.{}", BASE64.encode(twice));
    add(
        "a claim twice",
        key.sign_text(&signature::RSA_PKCS1_SHA256, &twice),
        CLAIMS,
    );
    let large = with(good.clone(), "groups", json!("g".repeat(16 << 10)));
    add("over 16 KiB", key.token(&large), "larger than 16384 bytes");

    attacks
}
