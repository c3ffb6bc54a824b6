//! What a snapshot is of, in four numbers: whatever remembers something compares these, never a file's time.

use std::cell::Cell;

use rusqlite::Connection;

use super::StoreError;

/// The state of the data. Two snapshots with equal versions show equal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Rises with every package that is updated or deleted.
    pub packages: i64,
    /// The highest package id: rises with every package that is stored.
    pub last_package: i64,
    /// Rises when what a caller may see can change otherwise: roles, apps, spaces, organizations.
    pub access: i64,
    /// Rises with every change of apps, spaces or organizations.
    pub neighbours: i64,
}

impl Version {
    /// Whether this is of a later snapshot than `other`: every counter only grows, but for the highest id, which falls
    /// when the last package is deleted.
    pub fn is_after(&self, other: &Self) -> bool {
        self.packages > other.packages
            || self.access > other.access
            || self.neighbours > other.neighbours
            || (self.packages == other.packages && self.last_package > other.last_package)
    }
}

/// The version that one connection saw last. `PRAGMA data_version` (2 µs) tells whether anybody else wrote since.
#[derive(Debug, Default)]
pub(super) struct VersionCache(Cell<Option<(i64, Version)>>);

impl VersionCache {
    pub(super) fn version(&self, connection: &Connection) -> Result<Version, StoreError> {
        let data_version: i64 = connection
            .prepare_cached("pragma data_version")?
            .query_row([], |row| row.get(0))?;
        if let Some((seen, version)) = self.0.get()
            && seen == data_version
        {
            return Ok(version);
        }
        let version = connection
            .prepare_cached(
                "select packages, access, neighbours, (select coalesce(max(id), 0) from packages)
                 from versions",
            )?
            .query_row([], |row| {
                Ok(Version {
                    packages: row.get(0)?,
                    access: row.get(1)?,
                    neighbours: row.get(2)?,
                    last_package: row.get(3)?,
                })
            })?;
        self.0.set(Some((data_version, version)));
        Ok(version)
    }
}
