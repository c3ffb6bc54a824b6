//! What the scopes of a token allow: who may read and who may write. See `docs/reference/access.md#scopes`.

use super::claims::Claims;
use crate::caller::{AccessRules, DownloadRule};

/// The scope that reads and writes everything.
pub(super) const ADMIN: &str = "cloud_controller.admin";
/// The scope that reads what the caller's roles show.
pub(super) const READ: &str = "cloud_controller.read";
/// The scope that writes where the caller's role allows it.
pub(super) const WRITE: &str = "cloud_controller.write";

/// What scopes allow, either for reading or for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing.
    Denied,
    /// The rows that the caller's roles allow.
    ByRole,
    /// Every row.
    Everything,
}

/// Returns whether a token with these scopes reads every row, whatever the roles of its user.
pub fn reads_everything(scopes: &[String], rules: &AccessRules) -> bool {
    let is_global = |scope: &str| scope == ADMIN || rules.global_readers.contains(&scope);
    scopes.iter().any(|scope| is_global(scope))
}

impl Access {
    /// Returns what the scopes allow the caller to read.
    pub fn to_read(claims: &Claims, rules: &AccessRules) -> Self {
        if reads_everything(&claims.scope, rules) {
            Self::Everything
        } else if claims.has_scope(READ) {
            Self::ByRole
        } else {
            Self::Denied
        }
    }

    /// Returns what the scopes allow the caller to write. Scopes that only read do not matter.
    pub fn to_write(claims: &Claims) -> Self {
        if claims.has_scope(ADMIN) {
            Self::Everything
        } else if claims.has_scope(WRITE) {
            Self::ByRole
        } else {
            Self::Denied
        }
    }

    /// Returns which of the packages that the caller may read they may download.
    pub fn to_download(claims: &Claims, rules: &AccessRules) -> Self {
        let is_held = |scope: &&str| claims.has_scope(scope);
        match rules.downloads {
            _ if claims.has_scope(ADMIN) => Self::Everything,
            DownloadRule::WritingScope if claims.has_scope(WRITE) => Self::Everything,
            DownloadRule::WritingScope => Self::Denied,
            DownloadRule::WritingRoleOr(scopes) if scopes.iter().any(is_held) => Self::Everything,
            DownloadRule::WritingRoleOr(_) => Self::ByRole,
        }
    }
}
