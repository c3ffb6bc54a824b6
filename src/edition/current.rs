//! The API that Cloud Controllers answer today: absolute hrefs, compact JSON, filters, ordering and label selectors,
//! and the organizations, spaces, apps and root documents that clients need beside packages.

pub(super) mod body;
pub mod empty;
pub(super) mod error;
pub(super) mod openapi;
pub(super) mod present;
pub mod request;
pub(super) mod upload;

mod json;

use crate::caller::{AccessRules, DownloadRule};
use crate::edition::BaseUrl;
use crate::records::{Resource, Table};
use crate::store::StoreError;
use request::SingleQuery;
use request::parameters::ListParameters;

/// Who may read: global auditors read everything, and space supporters read their spaces.
pub const ACCESS_RULES: AccessRules = AccessRules {
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
    staging_roles: &["space_developer", "space_supporter"],
    downloads: DownloadRule::WritingRoleOr(&["cloud_controller.admin_read_only"]),
};

/// How a resource is requested and presented.
#[derive(Debug)]
pub struct Presentation<R: Resource> {
    /// The path of the resource's list, without scheme and host.
    pub path: &'static str,
    /// The parameters of the list.
    pub parameters: &'static ListParameters,
    /// How the query of `GET` by guid is treated.
    pub single_query: SingleQuery,
    /// Appends the document of one record.
    pub write: WriteRecord<R>,
}

/// Appends the document of one record. Fails if a stored value is damaged.
pub type WriteRecord<R> =
    for<'r> fn(&<R as Table>::Record<'r>, &BaseUrl, &mut Vec<u8>) -> Result<(), StoreError>;
