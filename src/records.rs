//! Records: one file per table. A record declares the columns of its table once. The SQL of select, insert and update,
//! the positions in it, and the comparison with a stored row follow from that declaration.
//!
//! A table that clients can list is also a [`Resource`]: it declares its filters, its orders and who sees its rows.

pub mod app;
mod blob;
pub mod build;
mod columns;
mod droplet;
pub mod job;
pub mod json_values;
mod label_index;
mod metadata;
mod organization;
mod outcome;
pub mod package;
pub mod process;
pub mod quota;
pub mod role;
pub mod rules;
mod space;
pub mod user;

pub use app::{App, AppRecord};
pub use blob::{Blob, BlobRecord};
pub use build::{Build, BuildRecord};
pub use columns::{
    ColumnRole, ColumnValue, ColumnVisitor, Join, Record, Statements, Table, Valid, read_guid,
};
pub use droplet::{Droplet, DropletRecord};
pub use job::{Job, JobRecord};
pub use label_index::LabelIndex;
pub use metadata::Metadata;
pub use organization::{Organization, OrganizationRecord};
pub use outcome::PackageOutcome;
pub use package::{Content, DockerCredentials, DockerPassword, Package, PackageRecord};
pub use process::Process;
pub use space::{Space, SpaceRecord};
pub use user::{User, UserRecord};

use crate::store::{Snapshot, StoreError};

/// The stack of every app with the lifecycle `buildpack`. Apps have no column for it. See
/// `docs/reference/organizations-spaces-apps.md#constants`.
pub const STACK: &str = "cflinuxfs4";

/// Adds what is wrong with the stored values of all tables to `faults`, one clause each, which follows the path of the
/// file.
///
/// # Errors
///
/// Fails if a table cannot be read.
pub fn find_faults(snapshot: &Snapshot<'_>, faults: &mut Vec<String>) -> Result<(), StoreError> {
    Organization::find_faults(snapshot, faults)?;
    Space::find_faults(snapshot, faults)?;
    App::find_faults(snapshot, faults)?;
    Package::find_faults(snapshot, faults)?;
    PackageOutcome::find_faults(snapshot, faults)?;
    User::find_faults(snapshot, faults)?;
    Blob::find_faults(snapshot, faults)?;
    Build::find_faults(snapshot, faults)?;
    Droplet::find_faults(snapshot, faults)?;
    Job::find_faults(snapshot, faults)?;
    user::find_role_faults(snapshot, faults)
}

/// A table that clients can list and whose records they can get by guid.
pub trait Resource: Table {
    /// The filters that an edition can offer, by the name of the parameter.
    const FILTERS: &'static [Filter];
    /// The orders that an edition can offer, by the name in `order_by`.
    const SORT_COLUMNS: &'static [SortColumn];
    /// Which rows a user's roles make visible.
    const SCOPE: Scope;
    /// Whether the database records which rows changed (`package_changes`), so that a list cache can be repaired.
    const TRACKED: bool;
    /// The text of the 404 for a record that does not exist or is not visible to the caller.
    const NOT_FOUND: &'static str;

    /// Returns the parent of a record, for `include`.
    fn parent(record: &Self::Record<'_>) -> Parent;

    /// Returns the filter with that name.
    fn filter(name: &str) -> Option<&'static Filter> {
        Self::FILTERS.iter().find(|filter| filter.name == name)
    }

    /// Returns the order with that name.
    fn order(name: &str) -> Option<&'static SortColumn> {
        Self::SORT_COLUMNS.iter().find(|order| order.name == name)
    }
}

/// The parent of a record that `include` can add to a response, by the id of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// No parent can be included.
    None,
    /// A space.
    Space(i64),
    /// An organization.
    Organization(i64),
}

/// A list filter. It selects the rows whose `column` has one of the values of a parameter.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The name of the parameter.
    pub name: &'static str,
    /// The column of `r`, or an expression over its columns.
    pub column: &'static str,
    /// How the parameter's values are compared with the column.
    pub by: By,
    /// Whether a value selects so few rows that its index is always faster than a scan.
    pub selective: bool,
}

/// How the values of a filter are compared with its column.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The column holds the value itself.
    Value,
    /// The column holds the value in lower case.
    FoldedValue,
    /// The column holds the one id that this query returns for a value. The condition on the values is appended to it.
    Id(&'static str),
    /// The column holds the value somewhere in it. Upper and lower case of ASCII letters are the same.
    Part,
    /// The column holds one of the ids that this query returns for a value. The condition on the values is appended to
    /// it.
    Ids(&'static str),
}

/// A column to order by. Rows with equal values are ordered by guid, in the same direction.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SortColumn {
    /// The name in `order_by`.
    pub name: &'static str,
    /// A column of `r`, or an expression over its columns, that is never null.
    pub column: &'static str,
}

/// Which rows a user's roles make visible.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The rows whose column is the id of a space that the user may read.
    Spaces(&'static str),
    /// The rows whose column is the id of an organization in which the user has a role.
    Organizations(&'static str),
}

const fn filter(name: &'static str, column: &'static str, by: By) -> Filter {
    Filter {
        name,
        column,
        by,
        selective: false,
    }
}

const fn selective(name: &'static str, column: &'static str, by: By) -> Filter {
    Filter {
        name,
        column,
        by,
        selective: true,
    }
}

/// The filter by app of a table with the column `app_id`.
const APP_GUIDS: Filter = selective(
    "app_guids",
    "r.app_id",
    By::Id("select id from apps where guid"),
);
/// The filter by space of a table with the column `space_id`.
const SPACE_GUIDS: Filter = filter(
    "space_guids",
    "r.space_id",
    By::Id("select id from spaces where guid"),
);
/// The filter by organization of a table with the column `space_id`.
const ORGANIZATION_GUIDS: Filter = filter(
    "organization_guids",
    "r.space_id",
    By::Ids(
        "select s.id from organizations o join spaces s on s.organization_id = o.id where o.guid",
    ),
);

const fn order(name: &'static str, column: &'static str) -> SortColumn {
    SortColumn { name, column }
}

#[cfg(test)]
mod tests;
