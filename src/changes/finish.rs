//! Finishes what earlier changes left to be processed, once it is due. `serve --processing` says how long that takes; by
//! default it is due at once, and is finished in the transaction of the change itself. What interrupted uploads left is
//! deleted once it is due.

use super::Change;
use super::stage::finish_builds;
use crate::blobs;
use crate::records::{PackageOutcome, Table};
use crate::store::{Snapshot, StoreError, Transaction, dialect};

/// How long a job is remembered after it was due, in milliseconds: a day.
const JOB_LIFETIME: i64 = 24 * 60 * 60 * 1000;

/// What will become of a package that is being processed.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// [`READY`](crate::records::package::READY) or [`FAILED`](crate::records::package::FAILED).
    pub state: &'static str,
    /// Why it failed.
    pub error: Option<&'a str>,
    /// The SHA-1 of the bits.
    pub sha1: Option<&'a str>,
    /// The SHA-256 of the bits.
    pub sha256: Option<&'a str>,
}

impl Change<'_, '_> {
    /// Stores what becomes of a package when the change is due.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be written.
    pub fn set_outcome(&self, package_id: i64, outcome: &Outcome<'_>) -> Result<(), StoreError> {
        let sql = "insert into package_outcomes (package_id, state, error, sha1, sha256, due)
                   values ($1, $2, $3, $4, $5, $6)";
        let values = [
            package_id.into(),
            outcome.state.into(),
            outcome.error.into(),
            outcome.sha1.into(),
            outcome.sha256.into(),
            self.due.into(),
        ];
        self.transaction.execute(sql, &values).map(drop)
    }
}

/// Finishes what is due at `at`, in milliseconds since 1970 by the system's clock. `now` is the server's time, in seconds
/// since 1970. Outcomes of packages that are damaged stay as they are. Returns what is wrong with them.
///
/// # Errors
///
/// Fails if the database cannot be written.
pub fn finish_due(
    transaction: &Transaction<'_>,
    at: i64,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    if next_due(transaction, i64::MIN)?.is_none_or(|due| due > at) {
        return Ok(Vec::new());
    }
    let faults = finish_packages(transaction, at, now)?;
    finish_builds(transaction, at, now)?;
    finish_jobs(transaction, at, now)?;
    blobs::delete_unfinished(transaction, at)?;
    Ok(faults)
}

/// A package whose state was changed meanwhile, as by a seed, keeps it. Returns what is wrong with the outcomes that are
/// damaged, which stay as they are.
fn finish_packages(
    transaction: &Transaction<'_>,
    at: i64,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    let damaged = damaged_outcomes(transaction, at)?;
    let (ids, faults): (Vec<_>, Vec<_>) = damaged.into_iter().unzip();
    let and_is_sound = match ids.join(", ") {
        ids if ids.is_empty() => ids,
        ids => format!("and package_id not in ({ids})"),
    };
    // The index of states would lead through all packages that a seed stored in one of these.
    let no_index = dialect::NO_INDEX;
    let sql = format!(
        "update packages set state = o.state, error = o.error, sha1 = o.sha1, sha256 = o.sha256, updated_at = $1
         from package_outcomes o
         where o.package_id = packages.id and o.due <= $2
           and {no_index}packages.state in ('PROCESSING_UPLOAD', 'COPYING') {and_is_sound}"
    );
    transaction.execute(&sql, &[now.into(), at.into()])?;
    let sql = format!("delete from package_outcomes where due <= $1 {and_is_sound}");
    transaction.execute(&sql, &[at.into()])?;
    Ok(faults)
}

/// Returns the ids of the packages whose outcomes are due and damaged, and what is wrong with each.
fn damaged_outcomes(
    transaction: &Transaction<'_>,
    at: i64,
) -> Result<Vec<(String, String)>, StoreError> {
    let mut ids = Vec::new();
    let sql = "select package_id from package_outcomes where due <= $1 order by package_id";
    transaction.rows(sql, &[at.into()], |row| {
        ids.push(row.int(0)?);
        Ok::<_, StoreError>(())
    })?;
    let mut damaged = Vec::new();
    for id in ids {
        let read = PackageOutcome::with_own_columns(transaction, id, |_| Ok::<_, StoreError>(()));
        match read {
            Err(StoreError::Damaged(fault)) => damaged.push((id.to_string(), fault)),
            read => read?,
        }
    }
    Ok(damaged)
}

fn finish_jobs(transaction: &Transaction<'_>, at: i64, now: i64) -> Result<(), StoreError> {
    let sql = "delete from packages where guid in (
                   select package_guid from jobs where state = 'PROCESSING' and due <= $1)";
    transaction.execute(sql, &[at.into()])?;
    let sql = "update jobs set state = 'COMPLETE', updated_at = $1 where state = 'PROCESSING' and due <= $2";
    transaction.execute(sql, &[now.into(), at.into()])?;
    let sql = "delete from jobs where state = 'COMPLETE' and due <= $1";
    transaction
        .execute(sql, &[(at - JOB_LIFETIME).into()])
        .map(drop)
}

/// Returns the id of the job with that guid, unless it is complete and was due more than a day before `at`, in milliseconds
/// since 1970 by the system's clock.
///
/// # Errors
///
/// Fails if the database cannot be read.
pub fn find_job(snapshot: &Snapshot<'_>, guid: &str, at: i64) -> Result<Option<i64>, StoreError> {
    let sql = "select id from jobs where guid = $1 and (state = 'PROCESSING' or due > $2)";
    snapshot.int(sql, &[guid.into(), (at - JOB_LIFETIME).into()])
}

/// Returns when the next thing is due, in milliseconds since 1970 by the system's clock, if anything is being processed.
/// Packages that were due at `tried` are left out: [`finish_due`] has left those that it could not finish.
///
/// # Errors
///
/// Fails if the database cannot be read.
pub fn next_due(snapshot: &Snapshot<'_>, tried: i64) -> Result<Option<i64>, StoreError> {
    let sql = "select min(due) from (
                   select min(due) as due from package_outcomes where due > $1
                   union all select min(due) from jobs where state = 'PROCESSING'
                   union all select min(due) from builds where state = 'STAGING'
                   union all select min(due) from blobs where due is not null) dues";
    snapshot.int(sql, &[tried.into()])
}
