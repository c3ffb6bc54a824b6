//! What an upload may send, and the errors of files that are not accepted.

use crate::blobs::archive::ArchiveFault;
use crate::edition::{UploadForm, UploadResource};
use crate::error::ApiError;

/// The only part that an upload may have.
const BITS: &str = "bits";

/// Parses the parts of an upload.
pub(in crate::edition) fn parse(form: &UploadForm) -> Result<Vec<UploadResource>, ApiError> {
    let mut faults = Vec::new();
    faults.extend(form.unknown_fields(&[BITS]));
    if !form.has_bits {
        faults.push("Bits path An application zip file must be uploaded".into());
    }
    match faults.is_empty() {
        true => Ok(Vec::new()),
        false => Err(ApiError::Unprocessable(faults.join(", "))),
    }
}

/// Returns the `error` of a package with such a file.
pub(in crate::edition) fn error_of(fault: ArchiveFault) -> String {
    match fault {
        ArchiveFault::Invalid | ArchiveFault::Empty => "The zip provided was not valid".into(),
        ArchiveFault::TooLarge { .. } => "AppBitsPackage::ZipSizeExceeded".into(),
    }
}
