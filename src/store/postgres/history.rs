//! Which versions of the data can be compared.
//!
//! The counters of a version go back when a server takes over that lacks the last commits, and when tables are restored from
//! a dump. Then they may reach values again that they had with other data. So a version also tells the history that it is
//! of: that of a server since its start, and of the files of the tables.

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

/// A history in which equal counters mean equal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct History {
    /// When the server was started, in microseconds since 1970. No other server has the same.
    started_at: i64,
    files: TableFiles,
}

/// A version as a server holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct StoredVersion {
    counters: Version,
    history: History,
}

impl StoredVersion {
    /// Selects the version as [`Version::SQL`] does, the number of the schema, and the history.
    pub(super) const SQL: &str = "select packages, access, parents,
        (select coalesce(max(id), 0) from packages),
        (select number from cf_packages_schema),
        pg_relation_filenode(versions.tableoid)::bigint,
        pg_relation_filenode('packages'::regclass)::bigint,
        (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint
        from versions";
    /// How many columns `SQL` selects.
    pub(super) const COLUMNS: usize = 8;

    /// Reads a row of `SQL`.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Lost`] if a program of another release migrated the database.
    pub(super) fn of_row(row: &SqlRow) -> Result<Self, StoreError> {
        require_schema(int(row, 4)?)?;
        Ok(Self {
            counters: values::version(row)?,
            history: History {
                files: TableFiles {
                    versions: int(row, 5)?,
                    packages: int(row, 6)?,
                },
                started_at: int(row, 7)?,
            },
        })
    }

    /// Returns the files of the tables.
    pub(super) fn files(&self) -> TableFiles {
        self.history.files
    }

    /// Whether a standby with this version shows the same data as its primary with `other`.
    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        self.counters == other.counters && self.files() == other.files()
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

/// The histories that this process saw of a database.
#[derive(Debug, Default)]
pub(super) struct Histories(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// How many histories were numbered.
    count: u32,
    numbers: Vec<(History, u32)>,
}

impl Histories {
    /// Returns the version, which differs from all those of other histories.
    pub(super) fn version(&self, stored: StoredVersion) -> Version {
        stored.counters.of_history(self.number(stored.history))
    }

    fn number(&self, history: History) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    fn stored(started_at: i64, versions: i64) -> StoredVersion {
        StoredVersion {
            counters: Version::from_numbers([1, 2, 3, 4]),
            history: History {
                started_at,
                files: TableFiles {
                    versions,
                    packages: 7,
                },
            },
        }
    }

    #[test]
    fn versions_are_equal_in_one_history_only() {
        let histories = Histories::default();
        let first = histories.version(stored(1, 1));
        assert_eq!(histories.version(stored(1, 1)), first);
        let restored = histories.version(stored(1, 2));
        assert!(restored.is_after(&first));
        let taken_over = histories.version(stored(2, 2));
        assert!(taken_over.is_after(&restored));
        assert_eq!(histories.version(stored(1, 2)), restored);
    }

    #[test]
    fn few_histories_are_remembered() {
        let histories = Histories::default();
        let first = histories.version(stored(1, 0));
        for files in 1..200 {
            histories.version(stored(1, files));
        }
        assert_eq!(histories.0.lock().unwrap().numbers.len(), MOST);
        assert_ne!(histories.version(stored(1, 0)), first);
    }
}
