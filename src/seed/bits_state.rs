//! The state of a package's bits, where it is taken from the database instead of from an entry or from the package.

use crate::records::package::{COPYING, PROCESSING_UPLOAD};
use crate::records::{PackageOutcome, PackageRecord, Table};
use crate::store::{Row, Snapshot, StoreError};

/// State, error and checksums of a package that consists of bits.
#[derive(Debug)]
pub(super) struct BitsState {
    state: String,
    pub(super) error: Option<String>,
    sha1: Option<String>,
    sha256: Option<String>,
}

impl BitsState {
    /// Returns that of the stored package with this guid, or `None` if there is none that consists of bits.
    pub(super) fn stored(snapshot: &Snapshot<'_>, guid: &str) -> Result<Option<Self>, StoreError> {
        let sql =
            "select state, error, sha1, sha256 from packages where guid = $1 and type = 'bits'";
        let mut found = None;
        snapshot.rows(sql, &[guid.into()], |row| {
            found = Some(Self::read(row)?);
            Ok::<_, StoreError>(())
        })?;
        Ok(found)
    }

    /// Returns what a package that is being processed becomes, or `None` if nothing will.
    pub(super) fn outcome(
        snapshot: &Snapshot<'_>,
        package: &PackageRecord<'_>,
    ) -> Result<Option<Self>, StoreError> {
        if ![PROCESSING_UPLOAD, COPYING].contains(&package.state) {
            return Ok(None);
        }
        let mut found = None;
        PackageOutcome::with_own_columns(snapshot, package.id, |outcome| {
            found = Some(Self {
                state: outcome.state.to_owned(),
                error: outcome.error.map(str::to_owned),
                sha1: outcome.sha1.map(str::to_owned),
                sha256: outcome.sha256.map(str::to_owned),
            });
            Ok::<_, StoreError>(())
        })?;
        Ok(found)
    }

    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let text = |index| Ok::<_, StoreError>(row.optional_text(index)?.map(str::to_owned));
        Ok(Self {
            state: row.text(0)?.to_owned(),
            error: text(1)?,
            sha1: text(2)?,
            sha256: text(3)?,
        })
    }

    /// Returns the record with this state.
    pub(super) fn of<'r>(&'r self, record: PackageRecord<'r>) -> PackageRecord<'r> {
        PackageRecord {
            state: &self.state,
            error: self.error.as_deref(),
            sha1: self.sha1.as_deref(),
            sha256: self.sha256.as_deref(),
            ..record
        }
    }
}
