//! What a request can change. An edition parses a request into one of these types, and one function carries it out in one
//! transaction: it checks access, in the order of the edition's reference, and stores the result.
//!
//! Nothing here is an edition's own: where editions differ, the type says what is wanted.

mod access;
mod copy;
mod create;
mod delete;
mod droplet;
mod finish;
mod metadata;
mod stage;
mod update;
mod upload;

use crate::caller::Writer;
use crate::error::ApiError;
use crate::listing::SuspendedOrganizations;
use crate::store::Transaction;

pub use copy::{CopyPackage, copy};
pub use create::{CreatePackage, DockerContent, LifecycleFault, NewContent, create};
pub use delete::{Deletion, delete};
pub use droplet::refuse_droplet;
pub use finish::{Outcome, find_job, finish_due, next_due};
pub use metadata::MetadataChange;
pub use stage::{BuildEnd, NewBuild, Staging, end_build, stage, stage_waiting};
pub use update::{CredentialsChange, UpdatePackage, update};
pub use upload::{UploadedBits, begin_upload, find_waiting, upload};

/// The transaction of a change, and what every change needs to know beside the request.
#[derive(Debug)]
pub struct Change<'a, 'c> {
    /// The transaction in which everything happens.
    pub transaction: &'a Transaction<'c>,
    /// What the caller may write.
    pub writer: &'a Writer,
    /// The caller's guid.
    pub user: &'a str,
    /// Whether an app or a package of a suspended organization is found.
    pub suspended: SuspendedOrganizations,
    /// The server's time, in seconds since 1970.
    pub now: i64,
    /// When what this change leaves to be processed is finished, in milliseconds since 1970 by the system's clock.
    pub due: i64,
    /// When a build that this change makes is staged, likewise; `None` if only the admin API says so.
    pub staged_at: Option<i64>,
}

/// A new package.
#[derive(Clone, Debug)]
pub enum NewPackage {
    /// A package made from what the request says.
    Create(CreatePackage),
    /// A copy of another package.
    Copy(CopyPackage),
}

/// Stores a new package and returns its id.
///
/// # Errors
///
/// Fails with the errors of [`create()`] and [`copy()`].
pub fn add(change: &Change<'_, '_>, new: &NewPackage) -> Result<i64, ApiError> {
    match new {
        NewPackage::Create(new) => create(change, new),
        NewPackage::Copy(new) => copy(change, new),
    }
}
