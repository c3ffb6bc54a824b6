//! A token's header and claims, read strictly: what is not exactly right is no token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::AUDIENCE;

/// A token in its three parts, its header read.
pub(super) struct Parts<'t> {
    pub header: Header,
    /// What is signed: the first two parts with the dot between them.
    pub message: &'t [u8],
    /// The third part, in base64.
    pub signature: &'t str,
    payload: &'t str,
}

/// What is read of a token's header. `jku`, `jwk`, `x5u` and the like are not: keys come from us alone.
#[derive(Deserialize)]
pub(super) struct Header {
    /// Compared with what the key is for; nothing follows from it by itself.
    pub alg: String,
    #[serde(default, deserialize_with = "given")]
    pub kid: Option<String>,
    /// Whatever it says, we do not understand it.
    #[serde(default, deserialize_with = "given")]
    crit: Option<IgnoredAny>,
}

/// What a token says, once one of our keys vouched for it.
#[derive(Deserialize)]
pub(super) struct Claims {
    /// Seconds since 1970; from then on the token is expired.
    exp: i64,
    /// Seconds since 1970; before, the token is not valid yet.
    #[serde(default, deserialize_with = "given")]
    nbf: Option<i64>,
    aud: Audience,
    pub scope: Vec<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    jti: Jti,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Only text can end in `-r`; anything else is not asked for.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Jti {
    Text(String),
    Other(IgnoredAny),
    #[default]
    Absent,
}

impl<'t> Parts<'t> {
    /// Three parts in unpadded base64url, the first a JSON object with an `alg` and no `crit`.
    pub fn read(token: &'t str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        if payload.contains('.') || signature.is_empty() {
            return None;
        }
        let header: Header = object(header)?;
        header.crit.is_none().then_some(Self {
            header,
            message: message.as_bytes(),
            signature,
            payload,
        })
    }

    /// The claims: only to be asked for once the signature is known to be right.
    pub fn claims(&self) -> Option<Claims> {
        let claims: Claims = object(self.payload)?;
        let for_us = match &claims.aud {
            Audience::One(audience) => audience == AUDIENCE,
            Audience::Many(audiences) => audiences.iter().any(|audience| audience == AUDIENCE),
        };
        (for_us && claims.subject().is_some()).then_some(claims)
    }
}

impl Claims {
    /// The caller: `user_id`, or else `client_id`; never empty.
    pub fn subject(&self) -> Option<&str> {
        self.user_id
            .as_deref()
            .or(self.client_id.as_deref())
            .filter(|subject| !subject.is_empty())
    }

    /// Whether the token stands for a user, not for a client of its own.
    pub fn is_users(&self) -> bool {
        self.user_id.is_some()
    }

    /// Whether the token holds at `now`, in seconds since 1970; there is no leeway.
    pub fn hold_at(&self, now: i64) -> bool {
        now < self.exp && self.nbf.is_none_or(|nbf| nbf <= now)
    }

    /// Whether it is a refresh token, with which nobody may ask for anything but a new access token.
    pub fn only_refresh(&self) -> bool {
        matches!(&self.jti, Jti::Text(jti) if jti.ends_with("-r"))
    }

    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.iter().any(|held| held == scope)
    }
}

impl fmt::Debug for Claims {
    /// Claims are their owner's: no message shows them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(***)")
    }
}

/// A JSON object in base64url; serde would take an array for a struct too.
fn object<T: DeserializeOwned>(part: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    json.trim_ascii_start()
        .starts_with(b"{")
        .then(|| serde_json::from_slice(&json).ok())?
}

/// A field that may be left out, but that `null` does not stand for.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
