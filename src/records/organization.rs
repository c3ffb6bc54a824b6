//! Organizations: what spaces belong to.

use super::{By, Filter, Parent, Resource, Scope, SortColumn, filter, order, selective};
use crate::store::{Row, StoreError};

/// The organizations.
#[derive(Debug)]
pub struct Organization;

/// One organization, as it is stored.
#[derive(Debug)]
pub struct OrganizationRecord<'r> {
    /// The guid.
    pub guid: &'r str,
    /// The name, as it is shown.
    pub name: &'r str,
    /// Whether it is suspended: shown, and nothing else in `current`.
    pub suspended: bool,
    /// Seconds since 1970.
    pub created_at: i64,
}

impl Resource for Organization {
    type Record<'r> = OrganizationRecord<'r>;

    const TABLE: &'static str = "organizations";
    const COLUMNS: &'static str = "r.guid, r.name, r.suspended, r.created_at";
    const JOINS: &'static str = "";
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("names", "r.folded_name", By::FoldedValue),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
        order("name", "r.folded_name"),
    ];
    const SCOPE: Scope = Scope::Organizations("r.id");
    const LABELLED: bool = false;
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "Organization not found";

    fn parent(_: &OrganizationRecord<'_>) -> Parent {
        Parent::None
    }

    fn read<'r>(row: &Row<'r>) -> Result<OrganizationRecord<'r>, StoreError> {
        Ok(OrganizationRecord {
            guid: row.text(0)?,
            name: row.text(1)?,
            suspended: row.int(2)? != 0,
            created_at: row.int(3)?,
        })
    }
}
