//! Which versions of the data can be compared.
//!
//! The counters of a version go back when a server takes over that lacks the last commits, and when tables are restored from
//! a dump. Then they may reach values again that they had with other data. So a version also tells the history that it is
//! of. Another history begins with each connection that the version is asked on, since a server ends its connections before
//! another one takes over, and with other files of the tables.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::SqlRow;
use super::values::{self, int};
use crate::store::migrate::SCHEMA_VERSION;
use crate::store::{StoreError, Version};

/// The number of histories that are remembered. One that was forgotten gets another number, and costs its caches.
const MOST: usize = 64;

/// The files that hold the tables at the server. They change when a table is made again or emptied by `truncate`
/// (<https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-DBLOCATION>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableFiles {
    versions: i64,
    packages: i64,
}

/// A version as the database holds it, which says nothing of other histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct StoredVersion {
    pub(super) counters: Version,
    pub(super) files: TableFiles,
}

impl StoredVersion {
    /// Selects the version as [`Version::SQL`] does, the number of the schema, and the files.
    pub(super) const SQL: &str = "select packages, access, parents,
        (select coalesce(max(id), 0) from packages),
        (select number from cf_packages_schema),
        pg_relation_filenode(versions.tableoid)::bigint,
        pg_relation_filenode('packages'::regclass)::bigint
        from versions";
    /// How many columns `SQL` selects.
    pub(super) const COLUMNS: usize = 7;

    /// Reads a row of `SQL`.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Lost`] if a program of another release migrated the database.
    pub(super) fn of_row(row: &SqlRow) -> Result<Self, StoreError> {
        require_schema(int(row, 4)?)?;
        Ok(Self {
            counters: values::version(row)?,
            files: TableFiles {
                versions: int(row, 5)?,
                packages: int(row, 6)?,
            },
        })
    }
}

/// Fails unless the schema of the database is still that of this release.
pub(super) fn require_schema(number: i64) -> Result<(), StoreError> {
    if number == i64::from(SCHEMA_VERSION) {
        return Ok(());
    }
    Err(StoreError::Lost(format!(
        "the database was migrated to schema {number} by another release of cf-packages, and this one needs schema {SCHEMA_VERSION}; start that release instead"
    )))
}

/// A number for the connection that the version is asked on. It grows with each new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Connected(u32);

/// The histories that this process saw of a database.
#[derive(Debug, Default)]
pub(super) struct Histories {
    /// How often the version was asked on a new connection.
    connections: AtomicU32,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// How many histories were numbered.
    count: u32,
    numbers: Vec<((Connected, TableFiles), u32)>,
}

impl Histories {
    /// Returns the connection that the version is asked on at this moment.
    pub(super) fn connected(&self) -> Connected {
        // The first connection has the number 1. What is read before it is of the same history.
        Connected(self.connections.load(Ordering::SeqCst).max(1))
    }

    /// Notes that the version will be asked on a new connection, which is open.
    pub(super) fn connect(&self) -> Connected {
        Connected(self.connections.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Returns a version that differs from all those of other histories. `connected` is what [`connected`](Self::connected)
    /// returned before the connection was made on which the version was read.
    pub(super) fn version(&self, connected: Connected, stored: StoredVersion) -> Version {
        stored
            .counters
            .of_history(self.number((connected, stored.files)))
    }

    fn number(&self, history: (Connected, TableFiles)) -> u32 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers = known.numbers.iter().rev();
        if let Some((_, number)) = numbers.find(|(one, _)| *one == history) {
            return *number;
        }
        let number = known.count;
        known.count += 1;
        if known.numbers.len() == MOST {
            known.numbers.remove(0);
        }
        known.numbers.push((history, number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(versions: i64) -> StoredVersion {
        StoredVersion {
            counters: Version::from_numbers([1, 2, 3, 4]),
            files: TableFiles {
                versions,
                packages: 7,
            },
        }
    }

    #[test]
    fn versions_are_equal_in_one_history_only() {
        let histories = Histories::default();
        let before = histories.connected();
        let first = histories.version(before, stored(1));
        assert_eq!(histories.connect(), before);
        assert_eq!(histories.version(histories.connected(), stored(1)), first);

        let restored = histories.version(before, stored(2));
        assert!(restored.is_after(&first));
        let after = histories.connect();
        assert_eq!(histories.connected(), after);
        let taken_over = histories.version(after, stored(2));
        assert!(taken_over.is_after(&restored));
        assert_eq!(histories.version(before, stored(2)), restored);
    }

    #[test]
    fn few_histories_are_remembered() {
        let histories = Histories::default();
        let connected = histories.connect();
        let first = histories.version(connected, stored(0));
        for files in 1..200 {
            histories.version(connected, stored(files));
        }
        assert_eq!(histories.known.lock().unwrap().numbers.len(), MOST);
        assert_ne!(histories.version(connected, stored(0)), first);
    }
}
