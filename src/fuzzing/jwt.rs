//! Access tokens: nothing that the tenant has not signed lets anybody in, and nothing that its rules forbid.

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::RSA_PKCS1_SHA256,
};
use serde_json::{Value, json};

use crate::{
    config::callers::entra::EntraConfig,
    identity::entra::{
        fuzzing::{Judge, keys_of},
        token::{Bearer, USER_PREFIX},
    },
};

const TENANT: &str = "0f0e0d0c-0000-0000-0000-00000000000a";
const AUDIENCE: &str = "api://gateway";
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// The tenant's clock and ours may be apart by so much.
const LEEWAY_SECONDS: f64 = 61.0;

/// What a run shares: the tenant, a stranger with a key of its own, and the gateway's judgement.
struct World {
    tenant: Option<KeyPair>,
    stranger: Option<KeyPair>,
    judge: Result<Judge, String>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let read = |der: &[u8]| KeyPair::from_pkcs8(der).ok();
    let tenant = read(include_bytes!("../../tests/fixtures/keys/tenant.pk8"));
    let stranger = read(include_bytes!("../../tests/fixtures/keys/stranger.pk8"));
    let config = EntraConfig {
        tenant_id: TENANT.to_owned(),
        authority: AUTHORITY.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        allowed_clients: Vec::new(),
        required_roles: Vec::new(),
        required_scopes: Vec::new(),
        foundry_decides: false,
    };
    let published = tenant.as_ref().map(|tenant| {
        let PublicKeyComponents::<Vec<u8>> { n, e } = tenant.public().into();
        let key = json!({"kty": "RSA", "use": "sig", "kid": "tenant", "n": BASE64.encode(n), "e": BASE64.encode(e)});
        json!({"keys": [key]}).to_string()
    });
    World {
        judge: Judge::new(config, &published.unwrap_or_default()),
        tenant,
        stranger,
    }
});

/// Input: a header and claims in JSON, a line each, that the tenant signs; or a token as it is presented; or a key set.
///
/// - A token is taken only if its signature is the one that the tenant's key makes of exactly these bytes.
/// - A signed token is taken only if its header and claims are those of an access token for this gateway, now.
/// - The same token with a stranger's signature, with none, or changed by one bit is never taken.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn jwt(input: &[u8]) {
    let (Ok(judge), Some(tenant), Some(stranger)) = (&WORLD.judge, &WORLD.tenant, &WORLD.stranger)
    else {
        let World { judge, .. } = &*WORLD;
        assert!(judge.is_ok(), "no judge: {judge:?}");
        return;
    };
    if input.starts_with(b"{\"keys\"") {
        return check_key_set(input);
    }
    let Some(line) = input.iter().position(|byte| *byte == b'\n') else {
        let presented = String::from_utf8_lossy(input);
        let taken = judge.identify(&presented).is_ok();
        assert!(!taken || is_signed_by(tenant, &presented), "{presented}");
        return;
    };
    let (header, claims) = input.split_at(line);
    let claims = claims.get(1..).unwrap_or_default();
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let token = signed(tenant, &text);
    let forged = [signed(stranger, &text), format!("{text}."), text.clone()];
    for forged in forged {
        assert!(judge.identify(&forged).is_err(), "forged: {forged}");
    }
    match judge.identify(&token) {
        Ok(bearer) => {
            check_bearer(header, claims, &bearer);
            check_changed(judge, &token);
        }
        Err(problem) => assert!(!problem.description().contains('"')),
    }
}

fn signed(key: &KeyPair, text: &str) -> String {
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    let signed = key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
    assert!(signed.is_ok(), "the key does not sign");
    format!("{text}.{}", BASE64.encode(signature))
}

/// RS256 gives one signature for one text, so that signing again tells a real one.
fn is_signed_by(tenant: &KeyPair, presented: &str) -> bool {
    let text = presented.rsplit_once('.').map(|(text, _)| text);
    text.is_some_and(|text| signed(tenant, text) == presented)
}

/// One bit of each part of a good token makes a bad one.
fn check_changed(judge: &Judge, token: &str) {
    let parts: Vec<&str> = token.split('.').collect();
    for changed in 0..parts.len() {
        let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        if let Some(part) = parts.get_mut(changed) {
            let mut bytes = BASE64.decode(part.as_bytes()).unwrap_or_default();
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            *part = BASE64.encode(bytes);
        }
        let changed = parts.join(".");
        assert!(judge.identify(&changed).is_err(), "changed: {changed}");
    }
}

/// What must be true of a token that is taken, by a reading of its own.
fn check_bearer(header: &[u8], claims: &[u8], bearer: &Bearer) {
    let (Some(header), Some(claims)) = (read_whole(header), read_whole(claims)) else {
        return;
    };
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header["kid"], "tenant");
    assert!(header["crit"].is_null());
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["tid"], TENANT);
    let issuers = [
        format!("https://sts.windows.net/{TENANT}/"),
        format!("{AUTHORITY}/{TENANT}/v2.0"),
    ];
    assert!(issuers.iter().any(|issuer| claims["iss"] == **issuer));
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = elapsed.map_or(0.0, |elapsed| elapsed.as_secs_f64());
    assert!(
        claims["exp"]
            .as_f64()
            .is_some_and(|exp| now - LEEWAY_SECONDS < exp)
    );
    assert!(
        claims["nbf"]
            .as_f64()
            .is_none_or(|nbf| nbf < now + LEEWAY_SECONDS)
    );
    let scopes = claims["scp"].as_str().unwrap_or_default();
    let is_user = !scopes.trim().is_empty();
    assert_eq!(bearer.is_user, is_user);
    assert!(is_user || !bearer.roles.is_empty(), "no right at all");
    let kind = if is_user { USER_PREFIX } else { "app:" };
    assert!(bearer.name.starts_with(kind), "{}", bearer.name);
    let application = &claims[if claims["azp"].is_null() {
        "appid"
    } else {
        "azp"
    }];
    assert_eq!(application.as_str(), Some(&*bearer.application));
}

/// JSON with everything in it. `None` where a part that the gateway does not look at cannot be read, such as a text
/// that is not UTF-8: the gateway reads the rest.
fn read_whole(json: &[u8]) -> Option<Value> {
    serde_json::from_slice(json).ok()
}

/// No more keys are kept than the set has for RSA signatures.
fn check_key_set(json: &[u8]) {
    let issuer = format!("{AUTHORITY}/{TENANT}/v2.0");
    let kept = keys_of(json, &issuer, TENANT).unwrap_or_default();
    let Some(document) = read_whole(json) else {
        return;
    };
    let listed = document["keys"].as_array().into_iter().flatten();
    let usable = listed
        .filter(|key| key["kty"] == "RSA" && (key["use"].is_null() || key["use"] == "sig"))
        .count();
    assert!(kept <= usable, "{kept} of {usable} keys");
}

/// Whom the gateway takes the bearer of a token for that the tenant signs.
#[cfg(test)]
pub(super) fn identify_signed(
    header: &Value,
    claims: &Value,
) -> Result<Bearer, crate::identity::entra::token::TokenProblem> {
    let text = format!(
        "{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims.to_string())
    );
    let token = signed(WORLD.tenant.as_ref().unwrap(), &text);
    WORLD.judge.as_ref().unwrap().identify(&token)
}
