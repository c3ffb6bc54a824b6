//! Roles, as clients list them. Seeds hold the roles of each user with the user (`user.rs`).

use super::{By, Filter, SortColumn, filter, order, selective};

/// What separates the three parts of a role's guid, which is not stored: the guid of the user, the role, and the guid of the
/// organization or space. No guid holds it.
pub const SEPARATOR: char = '~';

/// One role of a user in an organization or a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRole {
    /// The guid.
    pub guid: String,
    /// The name of the role.
    pub role: String,
    /// The id of the user.
    pub user_id: i64,
    /// The guid of the user.
    pub user_guid: String,
    /// The id of the organization or space.
    pub parent_id: i64,
    /// The guid of the organization, if it is a role in one.
    pub organization_guid: Option<String>,
    /// The guid of the space, if it is a role in one.
    pub space_guid: Option<String>,
}

/// The filters of the list.
pub const FILTERS: &[Filter] = &[
    selective("guids", "r.guid", By::Value),
    filter("types", "r.role", By::Value),
    filter("user_guids", "r.user_guid", By::Value),
    filter("organization_guids", "r.organization_guid", By::Value),
    filter("space_guids", "r.space_guid", By::Value),
];
/// The orders of the list.
pub const SORT_COLUMNS: &[SortColumn] = &[
    order("created_at", "r.created_at"),
    order("updated_at", "r.created_at"),
];
