//! The API document's own edition, to the letter: relative hrefs, pretty JSON, the errors of that era.

mod error;
pub mod present;
pub mod request;

pub use error::error;

use crate::caller::AccessRules;

/// In 2015 only an admin reads everything, and there are no space supporters.
pub const RULES: AccessRules = AccessRules {
    global_readers: &[],
    reading_roles: &["space_developer", "space_manager", "space_auditor"],
    writing_role: "space_developer",
};
