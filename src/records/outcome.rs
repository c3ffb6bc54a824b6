//! Outcomes: what will become of packages that are being processed.

use std::sync::LazyLock;

use super::package::PROCESSED_STATES;
use super::{ColumnRole, ColumnVisitor, Join, Record, Statements, Table, Valid};

/// The outcomes. A row has the id of its package.
#[derive(Debug)]
pub struct PackageOutcome;

/// One outcome, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageOutcomeRecord<'r> {
    /// The id of the package.
    pub package_id: i64,
    /// When the package is finished, in milliseconds since 1970 by the system's clock.
    pub due: i64,
    /// One of [`PROCESSED_STATES`].
    pub state: &'r str,
    /// Why the package fails.
    pub error: Option<&'r str>,
    /// The SHA-1 of the bits, in lower-case hex.
    pub sha1: Option<&'r str>,
    /// The SHA-256 of the bits, in lower-case hex.
    pub sha256: Option<&'r str>,
}

impl<'r> Record<'r> for PackageOutcomeRecord<'r> {
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        let id = &mut self.package_id;
        visitor.visit(ColumnRole::Id, PackageOutcome::ID, Valid::All, id)?;
        visitor.fixed("due", &mut self.due)?;
        visitor.fixed_limited("state", Valid::OneOf(PROCESSED_STATES), &mut self.state)?;
        visitor.fixed("error", &mut self.error)?;
        visitor.fixed_limited("sha1", Valid::Hex(40), &mut self.sha1)?;
        visitor.fixed_limited("sha256", Valid::Hex(64), &mut self.sha256)
    }
}

impl Table for PackageOutcome {
    type Record<'r> = PackageOutcomeRecord<'r>;

    const TABLE: &'static str = "package_outcomes";
    const ID: &'static str = "package_id";
    const JOINS: &'static [Join] = &[];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<PackageOutcome>);
        &STATEMENTS
    }
}
