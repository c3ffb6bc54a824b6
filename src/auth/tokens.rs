//! The tokens that we sign, with the claims that today's clients need.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use super::access::reads_everything;
use super::access::{ADMIN, READ, WRITE};
use super::{AUDIENCE, Keys};
use crate::clock::{Clock, LAST_SECOND, system_now};

/// The guid and the name of the user who may read and write everything.
pub const ADMIN_USER: &str = "admin";
/// The `client_id` of the `cf` program.
pub const CF_CLIENT: &str = "cf";
/// The zone of a UAA in which the users are.
const ZONE: &str = "uaa";
/// The lifetime of a refresh token: 30 days.
pub const REFRESH_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The subject of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user, and the client that acts for them.
    User {
        /// The `user_id`.
        guid: String,
        /// The `user_name`.
        name: String,
        /// The `client_id`.
        client: String,
    },
    /// A client that acts for itself. The token has no `user_id` and no `user_name`.
    Client(String),
}

impl Subject {
    /// Returns a user of the `cf` client. The guid replaces an unknown name, because `cf` needs a name.
    pub fn user(guid: &str, name: Option<&str>) -> Self {
        Self::User {
            guid: guid.to_owned(),
            name: name.unwrap_or(guid).to_owned(),
            client: CF_CLIENT.to_owned(),
        }
    }

    /// Returns the user who may read and write everything.
    pub fn admin() -> Self {
        Self::user(ADMIN_USER, None)
    }
}

/// Returns the scopes of an admin's token.
pub fn admin_scopes() -> Vec<String> {
    [ADMIN, READ, WRITE, "openid"].map(str::to_owned).to_vec()
}

/// Returns the scopes of the token of any other user.
pub fn user_scopes() -> Vec<String> {
    [READ, WRITE, "openid"].map(str::to_owned).to_vec()
}

/// A signed token.
pub struct Token {
    /// The token, without `bearer`.
    pub text: String,
    /// The claim `jti`.
    pub jti: String,
    /// The lifetime in seconds, counted from the later of the server's clock and the system's clock.
    pub expires_in: i64,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Why a token cannot be signed: its claims cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the token cannot be signed: {0}")]
pub struct MintError(#[from] serde_json::Error);

/// Returns an access token.
///
/// It expires `ttl`, in whole seconds, after the later of the server's clock and the system's clock: clients compare
/// `exp` with the system's clock, the server with its own.
///
/// # Errors
///
/// Fails if the claims cannot be written as JSON.
pub fn access(
    keys: &Keys,
    clock: &Clock,
    subject: &Subject,
    scopes: &[String],
    ttl: Duration,
) -> Result<Token, MintError> {
    mint(keys, clock, subject, scopes, ttl, "")
}

/// Returns a refresh token, whose `jti` ends in `-r`. A client exchanges it for access tokens of the same scopes during
/// [`REFRESH_TTL`].
///
/// # Errors
///
/// Fails if the claims cannot be written as JSON.
pub fn refresh(
    keys: &Keys,
    clock: &Clock,
    subject: &Subject,
    scopes: &[String],
) -> Result<Token, MintError> {
    mint(keys, clock, subject, scopes, REFRESH_TTL, "-r")
}

/// The claims of a token as a UAA names them. A client that acts for itself has no user's claims.
#[derive(Serialize)]
struct SignedClaims<'a> {
    jti: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
    client_id: &'a str,
    cid: &'a str,
    azp: &'a str,
    grant_type: &'static str,
    scope: &'a [String],
    aud: [&'static str; 1],
    zid: &'static str,
    iat: i64,
    exp: i64,
}

/// Returns whether `text` has the form of a token that [`access`] or [`refresh`] returns, whatever key signed it.
pub fn is_one_of_ours(text: &str) -> bool {
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let parts = text.split('.').map(decode).collect::<Option<Vec<_>>>();
    let Some([header, claims, _signature]) = parts.as_deref() else {
        return false;
    };
    serde_json::from_slice::<OurHeader>(header).is_ok_and(|header| header.typ == "JWT")
        && serde_json::from_slice::<OurClaims>(claims)
            .is_ok_and(|claims| claims.aud == [AUDIENCE] && claims.zid == ZONE)
}

#[derive(Deserialize)]
struct OurHeader {
    typ: String,
}

/// Claims that every token of ours has.
#[derive(Deserialize)]
struct OurClaims {
    aud: Vec<String>,
    zid: String,
}

fn mint(
    keys: &Keys,
    clock: &Clock,
    subject: &Subject,
    scopes: &[String],
    ttl: Duration,
    suffix: &str,
) -> Result<Token, MintError> {
    let now = clock.now();
    let start = now.max(system_now()).min(LAST_SECOND);
    let exp = start
        .saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX))
        .min(LAST_SECOND);
    let jti = format!("{}{suffix}", Uuid::new_v4().simple());
    let (user, client) = match subject {
        Subject::User { guid, name, client } => (Some((guid.as_str(), name.as_str())), client),
        Subject::Client(client) => (None, client),
    };
    let claims = SignedClaims {
        jti: &jti,
        sub: user.map_or(client, |(guid, _)| guid),
        user_id: user.map(|(guid, _)| guid),
        user_name: user.map(|(_, name)| name),
        origin: user.map(|_| "uaa"),
        client_id: client,
        cid: client,
        azp: client,
        grant_type: user.map_or("client_credentials", |_| "password"),
        scope: scopes,
        aud: [AUDIENCE],
        zid: ZONE,
        iat: now,
        exp,
    };
    Ok(Token {
        text: keys.sign(&claims)?,
        jti,
        expires_in: exp - start,
    })
}
