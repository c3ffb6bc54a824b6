//! The `Authorization` header of a request, and the identity that it proves.

use super::access::{ADMIN, Access};
use super::claims::Claims;
use super::{Keys, TokenFault};
use crate::caller::{AccessRules, Caller, DownloadRule, Downloader, Member, Writer};
use crate::error::ApiError;

/// An authenticated caller, and what their token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The caller's guid: the claim `user_id` of the token, or else `client_id`.
    pub user: String,
    /// Whether the caller is an admin: the token has the scope `cloud_controller.admin`.
    pub admin: bool,
    read: Access,
    write: Access,
    download: Access,
    rules: &'static AccessRules,
}

impl Identity {
    fn new(claims: &Claims, rules: &'static AccessRules) -> Option<Self> {
        Some(Self {
            user: claims.subject()?.to_owned(),
            admin: claims.has_scope(ADMIN),
            read: Access::to_read(claims, rules),
            write: Access::to_write(claims),
            download: Access::to_download(claims, rules),
            rules,
        })
    }

    /// Returns the identity of a caller who needs no token, as if the token had every scope that fits.
    pub fn without_token(caller: &Caller, rules: &'static AccessRules) -> Self {
        let (user, access) = match caller {
            Caller::Everything => ("admin", Access::Everything),
            Caller::Member(member) => (member.user.as_str(), Access::ByRole),
        };
        Self {
            user: user.to_owned(),
            admin: access == Access::Everything,
            read: access,
            write: access,
            download: match rules.downloads {
                DownloadRule::WritingScope => Access::Everything,
                DownloadRule::WritingRoleOr(_) => access,
            },
            rules,
        }
    }

    /// Returns what the caller may read.
    ///
    /// # Errors
    ///
    /// Fails with `NotAuthorized` if no scope of the token allows reading.
    pub fn into_reader(self) -> Result<Caller, ApiError> {
        match self.read {
            Access::Denied => Err(ApiError::NotAuthorized),
            Access::ByRole => Ok(Caller::Member(self.into_member())),
            Access::Everything => Ok(Caller::Everything),
        }
    }

    /// Returns what the caller may write.
    ///
    /// # Errors
    ///
    /// Fails with `NotAuthorized` if no scope of the token allows writing.
    pub fn into_writer(self) -> Result<Writer, ApiError> {
        match self.write {
            Access::Denied => Err(ApiError::NotAuthorized),
            Access::ByRole if self.read == Access::Everything => {
                Ok(Writer::GlobalReader(self.into_member()))
            }
            Access::ByRole => Ok(Writer::Member(self.into_member())),
            Access::Everything => Ok(Writer::Everything),
        }
    }

    /// Returns whose bits the caller may download.
    ///
    /// # Errors
    ///
    /// Fails with `NotAuthorized` if no scope of the token allows it.
    pub fn into_downloader(self) -> Result<Downloader, ApiError> {
        let needs_writing_role = match self.download {
            Access::Denied => return Err(ApiError::NotAuthorized),
            Access::ByRole => Some(self.clone().into_member()),
            Access::Everything => None,
        };
        Ok(Downloader {
            reader: self.into_reader()?,
            needs_writing_role,
        })
    }

    fn into_member(self) -> Member {
        Member {
            user: self.user,
            rules: self.rules,
        }
    }
}

impl Keys {
    /// Identifies the caller by the values of all `Authorization` headers of a request
    /// ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
    ///
    /// `now` is in seconds since 1970. A token whose `exp` is `now` is expired.
    ///
    /// # Errors
    ///
    /// Fails with `NotAuthenticated` if there is no header, or a header of another scheme than `bearer`. Fails with
    /// `InvalidToken` if there are several headers, or if the token is not valid at `now`.
    pub fn identify(
        &self,
        headers: &[&[u8]],
        now: i64,
        rules: &'static AccessRules,
    ) -> Result<Identity, ApiError> {
        Ok(self.try_identify(headers, now, rules)?)
    }

    /// Identifies the caller as [`Self::identify`] does. The error is for the log: clients do not learn it.
    ///
    /// # Errors
    ///
    /// Fails if there is no token, or if it is not valid at `now`.
    pub fn try_identify(
        &self,
        headers: &[&[u8]],
        now: i64,
        rules: &'static AccessRules,
    ) -> Result<Identity, TokenFault> {
        let header = match headers {
            [] => return Err(TokenFault::NoToken),
            [header] => header,
            _ => return Err(TokenFault::SeveralHeaders),
        };
        let claims = self.verify(bearer_token(header)?)?;
        claims.require_valid_at(now)?;
        if claims.is_refresh_token() {
            return Err(TokenFault::RefreshToken);
        }
        Identity::new(&claims, rules).ok_or(TokenFault::NoSubject)
    }
}

/// Returns the token after `bearer`, which may be in any case, and one or more spaces.
fn bearer_token(header: &[u8]) -> Result<&str, TokenFault> {
    const SCHEME: usize = "bearer".len();
    let rest = match header.split_at_checked(SCHEME) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer") => rest,
        _ => return Err(TokenFault::NoToken),
    };
    str::from_utf8(rest)
        .ok()
        .filter(|rest| rest.starts_with(' '))
        .map(|rest| rest.trim_start_matches(' '))
        .ok_or(TokenFault::Malformed)
}
