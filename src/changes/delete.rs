//! Deletes a package. See `docs/reference/packages.md#delete`.

use super::Change;
use super::create::new_guid;
use crate::error::ApiError;
use crate::records::{Job, JobRecord, Package, Resource, Table, job};

/// How a package is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// In the transaction of the request.
    AtOnce,
    /// By a job, which the answer names.
    ByJob,
}

/// Deletes the package with that guid. Returns the guid of the job, if one deletes it.
///
/// # Errors
///
/// Fails if the package is missing, or if the caller may not write there.
pub fn delete(
    change: &Change<'_, '_>,
    guid: &str,
    deletion: Deletion,
) -> Result<Option<String>, ApiError> {
    let missing = ApiError::NotFound(Package::NOT_FOUND);
    let package = change.find_package(guid, &missing)?;
    change.require_writable(package.space_id)?;
    match deletion {
        Deletion::AtOnce => {
            let sql = "delete from packages where id = $1";
            change.transaction.execute(sql, &[package.id.into()])?;
            Ok(None)
        }
        Deletion::ByJob => {
            let job = new_guid();
            let record = JobRecord {
                guid: &job,
                package_guid: guid,
                state: job::PROCESSING,
                created_at: change.now,
                updated_at: change.now,
                due: change.due,
                ..JobRecord::default()
            };
            Job::insert(change.transaction, &record)?;
            Ok(Some(job))
        }
    }
}
