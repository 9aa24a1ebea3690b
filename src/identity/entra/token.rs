//! Whether an access token is one of ours: pure but for the clock, which the library reads.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};

use super::wire::Claims;
use crate::{config::callers::entra::EntraConfig, hash::sha256};

/// What the names of users begin with, and no others.
pub const USER_PREFIX: &str = "user:";
/// Size above which a token is not even looked at; those of Entra stay below 8 KiB.
const MAX_BYTES: usize = 16 << 10;
/// Longest name of a key.
const MAX_KEY_ID: usize = 128;
/// How far the tenant's clock and ours may be apart, in seconds.
const LEEWAY_SECONDS: u64 = 60;

/// Why a token does not let its bearer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenProblem {
    /// Over [`MAX_BYTES`].
    TooLarge,
    /// Not three parts of base64url with a header that can be read, or with an algorithm that does not exist.
    Malformed,
    /// Another algorithm than RS256.
    Algorithm,
    /// A header that demands what the gateway does not know.
    CriticalHeader,
    /// No key of the tenant by that name.
    UnknownKey,
    /// The signature is not that of the key.
    Signature,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `aud` is another's.
    Audience,
    /// `iss` or `tid` is another tenant's.
    Issuer,
    /// A claim that access tokens of Entra have is missing, or is not of its type.
    Claims,
    /// The application is not in `GATEWAY_ENTRA_ALLOWED_CLIENTS`.
    ClientNotAllowed,
    /// Neither a scope nor a role that is asked for.
    NoPermission,
}

impl TokenProblem {
    /// What is wrong, and what helps; without anything of the token, and fit for a quoted header value.
    pub const fn description(self) -> &'static str {
        match self {
            Self::TooLarge => "the token is larger than 16384 bytes",
            Self::Malformed => "the token is not a JSON Web Token signed with RS256",
            Self::Algorithm => "the token is not signed with RS256",
            Self::CriticalHeader => {
                "the token has critical header parameters, which are not supported"
            }
            Self::UnknownKey => {
                "the token is not signed with a key that the tenant of this gateway publishes"
            }
            Self::Signature => "the token's signature is wrong",
            Self::Expired => "the token has expired; get a new one",
            Self::NotYetValid => "the token is not valid yet; check the clock of its issuer",
            Self::Audience => {
                "the token has the wrong audience; get one for this gateway's application"
            }
            Self::Issuer => "the token was issued by another tenant than that of this gateway",
            Self::Claims => {
                "the token is not an access token of Microsoft Entra: a claim is missing or has the wrong type"
            }
            Self::ClientNotAllowed => "the application that got the token may not use this gateway",
            Self::NoPermission => "the token has no scope or role that allows to use this gateway",
        }
    }

    /// Whether the token is good, and only its rights do not reach: a 403 and not a 401.
    pub const fn is_about_rights(self) -> bool {
        matches!(self, Self::ClientNotAllowed | Self::NoPermission)
    }
}

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// A name that stays the same from token to token and tells nothing personal: `user:` and a digest of tenant and
    /// object id, or `app:` and the application's id. No name of a key has a `:`.
    pub name: String,
    /// Whether a user is behind it; an application by itself otherwise.
    pub is_user: bool,
    /// Id of the application that got the token.
    pub application: String,
    /// The token's roles.
    pub roles: Vec<String>,
}

/// What a token must say.
#[derive(Debug)]
pub(super) struct Rules {
    config: EntraConfig,
    validation: Validation,
}

impl Rules {
    pub(super) fn new(config: EntraConfig) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_audience(&config.audiences);
        validation.set_issuer(&config.issuers());
        Self { config, validation }
    }

    /// Verifies `token` with the key that [`key_id`] names.
    pub(super) fn verify(&self, token: &str, key: &DecodingKey) -> Result<Bearer, TokenProblem> {
        let claims = decode::<Claims>(token, key, &self.validation)
            .map_err(|error| problem_of(error.kind()))?
            .claims;
        self.judge(claims)
    }

    fn judge(&self, claims: Claims) -> Result<Bearer, TokenProblem> {
        let tenant = claims.tid.ok_or(TokenProblem::Claims)?;
        if tenant != self.config.tenant_id {
            return Err(TokenProblem::Issuer);
        }
        // Id tokens have neither, and are no leave to call anybody.
        let application = claims.azp.or(claims.appid).ok_or(TokenProblem::Claims)?;
        let scopes: Vec<_> = claims
            .scp
            .as_deref()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let is_user = !scopes.is_empty();
        let says = claims.idtyp.as_deref();
        if says.is_some_and(|kind| (kind == "user") != is_user) {
            return Err(TokenProblem::Claims);
        }
        let allowed = &self.config.allowed_clients;
        if !allowed.is_empty() && !allowed.contains(&application) {
            return Err(TokenProblem::ClientNotAllowed);
        }
        if !self.permits(&scopes, &claims.roles) {
            return Err(TokenProblem::NoPermission);
        }
        let name = if is_user {
            let user = claims.oid.ok_or(TokenProblem::Claims)?;
            format!("{USER_PREFIX}{}", pseudonym(&tenant, &user))
        } else {
            format!("app:{application}")
        };
        Ok(Bearer {
            name,
            is_user,
            application,
            roles: claims.roles,
        })
    }

    /// One of the scopes or roles that are asked for. Where none is, a user's token has been consented to, but any
    /// application of the tenant gets a token for any other one: it needs a role, or to be allowed by its id.
    fn permits(&self, scopes: &[&str], roles: &[String]) -> bool {
        let EntraConfig {
            allowed_clients,
            required_roles,
            required_scopes,
            foundry_decides,
            ..
        } = &self.config;
        if required_roles.is_empty() && required_scopes.is_empty() {
            return *foundry_decides
                || !scopes.is_empty()
                || !roles.is_empty()
                || !allowed_clients.is_empty();
        }
        let has_scope = required_scopes
            .iter()
            .any(|scope| scopes.contains(&scope.as_str()));
        has_scope || required_roles.iter().any(|role| roles.contains(role))
    }
}

/// Whether a key that a caller presents is meant as a token: those begin with `{"` in base64url, and have dots.
pub(super) fn is_token_shaped(presented: &str) -> bool {
    presented.starts_with("eyJ") && presented.contains('.')
}

/// The name of the key that a token says it is signed with.
pub(super) fn key_id(token: &str) -> Result<String, TokenProblem> {
    if MAX_BYTES < token.len() {
        return Err(TokenProblem::TooLarge);
    }
    let header = decode_header(token).map_err(|_| TokenProblem::Malformed)?;
    if header.alg != Algorithm::RS256 {
        return Err(TokenProblem::Algorithm);
    }
    if header.crit.is_some() {
        return Err(TokenProblem::CriticalHeader);
    }
    let key_id = header
        .kid
        .filter(|id| !id.is_empty() && id.len() <= MAX_KEY_ID);
    key_id.ok_or(TokenProblem::UnknownKey)
}

fn problem_of(error: &ErrorKind) -> TokenProblem {
    match error {
        ErrorKind::InvalidAlgorithm => TokenProblem::Algorithm,
        ErrorKind::InvalidSignature => TokenProblem::Signature,
        ErrorKind::ExpiredSignature => TokenProblem::Expired,
        ErrorKind::ImmatureSignature => TokenProblem::NotYetValid,
        ErrorKind::InvalidAudience => TokenProblem::Audience,
        ErrorKind::InvalidIssuer => TokenProblem::Issuer,
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::Json(_) => TokenProblem::Claims,
        _ => TokenProblem::Malformed,
    }
}

/// A SHA-256 of tenant and object id in base64url: an object id is random, so that it cannot be guessed back.
fn pseudonym(tenant: &str, object: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256([tenant.as_bytes(), b"/", object.as_bytes()]))
}
