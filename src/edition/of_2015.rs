//! The API document of 2015, to the letter: relative hrefs, JSON with two spaces of indentation, lists of packages
//! without filters.

pub(super) mod body;
pub(super) mod error;
pub(super) mod present;
pub(super) mod request;
pub(super) mod upload;

mod json;

use crate::caller::{AccessRules, DownloadRule};

/// The stack that apps had in 2015.
const STACK: &str = "cflinuxfs2";

/// Who may read: only an admin reads everything, and the role `space_supporter` does not exist.
pub const ACCESS_RULES: AccessRules = AccessRules {
    global_readers: &[],
    reading_roles: &["space_developer", "space_manager", "space_auditor"],
    writing_role: "space_developer",
    staging_roles: &["space_developer"],
    downloads: DownloadRule::WritingScope,
};
