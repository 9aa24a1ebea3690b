//! Well signed tokens that say the wrong thing.

use serde_json::{Value, json};

use super::{AUDIENCE_SAYS, Attack, CLAIMS, EXPIRED, ISSUER};
use crate::entra::tokens::{ADA, AUDIENCE, Signer, TENANT_ID, now, of_application, of_user, with};

pub(super) fn attacks(key: &Signer, authority: &str) -> Vec<Attack> {
    let good = of_user(ADA);
    let mut attacks = Vec::new();
    let mut add = |name, token, says| attacks.push(Attack::new(name, token, says));
    let rows = [
        ("expired", "exp", json!(now() - 120), EXPIRED),
        ("expired long ago", "exp", json!(0), EXPIRED),
        ("no expiry", "exp", Value::Null, CLAIMS),
        (
            "an expiry that is a text",
            "exp",
            json!("4102444800"),
            CLAIMS,
        ),
        ("an expiry below zero", "exp", json!(-1), CLAIMS),
        ("an expiry beyond all numbers", "exp", json!(1e300), CLAIMS),
        ("not yet valid", "nbf", json!(now() + 3600), "not valid yet"),
        ("a start that is a text", "nbf", json!("soon"), CLAIMS),
        (
            "another audience",
            "aud",
            json!("https://graph.microsoft.com"),
            AUDIENCE_SAYS,
        ),
        (
            "part of the audience",
            "aud",
            json!("api://gatewa"),
            AUDIENCE_SAYS,
        ),
        (
            "more than the audience",
            "aud",
            json!("api://gateway/"),
            AUDIENCE_SAYS,
        ),
        ("no audience", "aud", Value::Null, CLAIMS),
        (
            "a list of audiences",
            "aud",
            json!([AUDIENCE, "https://graph.microsoft.com"]),
            CLAIMS,
        ),
        (
            "another tenant's issuer",
            "iss",
            json!("https://sts.windows.net/11111111-0000-0000-0000-000000000000/"),
            ISSUER,
        ),
        (
            "an issuer of the attacker",
            "iss",
            json!(format!(
                "https://sts.windows.net.attacker.example/{TENANT_ID}/"
            )),
            ISSUER,
        ),
        ("no issuer", "iss", Value::Null, CLAIMS),
        (
            "another tenant",
            "tid",
            json!("11111111-0000-0000-0000-000000000000"),
            ISSUER,
        ),
        ("no tenant", "tid", Value::Null, CLAIMS),
        (
            "no application, as in an id token",
            "appid",
            Value::Null,
            CLAIMS,
        ),
        ("a user without an object id", "oid", Value::Null, CLAIMS),
        (
            "a user's token that says it is an application's",
            "idtyp",
            json!("app"),
            CLAIMS,
        ),
        (
            "roles that are a text",
            "roles",
            json!("Gateway.Call"),
            CLAIMS,
        ),
    ];
    for (name, claim, value, says) in rows {
        add(name, key.token(&with(good.clone(), claim, value)), says);
    }
    let version_2 = format!("{authority}/11111111-0000-0000-0000-000000000000/v2.0");
    let application = with(of_application(authority), "iss", json!(version_2));
    add(
        "another tenant's issuer, version 2",
        key.token(&application),
        ISSUER,
    );

    let powerless = with(of_application(authority), "roles", Value::Null);
    attacks.push(Attack {
        name: "an application of the tenant without a role",
        token: key.token(&powerless),
        status: 403,
        says: "no scope or role",
    });
    attacks
}
