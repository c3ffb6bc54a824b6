//! Apps: what packages belong to. All of ours are stopped and have neither droplet nor labels.

use super::{By, Filter, Parent, Resource, Scope, SortColumn, filter, order, selective};
use crate::store::{Row, StoreError};

/// The apps.
#[derive(Debug)]
pub struct App;

/// One app, as it is stored.
#[derive(Debug)]
pub struct AppRecord<'r> {
    /// The guid.
    pub guid: &'r str,
    /// The name, as it is shown.
    pub name: &'r str,
    /// `buildpack`, `docker` or `cnb`.
    pub lifecycle: &'r str,
    /// The space's guid.
    pub space_guid: &'r str,
    /// The space's row, for `include`.
    pub space_id: i64,
    /// Seconds since 1970.
    pub created_at: i64,
}

impl Resource for App {
    type Record<'r> = AppRecord<'r>;

    const TABLE: &'static str = "apps";
    const COLUMNS: &'static str = "r.guid, r.name, r.lifecycle, s.guid, r.space_id, r.created_at";
    const JOINS: &'static str = "cross join spaces s on s.id = r.space_id";
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("names", "r.folded_name", By::FoldedValue),
        filter(
            "organization_guids",
            "r.space_id",
            By::Ids(
                "select s.id from organizations o join spaces s on s.organization_id = o.id where o.guid",
            ),
        ),
        filter(
            "space_guids",
            "r.space_id",
            By::Id("select id from spaces where guid"),
        ),
        filter(
            "stacks",
            "case when r.lifecycle = 'buildpack' then 'cflinuxfs4' end",
            By::Value,
        ),
        filter("lifecycle_type", "r.lifecycle", By::Value),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
        order("name", "r.folded_name"),
        order("state", "'STOPPED'"),
    ];
    const SCOPE: Scope = Scope::Spaces("r.space_id");
    const LABELLED: bool = false;
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "App not found";

    fn parent(record: &AppRecord<'_>) -> Parent {
        Parent::Space(record.space_id)
    }

    fn read<'r>(row: &Row<'r>) -> Result<AppRecord<'r>, StoreError> {
        Ok(AppRecord {
            guid: row.text(0)?,
            name: row.text(1)?,
            lifecycle: row.text(2)?,
            space_guid: row.text(3)?,
            space_id: row.int(4)?,
            created_at: row.int(5)?,
        })
    }
}
