//! What Cloud Controllers answer today: absolute hrefs, compact JSON, filters, neighbours.

mod error;
pub mod present;
pub mod request;

pub use error::error;
pub use present::list::{array, include, list};
pub use present::root::{API_VERSION, info, root, v3};

use crate::caller::AccessRules;
use crate::edition::BaseUrl;
use crate::records::Resource;
use request::SingleQuery;
use request::parameters::ListParameters;

/// Auditors of the whole foundation read everything, and space supporters read their spaces.
pub const RULES: AccessRules = AccessRules {
    global_readers: &[
        "cloud_controller.admin_read_only",
        "cloud_controller.global_auditor",
    ],
    reading_roles: &[
        "space_developer",
        "space_manager",
        "space_auditor",
        "space_supporter",
    ],
    writing_role: "space_developer",
};

/// How this edition presents a resource.
#[derive(Debug)]
pub struct Presentation<R: Resource> {
    /// The path of the resource's list, without scheme and host.
    pub path: &'static str,
    /// The parameters of the list.
    pub parameters: &'static ListParameters,
    /// What the query of `GET` by guid may hold.
    pub single_query: SingleQuery,
    /// Appends the document of one record.
    pub write: for<'r> fn(&R::Record<'r>, &BaseUrl, &mut Vec<u8>),
}
