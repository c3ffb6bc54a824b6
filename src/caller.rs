//! The caller of a request, after authentication: what they may read and what they may write. See
//! `docs/reference/access.md`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

/// Tells callers apart, so that their reads are run in turn. Different callers may have equal keys by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallerKey(u64);

impl CallerKey {
    /// The server itself.
    pub const SERVER: Self = Self(0);

    /// Returns the key of the user with that guid.
    pub fn of_user(guid: &str) -> Self {
        Self::of(guid)
    }

    /// Returns the key of callers without a token at that address.
    pub fn of_address(address: IpAddr) -> Self {
        Self::of(address)
    }

    fn of(hashed: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        hashed.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What a caller may read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Every row.
    Everything,
    /// The rows that the roles of one user show: their reading roles, and the role of organization manager.
    Member(Member),
}

/// What a caller may write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Every row.
    Everything,
    /// The rows of the spaces in which one user has the writing role. The user reads by role too.
    Member(Member),
    /// The same rows. The user reads every row.
    GlobalReader(Member),
}

impl Writer {
    /// Returns what the caller may read in a request that writes. It needs no scope beside the one to write.
    pub fn reader(&self) -> Caller {
        match self {
            Self::Everything | Self::GlobalReader(_) => Caller::Everything,
            Self::Member(member) => Caller::Member(member.clone()),
        }
    }
}

/// Whose bits a caller may download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloader {
    /// The packages that the caller may read.
    pub reader: Caller,
    /// The caller, if they also need the writing role in the space of the package.
    pub needs_writing_role: Option<Member>,
}

/// A user whose roles decide about their access. A user that the database does not have has no role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The user's guid: the claim `user_id` of the token, or else `client_id`.
    pub user: String,
    /// The rules of the edition that is served.
    pub rules: &'static AccessRules,
}

/// The scopes and roles of an edition. Roles are written as the database spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccessRules {
    /// The scopes that read everything, beside `cloud_controller.admin`. They do not need `cloud_controller.read`.
    pub global_readers: &'static [&'static str],
    /// The space roles that read the apps and packages of a space.
    pub reading_roles: &'static [&'static str],
    /// The space role that writes the packages of a space.
    pub writing_role: &'static str,
    /// The space roles that stage the packages of a space.
    pub staging_roles: &'static [&'static str],
    /// Who may download the bits of a package.
    pub downloads: DownloadRule,
}

/// Who may download the bits of a package that they may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DownloadRule {
    /// Everyone whose token may write too.
    WritingScope,
    /// Admins, holders of one of these scopes, and users with the writing role in the space.
    WritingRoleOr(&'static [&'static str]),
}
