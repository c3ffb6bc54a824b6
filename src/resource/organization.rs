//! Organizations: what spaces belong to.

use super::{By, Filter, Order, Resource, Scope, filter, order, selective};
use crate::store::{Columns, StoreError};

/// The organizations.
#[derive(Debug)]
pub struct Organization;

/// One organization, as it is stored.
#[derive(Debug)]
pub struct OrganizationRow<'r> {
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
    type Row<'r> = OrganizationRow<'r>;

    const TABLE: &'static str = "organizations";
    const COLUMNS: &'static str = "r.guid, r.name, r.suspended, r.created_at";
    const JOINS: &'static str = "";
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("names", "r.folded_name", By::FoldedValue),
    ];
    const ORDERS: &'static [Order] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
        order("name", "r.folded_name"),
    ];
    const SCOPE: Scope = Scope::Organizations("r.id");
    const LABELLED: bool = false;
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "Organization not found";

    fn row<'r>(columns: &Columns<'r>) -> Result<OrganizationRow<'r>, StoreError> {
        Ok(OrganizationRow {
            guid: columns.text(0)?,
            name: columns.text(1)?,
            suspended: columns.int(2)? != 0,
            created_at: columns.int(3)?,
        })
    }
}
