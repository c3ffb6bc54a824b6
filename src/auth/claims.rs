//! Strict parsing of a token's header and claims.
//!
//! A token is a JSON Web Signature in the compact serialization
//! ([RFC 7515 §3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)) of a claims set
//! ([RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4)).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::{AUDIENCE, TokenFault};

/// The three parts of a token. The payload is not parsed before the signature is verified.
pub(super) struct Parts<'t> {
    pub header: Header,
    /// The bytes that are signed: the first two parts and the dot between them.
    pub message: &'t [u8],
    pub signature: Vec<u8>,
    payload: &'t str,
}

/// The fields of a token's header that we read
/// ([RFC 7515 §4.1](https://www.rfc-editor.org/rfc/rfc7515#section-4.1)).
///
/// `jku`, `jwk`, `x5u` and `x5c` are ignored, because a token must not choose the key that verifies it.
#[derive(Deserialize)]
pub(super) struct Header {
    /// Must be the algorithm of the key.
    pub alg: String,
    #[serde(default, deserialize_with = "not_null")]
    pub kid: Option<String>,
    /// Makes a token invalid, because no extension is supported.
    #[serde(default, deserialize_with = "not_null")]
    crit: Option<IgnoredAny>,
}

/// The claims of a token that we read.
#[derive(Deserialize)]
pub(super) struct Claims {
    /// The time from which the token is expired, in seconds since 1970.
    exp: i64,
    /// The time before which the token is not valid, in seconds since 1970.
    #[serde(default, deserialize_with = "not_null")]
    nbf: Option<i64>,
    aud: Audience,
    pub scope: Vec<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    jti: TokenId,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The claim `jti`. A Cloud Controller accepts any type; only a string can name a refresh token.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum TokenId {
    Text(String),
    Other(IgnoredAny),
    #[default]
    Absent,
}

impl<'t> Parts<'t> {
    /// Splits a token into its three parts of unpadded base64url. Fails if it has another form, or if its header is not
    /// a JSON object that has `alg` and lacks `crit`.
    pub fn parse(token: &'t str) -> Result<Self, TokenFault> {
        let parts = Self::split(token).ok_or(TokenFault::Malformed)?;
        match parts.header.crit {
            None => Ok(parts),
            Some(_) => Err(TokenFault::Critical),
        }
    }

    fn split(token: &'t str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        if payload.contains('.') || signature.is_empty() {
            return None;
        }
        Some(Self {
            header: json_object(header)?,
            message: message.as_bytes(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            payload,
        })
    }

    /// Parses the claims. Call it only after the signature is verified. Fails if a claim is missing or has a wrong type,
    /// or if the token is for another audience or does not name a caller.
    pub fn claims(&self) -> Result<Claims, TokenFault> {
        let claims: Claims = json_object(self.payload).ok_or(TokenFault::Claims)?;
        let has_our_audience = match &claims.aud {
            Audience::One(audience) => audience == AUDIENCE,
            Audience::Many(audiences) => audiences.iter().any(|audience| audience == AUDIENCE),
        };
        if !has_our_audience {
            return Err(TokenFault::Audience);
        }
        if claims.subject().is_none() {
            return Err(TokenFault::NoSubject);
        }
        Ok(claims)
    }
}

impl Claims {
    /// Returns the guid of the caller: `user_id`, or else `client_id`. It is never empty.
    pub fn subject(&self) -> Option<&str> {
        self.user_id
            .as_deref()
            .or(self.client_id.as_deref())
            .filter(|subject| !subject.is_empty())
    }

    /// Whether the caller is a user. Otherwise the caller is a client that acts for itself.
    pub fn has_user(&self) -> bool {
        self.user_id.is_some()
    }

    /// Fails if the token is not valid at `now`, in seconds since 1970, by `exp` and `nbf` without leeway.
    pub fn require_valid_at(&self, now: i64) -> Result<(), TokenFault> {
        if now >= self.exp {
            return Err(TokenFault::Expired(self.exp));
        }
        match self.nbf {
            Some(nbf) if nbf > now => Err(TokenFault::NotYetValid(nbf)),
            _ => Ok(()),
        }
    }

    /// Whether the token is a refresh token, which can only be exchanged for an access token.
    pub fn is_refresh_token(&self) -> bool {
        matches!(&self.jti, TokenId::Text(jti) if jti.ends_with("-r"))
    }

    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.iter().any(|held| held == scope)
    }
}

impl fmt::Debug for Claims {
    /// Hides the claims, because they are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(***)")
    }
}

/// Parses a JSON object in base64url. Returns `None` for an array, which serde would also accept for a struct.
fn json_object<T: DeserializeOwned>(part: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    json.trim_ascii_start()
        .starts_with(b"{")
        .then(|| serde_json::from_slice(&json).ok())?
}

/// Deserializes a field that may be absent, but must not be `null`.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
