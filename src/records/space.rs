//! Spaces: where apps live, and where roles are held.

use super::{By, Filter, Parent, Resource, Scope, SortColumn, filter, order, selective};
use crate::store::{Row, StoreError};

/// The spaces.
#[derive(Debug)]
pub struct Space;

/// One space, as it is stored.
#[derive(Debug)]
pub struct SpaceRecord<'r> {
    /// The guid.
    pub guid: &'r str,
    /// The name, as it is shown.
    pub name: &'r str,
    /// The organization's guid.
    pub organization_guid: &'r str,
    /// The organization's row, for `include`.
    pub organization_id: i64,
    /// Seconds since 1970.
    pub created_at: i64,
}

impl Resource for Space {
    type Record<'r> = SpaceRecord<'r>;

    const TABLE: &'static str = "spaces";
    const COLUMNS: &'static str = "r.guid, r.name, o.guid, r.organization_id, r.created_at";
    const JOINS: &'static str = "cross join organizations o on o.id = r.organization_id";
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("names", "r.folded_name", By::FoldedValue),
        filter(
            "organization_guids",
            "r.organization_id",
            By::Id("select id from organizations where guid"),
        ),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
        order("name", "r.folded_name"),
    ];
    const SCOPE: Scope = Scope::Spaces("r.id");
    const LABELLED: bool = false;
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "Space not found";

    fn parent(record: &SpaceRecord<'_>) -> Parent {
        Parent::Organization(record.organization_id)
    }

    fn read<'r>(row: &Row<'r>) -> Result<SpaceRecord<'r>, StoreError> {
        Ok(SpaceRecord {
            guid: row.text(0)?,
            name: row.text(1)?,
            organization_guid: row.text(2)?,
            organization_id: row.int(3)?,
            created_at: row.int(4)?,
        })
    }
}
