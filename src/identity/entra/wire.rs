//! What the tenant's keys and its access tokens look like.
//!
//! Sources: RFC 7517 (JSON Web Key), "Access token claims reference" of the Microsoft identity platform, and the
//! published key sets of `login.microsoftonline.com`, whose keys name the issuer that they sign for.

use serde::Deserialize;

/// The answer of `{authority}/{tenant}/discovery/v2.0/keys`.
#[derive(Debug, Deserialize)]
pub(super) struct KeySetDocument {
    pub(super) keys: Vec<KeyDocument>,
}

/// One key of the set; every field may be missing in a key of a kind that is not for us.
#[derive(Debug, Deserialize)]
pub(super) struct KeyDocument {
    /// Kind of key: `RSA`.
    pub(super) kty: Option<String>,
    /// `sig` for a key that signs.
    #[serde(rename = "use")]
    pub(super) usage: Option<String>,
    /// The algorithm, where the key is for one only.
    pub(super) alg: Option<String>,
    /// The name under which tokens refer to it.
    pub(super) kid: Option<String>,
    /// Modulus, base64url.
    pub(super) n: Option<String>,
    /// Exponent, base64url.
    pub(super) e: Option<String>,
    /// Whose tokens it signs: an issuer of version 2, `{tenantid}` standing for any tenant.
    pub(super) issuer: Option<String>,
}

/// The claims of an access token that decide. `exp`, `nbf`, `iss` and `aud` are looked at by the library.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    /// Audience; Entra writes one, never a list.
    #[expect(dead_code, reason = "that it is one text is what is asked of it")]
    aud: String,
    /// Tenant.
    pub(super) tid: Option<String>,
    /// Object id of the user, or of the application's service principal.
    pub(super) oid: Option<String>,
    /// Application that asked for the token (version 2).
    pub(super) azp: Option<String>,
    /// The same (version 1).
    pub(super) appid: Option<String>,
    /// Scopes that a user's token has, separated by blanks; an application's own token has none.
    pub(super) scp: Option<String>,
    /// Roles of the user or of the application.
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// `app` or `user`, where the gateway's app registration asks for this claim.
    pub(super) idtyp: Option<String>,
}
