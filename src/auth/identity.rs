//! The Authorization header of a request, and what its token's scopes allow.

use std::sync::Arc;

use super::claims::Claims;
use super::{ADMIN, Keys, READ};
use crate::caller::{AccessRules, Caller, Member};
use crate::error::ApiError;

/// Who asks, and what their token lets them do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's guid: `user_id`, or else `client_id`, of the token.
    pub user: String,
    /// What they may see.
    pub caller: Caller,
    /// Whether they hold `cloud_controller.admin`.
    pub admin: bool,
}

impl Keys {
    /// Who asks, by the values of all Authorization headers of a request, at `now` (seconds since 1970).
    ///
    /// No or an empty header, or another scheme: `NotAuthenticated`. Anything wrong with the header or the token:
    /// `InvalidToken`, always the same. A valid token without the scope to read: `NotAuthorized`.
    pub fn identify(
        &self,
        headers: &[&[u8]],
        now: i64,
        rules: &'static AccessRules,
    ) -> Result<Identity, ApiError> {
        let claims = match headers {
            [] => return Err(ApiError::NotAuthenticated),
            [header] => self.claims(header, now)?,
            _ => return Err(ApiError::InvalidToken),
        };
        let user = claims.subject().ok_or(ApiError::InvalidToken)?.to_owned();
        let admin = claims.has_scope(ADMIN);
        let caller = if admin
            || rules
                .global_readers
                .iter()
                .any(|scope| claims.has_scope(scope))
        {
            Caller::Everything
        } else if claims.has_scope(READ) {
            Caller::Member(Member {
                user: user.clone(),
                rules,
            })
        } else {
            return Err(ApiError::NotAuthorized);
        };
        Ok(Identity {
            user,
            caller,
            admin,
        })
    }

    fn claims(&self, header: &[u8], now: i64) -> Result<Arc<Claims>, ApiError> {
        let token = token(header)?;
        self.verify(token)
            .filter(|claims| claims.hold_at(now) && !claims.only_refresh())
            .ok_or(ApiError::InvalidToken)
    }
}

/// The token after `bearer`, in any case, and one or more spaces.
fn token(header: &[u8]) -> Result<&str, ApiError> {
    const SCHEME: usize = "bearer".len();
    let rest = match header.split_at_checked(SCHEME) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer") => rest,
        _ => return Err(ApiError::NotAuthenticated),
    };
    str::from_utf8(rest)
        .ok()
        .filter(|rest| rest.starts_with(' '))
        .map(|rest| rest.trim_start_matches(' '))
        .ok_or(ApiError::InvalidToken)
}
