//! Tokens that we make: complete enough for the clients there are.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::{ADMIN, AUDIENCE, Keys, READ, WRITE};
use crate::clock::{Clock, LAST_SECOND, system_now};

/// The guid and the name of the user who may do everything.
pub const ADMIN_USER: &str = "admin";
/// The client that the `cf` program is.
pub const CF_CLIENT: &str = "cf";
/// How long a refresh token lives.
pub const REFRESH_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user, by a client that acts for them.
    User {
        /// The `user_id`.
        guid: String,
        /// The `user_name`.
        name: String,
        /// The `client_id`.
        client: String,
    },
    /// A client of its own: the token has no `user_id` and no `user_name`.
    Client(String),
}

impl Subject {
    /// A user of the `cf` client; without a known name, the guid is it, since `cf` needs one.
    pub fn user(guid: &str, name: Option<&str>) -> Self {
        Self::User {
            guid: guid.to_owned(),
            name: name.unwrap_or(guid).to_owned(),
            client: CF_CLIENT.to_owned(),
        }
    }

    /// The user who may do everything.
    pub fn admin() -> Self {
        Self::user(ADMIN_USER, None)
    }
}

/// What an admin's token allows.
pub fn admin_scopes() -> Vec<String> {
    [ADMIN, READ, WRITE, "openid"].map(str::to_owned).to_vec()
}

/// What any other user's token allows.
pub fn user_scopes() -> Vec<String> {
    [READ, WRITE, "openid"].map(str::to_owned).to_vec()
}

/// A token that was made.
pub struct Token {
    /// The token itself, without `bearer`.
    pub text: String,
    /// Its `jti`.
    pub jti: String,
    /// For how many seconds it holds, from the later of the two clocks.
    pub expires_in: i64,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Why no token could be made: the library refuses the key or the claims.
#[derive(Debug)]
pub struct MintError(jsonwebtoken::errors::Error);

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the token cannot be signed ({}); try another key",
            self.0
        )
    }
}

impl std::error::Error for MintError {}

/// An access token, with which the API may be asked for `ttl` from the later of the two clocks: clients judge `exp`
/// by the system's, the server by its own.
pub fn access(
    keys: &Keys,
    clock: &Clock,
    subject: &Subject,
    scopes: &[String],
    ttl: Duration,
) -> Result<Token, MintError> {
    mint(keys, clock, subject, scopes, ttl, "")
}

/// A refresh token (its `jti` ends in `-r`), with which a client gets new access tokens of the same scopes for
/// `REFRESH_TTL`.
pub fn refresh(
    keys: &Keys,
    clock: &Clock,
    subject: &Subject,
    scopes: &[String],
) -> Result<Token, MintError> {
    mint(keys, clock, subject, scopes, REFRESH_TTL, "-r")
}

/// The claims in a UAA's words. Clients of their own have no user's claims.
#[derive(Serialize)]
struct Minted<'a> {
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
    let claims = Minted {
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
        zid: "uaa",
        iat: now,
        exp,
    };
    let text = keys.sign(&claims).map_err(MintError)?;
    Ok(Token {
        text,
        jti,
        expires_in: exp - start,
    })
}
