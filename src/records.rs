//! What there is to list. Each resource is a table: its columns, its row, its filters, and who may see it.
//!
//! SQL here speaks of the resource's own table as `r`. Rows are borrowed from SQLite until the next is stepped.

mod app;
mod organization;
mod package;
mod space;

pub use app::{App, AppRecord};
pub use organization::{Organization, OrganizationRecord};
pub use package::{Content, DockerCredentials, Package, PackageRecord};
pub use space::{Space, SpaceRecord};

use crate::store::{Row, StoreError};

/// The stack of every buildpack app: none is stored, any constant serves (neighbours.md §3.3).
pub const STACK: &str = "cflinuxfs4";

/// What can be listed and asked for by guid.
pub trait Resource: Send + Sync + 'static {
    /// One row, borrowed.
    type Record<'r>;

    /// The table, `r` in all SQL.
    const TABLE: &'static str;
    /// The columns that `row` reads, in its order.
    const COLUMNS: &'static str;
    /// The tables beside `r` that `COLUMNS` names.
    const JOINS: &'static str;
    /// The filters that an edition may accept, by the parameter's name.
    const FILTERS: &'static [Filter];
    /// The orders that an edition may accept, by the name in `order_by`.
    const SORT_COLUMNS: &'static [SortColumn];
    /// Which rows the roles of a user show.
    const SCOPE: Scope;
    /// Whether rows have labels, which `package_labels` holds by the row's id.
    const LABELLED: bool;
    /// Whether the store tells which rows changed (`package_changes`), so that what is known of a list can be mended.
    const TRACKED: bool;
    /// The refusal for a row that is not there or not to be seen.
    const NOT_FOUND: &'static str;

    /// Reads the record from a row of `COLUMNS`.
    ///
    /// # Errors
    ///
    /// Fails if a column holds a value of another type.
    fn read<'r>(row: &Row<'r>) -> Result<Self::Record<'r>, StoreError>;

    /// Returns the parent of a record, for `include`.
    fn parent(record: &Self::Record<'_>) -> Parent;

    /// The filter of that name.
    fn filter(name: &str) -> Option<&'static Filter> {
        Self::FILTERS.iter().find(|filter| filter.name == name)
    }

    /// The order of that name.
    fn order(name: &str) -> Option<&'static SortColumn> {
        Self::SORT_COLUMNS.iter().find(|order| order.name == name)
    }
}

/// The parent of a record, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// It has none that can be included.
    None,
    /// A space.
    Space(i64),
    /// An organization.
    Organization(i64),
}

/// A list filter: rows whose `column` is one of the values given.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The parameter that gives the values.
    pub name: &'static str,
    /// The column of `r`, or an expression over its columns.
    pub column: &'static str,
    /// How the values given select values of the column.
    pub by: By,
    /// A value selects few rows: its index beats any scan.
    pub selective: bool,
}

/// How the values of a filter select rows.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The column holds the value itself.
    Value,
    /// The column holds the value in lower case.
    FoldedValue,
    /// The column holds the one id that this query gives for each value; the values are put after it.
    Id(&'static str),
    /// The column holds any of the ids that this query gives for a value; the values are put after it.
    Ids(&'static str),
}

/// Something to order by, ascending; `guid` breaks ties in the same direction.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SortColumn {
    /// The name in `order_by`.
    pub name: &'static str,
    /// A column or expression that is never null.
    pub column: &'static str,
}

/// Which rows the roles of a user show.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those whose column is the id of a space in which the user reads.
    Spaces(&'static str),
    /// Those whose column is the id of an organization to which the user belongs.
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

const fn order(name: &'static str, column: &'static str) -> SortColumn {
    SortColumn { name, column }
}
