//! Which documents could not be read, by a fault of the database: `/healthz` reports them.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::Version;

/// The most failed documents that are remembered.
const MOST: usize = 1_024;

/// The documents that failed since the data changed last, by the hash of their path and query.
#[derive(Debug, Default)]
pub struct Failures {
    /// Whether `failed` holds anything. Spares each request that succeeds the lock.
    any: AtomicBool,
    failed: Mutex<Failed>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Failed {
    /// The version of the data in which they failed, or, if that is unknown, the first one that was read after.
    version: Option<Version>,
    documents: HashSet<u64>,
}

impl Failures {
    /// Remembers that a document failed while the data had `version`. `None`: that is unknown.
    pub fn add(&self, path: &str, query: &str, version: Option<Version>) {
        let document = self.hasher.hash_one((path, query));
        let mut failed = self.failed();
        if failed.version != version {
            failed.documents.clear();
            failed.version = version;
        }
        if failed.documents.len() < MOST {
            failed.documents.insert(document);
        }
        self.any.store(true, Ordering::Relaxed);
    }

    /// Forgets the failure of a document, which was read now or no longer exists.
    pub fn remove(&self, path: &str, query: &str) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let mut failed = self.failed();
        failed
            .documents
            .remove(&self.hasher.hash_one((path, query)));
        self.any
            .store(!failed.documents.is_empty(), Ordering::Relaxed);
    }

    /// Returns whether a document failed and did not succeed since, in the data of this version. A change of the data may
    /// have mended what failed before.
    pub fn exist(&self, version: Version) -> bool {
        self.any.load(Ordering::Relaxed) && *self.failed().version.get_or_insert(version) == version
    }

    fn failed(&self) -> MutexGuard<'_, Failed> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(packages: i64) -> Version {
        Version {
            packages,
            last_package: 1,
            access: 1,
            parents: 1,
        }
    }

    #[test]
    fn failures_last_until_the_document_is_read_or_the_data_changes() {
        for known in [Some(version(1)), None] {
            let failures = Failures::default();
            failures.add("/v3/packages", "page=2", known);
            assert!(failures.exist(version(1)));
            failures.remove("/v3/packages", "page=1");
            assert!(failures.exist(version(1)));
            assert!(!failures.exist(version(2)));
            failures.remove("/v3/packages", "page=2");
            assert!(!failures.exist(version(1)));
        }
    }
}
