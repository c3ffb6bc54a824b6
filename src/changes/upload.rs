//! Stores the uploaded bits of a package. See `docs/reference/packages.md#upload`.

use std::sync::Arc;

use super::Change;
use super::finish::Outcome;
use crate::blobs::{self, Checksums, ContentFile, UnfinishedBlob};
use crate::error::ApiError;
use crate::records::package::{AWAITING_UPLOAD, BITS, FAILED, PROCESSING_UPLOAD, READY};
use crate::records::{Package, Resource};

/// What was uploaded.
#[derive(Debug)]
pub enum UploadedBits {
    /// A file that the package will consist of.
    Accepted(Arc<ContentFile>),
    /// The same, all of whose pieces are stored.
    Stored(UnfinishedBlob),
    /// A file that the package cannot consist of. The text is the `error` of the package.
    Rejected(String),
}

/// Begins to store a file that is too large for one transaction, if the package with that guid can get it. Returns `None` if
/// its content is stored already. `at` is the time in milliseconds since 1970 by the system's clock.
///
/// # Errors
///
/// Fails as [`upload`] does.
pub fn begin_upload(
    change: &Change<'_, '_>,
    guid: &str,
    content: &Arc<ContentFile>,
    at: i64,
) -> Result<Option<UnfinishedBlob>, ApiError> {
    find_waiting(change, guid)?;
    Ok(UnfinishedBlob::begin(change.transaction, content, at)?)
}

/// Stores the bits of the package with that guid and returns its id. The package is `PROCESSING_UPLOAD` until the change is
/// due.
///
/// # Errors
///
/// Fails if the package is missing, if the caller may not write there, if it has no bits, if it does not wait for an
/// upload, or if the bits cannot be stored.
pub fn upload(change: &Change<'_, '_>, guid: &str, bits: &UploadedBits) -> Result<i64, ApiError> {
    let package_id = find_waiting(change, guid)?;
    let (blob_id, outcome) = match bits {
        UploadedBits::Accepted(content) => (
            Some(blobs::put(change.transaction, content)?),
            ready(content.checksums()),
        ),
        UploadedBits::Stored(blob) => (
            Some(blob.finish(change.transaction)?),
            ready(blob.checksums()),
        ),
        UploadedBits::Rejected(error) => {
            let outcome = Outcome {
                state: FAILED,
                error: Some(error),
                sha1: None,
                sha256: None,
            };
            (None, outcome)
        }
    };
    change.transaction.execute(
        "update packages set state = $1, blob_id = $2, updated_at = $3 where id = $4",
        &[
            PROCESSING_UPLOAD.into(),
            blob_id.into(),
            change.now.into(),
            package_id.into(),
        ],
    )?;
    change.set_outcome(package_id, &outcome)?;
    Ok(package_id)
}

/// Returns the id of the package with that guid, which waits for an upload by the caller.
///
/// # Errors
///
/// Fails if the package is missing, if the caller may not write there, if it has no bits, or if it does not wait for an
/// upload.
pub fn find_waiting(change: &Change<'_, '_>, guid: &str) -> Result<i64, ApiError> {
    let missing = ApiError::NotFound(Package::NOT_FOUND);
    let package = change.find_package(guid, &missing)?;
    change.require_writable(package.space_id)?;
    if package.r#type != BITS {
        return Err(ApiError::Unprocessable("Package type must be bits.".into()));
    }
    if package.state != AWAITING_UPLOAD {
        return Err(ApiError::BitsAlreadyUploaded);
    }
    Ok(package.id)
}

fn ready(checksums: &Checksums) -> Outcome<'_> {
    Outcome {
        state: READY,
        error: None,
        sha1: Some(&checksums.sha1),
        sha256: Some(&checksums.sha256),
    }
}
