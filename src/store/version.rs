//! The data version: counters by which caches find out whether the data changed.

use std::cell::Cell;
use std::sync::Arc;

use rusqlite::Connection;

use super::StoreError;
use super::sqlite::latest_version::{Head, LatestVersion};

/// The state of the data. Two snapshots with equal versions show equal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// The number of updates and deletions of packages.
    pub packages: i64,
    /// The highest id of a package, or 0. It grows with each package that is inserted.
    pub last_package: i64,
    /// The number of changes to what callers may see other than to packages: roles, apps, spaces, organizations.
    pub access: i64,
    /// The number of changes to apps, spaces and organizations.
    pub parents: i64,
}

impl Version {
    /// Returns whether this is the version of a later snapshot than `other`.
    ///
    /// Each counter only grows, except the highest id, which falls when the last package is deleted.
    pub fn is_after(&self, other: &Self) -> bool {
        self.packages > other.packages
            || self.access > other.access
            || self.parents > other.parents
            || (self.packages == other.packages && self.last_package > other.last_package)
    }

    /// Returns this version as one of the history with that number, such as that of one file. Versions of different
    /// histories are never equal, and those of a later one are later.
    pub(super) fn of_history(self, number: u32) -> Self {
        let offset = i64::from(number) << 40;
        Self {
            access: self.access.wrapping_add(offset),
            parents: self.parents.wrapping_add(offset),
            ..self
        }
    }

    /// Selects the version: one row of four numbers, in the order of [`Version::from_numbers`].
    pub(super) const SQL: &str = "select packages, access, parents, (select coalesce(max(id), 0) from packages) from versions";

    /// Reads the version that `connection` sees.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare_cached(Self::SQL)?;
        let numbers = statement.query_row([], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })?;
        Ok(Self::from_numbers(numbers))
    }

    /// Returns the version of the numbers that [`Version::SQL`] selects.
    pub(super) fn from_numbers([packages, access, parents, last_package]: [i64; 4]) -> Self {
        Self {
            packages,
            last_package,
            access,
            parents,
        }
    }
}

/// The version that one reader connection read last.
#[derive(Debug)]
pub(super) struct VersionCache {
    /// The version, and the value of `PRAGMA data_version` for which it holds.
    seen: Cell<Option<(i64, Version)>>,
    latest: Arc<LatestVersion>,
    /// The state of the WAL-index just before the current snapshot began.
    head: Cell<Option<Head>>,
    /// The version of the current snapshot, if it was found out when it began.
    found: Cell<Option<Version>>,
}

impl VersionCache {
    pub(super) fn new(latest: Arc<LatestVersion>) -> Self {
        Self {
            seen: Cell::default(),
            latest,
            head: Cell::default(),
            found: Cell::default(),
        }
    }

    /// Must be called before each snapshot begins.
    pub(super) fn snapshot_begins(&self) {
        self.head.set(self.latest.head());
    }

    /// Sets the version of the current snapshot, for a file whose `data_version` does not tell.
    pub(super) fn set_found(&self, version: Option<Version>) {
        self.found.set(version);
    }

    /// Returns the version of the current snapshot of `connection`.
    ///
    /// `PRAGMA data_version` changes when another connection commits
    /// (<https://sqlite.org/pragma.html#pragma_data_version>). It takes 2 µs, less than the query.
    pub(super) fn version(&self, connection: &Connection) -> Result<Version, StoreError> {
        if let Some(version) = self.found.get() {
            if let Some(head) = self.head.get() {
                self.latest.record(head, version);
            }
            return Ok(version);
        }
        let data_version: i64 = connection
            .prepare_cached("pragma data_version")?
            .query_row([], |row| row.get(0))?;
        let version = match self.seen.get() {
            Some((seen, version)) if seen == data_version => version,
            _ => Version::read(connection)?.of_history(self.latest.file_number()),
        };
        self.seen.set(Some((data_version, version)));
        if let Some(head) = self.head.get() {
            self.latest.record(head, version);
        }
        Ok(version)
    }
}
