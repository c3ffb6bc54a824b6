//! Why a token is refused. Clients only learn that it is; the log has the reason.

use super::AUDIENCE;
use crate::clock;
use crate::error::ApiError;

/// What is wrong with the `Authorization` header of a request, or with its token. No text of the token is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// There is no header, or one of another scheme.
    #[error("the request has no bearer token")]
    NoToken,
    /// There are several headers.
    #[error("the request has several `Authorization` headers")]
    SeveralHeaders,
    /// It does not have three parts of base64url, the first of which is a JSON object with `alg`.
    #[error("the token is not a signed JSON Web Token")]
    Malformed,
    /// Its header requires an extension.
    #[error("the header of the token has `crit`, and no extension is supported")]
    Critical,
    /// No key of the server has its algorithm.
    #[error("no key of this server has the algorithm of the token")]
    OtherAlgorithm,
    /// A key has its algorithm, and none verifies it.
    #[error(
        "no key of this server verifies the signature of the token: it was signed with the key of another database, or with another `--token-key`"
    )]
    WrongKey,
    /// A claim is missing or has a wrong type.
    #[error(
        "a claim of the token is missing or has a wrong type; it needs `exp`, `aud` and `scope`"
    )]
    Claims,
    /// It is for another audience.
    #[error("the claim `aud` of the token does not name `{AUDIENCE}`")]
    Audience,
    /// It names no caller.
    #[error("the token has neither `user_id` nor `client_id`")]
    NoSubject,
    /// It can only be exchanged for an access token.
    #[error("the token is a refresh token")]
    RefreshToken,
    /// It expired at this time, in seconds since 1970.
    #[error("the token expired at {}", clock::format(*.0))]
    Expired(i64),
    /// It is valid only from this time, in seconds since 1970.
    #[error("the token is valid from {}", clock::format(*.0))]
    NotYetValid(i64),
}

impl TokenFault {
    /// Whether the token is right at another time.
    pub fn depends_on_clock(&self) -> bool {
        matches!(self, Self::Expired(_) | Self::NotYetValid(_))
    }
}

impl From<TokenFault> for ApiError {
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::NoToken => Self::NotAuthenticated,
            _ => Self::InvalidToken,
        }
    }
}
