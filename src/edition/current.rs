//! What Cloud Controllers answer today: absolute hrefs, compact JSON, filters, neighbours.

pub mod accepted;
mod app;
mod elements;
mod error;
mod inspect;
mod integer;
mod label_name;
mod label_selector;
mod list;
mod organization;
mod package;
mod parameters;
pub mod request;
mod root;
mod space;
mod times;

pub use error::error;
pub use list::{Listed, Show, Shown, array, include, list};
pub use root::{API_VERSION, info, root, v3};

use crate::caller::AccessRules;

/// Auditors of the whole foundation read everything, and space supporters read their spaces.
pub const RULES: AccessRules = AccessRules {
    global_readers: &[
        "cloud_controller.admin_read_only",
        "cloud_controller.global_auditor",
    ],
    space_roles: &[
        "space_developer",
        "space_manager",
        "space_auditor",
        "space_supporter",
    ],
    suspended_is_missing: false,
};
