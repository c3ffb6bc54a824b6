//! Where data comes from, so that the versions of two servers can be compared.
//!
//! Equal versions mean equal data only in one history. A standby has the history of its primary. After a failover that lost
//! commits, a server that has them still may count as far as the new primary: it is on another timeline
//! (<https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES>).

use super::history::StoredVersion;
use super::values::int;
use crate::store::postgres::SqlRow;
use crate::store::{StoreError, Version};

/// The tables of a server and their history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Origin {
    /// What a cluster and its standbys have in common.
    system: i64,
    /// The database in the cluster.
    database: i64,
    /// The table `versions` in the database, or 0 if there is none.
    table: i64,
    /// The timeline. A standby knows a new one after its next restart point.
    timeline: i64,
}

impl Origin {
    /// Selects an origin.
    pub(super) const COLUMNS: &str = "(select system_identifier from pg_control_system()),
        (select oid::bigint from pg_database where datname = current_database()),
        coalesce(to_regclass('versions')::oid::bigint, 0),
        case when pg_is_in_recovery()
            then (select greatest(c.timeline_id, r.min_recovery_end_timeline)::bigint
                  from pg_control_checkpoint() c, pg_control_recovery() r)
            else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint
        end";

    /// Returns the origin in the columns of a row from `first` on.
    pub(super) fn of_row(row: &SqlRow, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            system: int(row, first)?,
            database: int(row, first + 1)?,
            table: int(row, first + 2)?,
            timeline: int(row, first + 3)?,
        })
    }

    /// Whether the tables are those of `other`, perhaps with another history.
    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        self.is_of_database(other) && self.table == other.table
    }

    /// Whether the server has no tables of this program yet, and may get those of `other`.
    pub(super) fn may_become_copy_of(&self, other: &Self) -> bool {
        self.is_of_database(other) && self.table == 0
    }

    /// Whether the database is that of `other`, perhaps with other tables.
    pub(super) fn is_of_database(&self, other: &Self) -> bool {
        (self.system, self.database) == (other.system, other.database)
    }
}

/// The version of a state, and where that state is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Position {
    pub version: Version,
    /// The version as the server holds it. Its standbys hold the same.
    pub(super) stored: StoredVersion,
    /// `None`: it was not asked for.
    pub origin: Option<Origin>,
}
