//! Jobs: what the edition `current` does after it has answered. A job deletes a package.

use std::sync::LazyLock;

use super::{ColumnVisitor, Join, Record, Statements, Table, Valid};

/// The state of a job that has not ended.
pub const PROCESSING: &str = "PROCESSING";
/// The state of a job that has ended.
pub const COMPLETE: &str = "COMPLETE";
/// The states of a job.
pub const STATES: &[&str] = &[PROCESSING, COMPLETE];

/// The jobs.
#[derive(Debug)]
pub struct Job;

/// One job, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid.
    pub guid: &'r str,
    /// The guid of the package that the job deletes or has deleted.
    pub package_guid: &'r str,
    /// One of [`STATES`].
    pub state: &'r str,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// Seconds since 1970, UTC.
    pub updated_at: i64,
    /// When the job ends or has ended, in milliseconds since 1970 by the system's clock.
    pub due: i64,
}

impl<'r> Record<'r> for JobRecord<'r> {
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.guid("package_guid", &mut self.package_guid)?;
        visitor.limited("state", Valid::OneOf(STATES), &mut self.state)?;
        visitor.fixed_limited("created_at", Valid::Time, &mut self.created_at)?;
        visitor.limited("updated_at", Valid::Time, &mut self.updated_at)?;
        visitor.fixed("due", &mut self.due)
    }
}

impl Table for Job {
    type Record<'r> = JobRecord<'r>;

    const TABLE: &'static str = "jobs";
    const JOINS: &'static [Join] = &[];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Job>);
        &STATEMENTS
    }
}
