//! The quota of all organizations. It is not stored: it limits nothing, and exists because a controller shows one for each
//! organization.

use super::{By, Filter, SortColumn, filter, order};

/// The guid.
pub const GUID: &str = "a1f5c9b2-6d3e-4f70-8b14-2c9d7e605a38";
/// The name, in lower case.
pub const NAME: &str = "default";
/// Seconds since 1970, UTC: before everything that is stored.
pub const CREATED_AT: i64 = 0;

/// The filters of its list.
pub const FILTERS: &[Filter] = &[
    filter("guids", "guid", By::Value),
    filter("names", "name", By::FoldedValue),
    filter("organization_guids", "organization", By::Value),
];
/// The orders of its list.
pub const SORT_COLUMNS: &[SortColumn] = &[
    order("created_at", "created_at"),
    order("updated_at", "created_at"),
];
