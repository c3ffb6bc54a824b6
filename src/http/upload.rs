//! `POST /v3/packages/:guid/upload`: takes in the bits of a package.

use std::sync::Arc;

use warp::http::header;

use super::change::{authorize, respond_with_package};
use super::multipart::{self, Upload};
use super::request::RequestBody;
use super::{Request, Response};
use crate::blobs::archive::{self, ArchiveFault};
use crate::blobs::{self, AddedFile, BlobError, ContentFile, Spool};
use crate::changes::{self, UploadedBits};
use crate::edition::UploadResource;
use crate::error::ApiError;
use crate::service::Service;
use crate::store::StoreError;

/// How many bytes a body may have beside the largest file: headers of parts, `resources`, and what a zip archive needs for
/// entries that cannot be compressed.
const BESIDE_THE_FILE: u64 = 8 << 20;

/// Returns how many bytes the body of an upload may have if the entries of its archive may have `max_upload`.
pub(super) fn largest_body(max_upload: u64) -> usize {
    let largest = max_upload + max_upload / 8 + BESIDE_THE_FILE;
    usize::try_from(largest).unwrap_or(usize::MAX)
}

/// `POST /v3/packages/:guid/upload`. The package is looked at when the file has arrived, as a controller does it, in the
/// transaction that stores the file. So a slow client holds nothing.
pub(super) async fn upload(
    service: Arc<Service>,
    request: Request,
    guid: String,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let author = authorize(&service, &request)?;
    refuse_large_body(&request, largest_body(service.max_upload))?;
    let Upload { form, bits } = multipart::receive(&service, &request, body).await?;
    let resources = service.edition.parse_upload(&form)?;
    let shared = service.clone();
    let prepared = tokio::task::spawn_blocking(move || prepare(&shared, bits, &resources)).await;
    let bits = match prepared.unwrap_or_else(|_| Err(StoreError::Closed.into()))? {
        Ok(content) => UploadedBits::Accepted(content),
        Err(fault) => UploadedBits::Rejected(service.edition.upload_error(fault)),
    };
    respond_with_package(&service, &request, author, 200, move |change| {
        changes::upload(change, &guid, &bits)
    })
    .await
}

/// Fails if the request announces a body that is too large, before the client sends it.
fn refuse_large_body(request: &Request, limit: usize) -> Result<(), ApiError> {
    let announced: Option<usize> = request
        .header(header::CONTENT_LENGTH)
        .and_then(|length| str::from_utf8(length).ok()?.parse().ok());
    match announced {
        Some(length) if length > limit => Err(ApiError::TooLarge),
        _ => Ok(()),
    }
}

/// Returns the file to store, or why the package cannot consist of it. Blocks.
fn prepare(
    service: &Service,
    bits: Option<ContentFile>,
    resources: &[UploadResource],
) -> Result<Result<ContentFile, ArchiveFault>, ApiError> {
    let check = |content: &ContentFile| {
        archive::check(content, service.max_upload).map_err(BlobError::from)
    };
    if let Some(bits) = &bits
        && let Err(fault) = check(bits)?
    {
        return Ok(Err(fault));
    }
    let content = match bits {
        Some(bits) if resources.is_empty() => return Ok(Ok(bits)),
        bits => with_resources(service, bits.as_ref(), resources)?,
    };
    Ok(check(&content)?.map(|()| content))
}

/// Returns an archive with the entries of `bits` and the resources, whose contents are stored blobs.
fn with_resources(
    service: &Service,
    bits: Option<&ContentFile>,
    resources: &[UploadResource],
) -> Result<ContentFile, ApiError> {
    let files = service.store.read_blocking(|snapshot| {
        let mut files = Vec::new();
        let mut size = 0_u64;
        for resource in resources {
            let blob = blobs::find_by_sha1(snapshot, &resource.sha1)?;
            let blob = blob.ok_or_else(|| missing(resource))?;
            size = size.saturating_add(blob.size);
            files.push(AddedFile {
                path: resource.path.clone(),
                mode: resource.mode,
                blob,
            });
        }
        // Otherwise a few bytes of a request could fill the disk.
        if size > service.max_upload {
            return Err(ApiError::TooLarge);
        }
        Ok(files)
    })?;
    let spool = Spool::beside(service.store.path()).map_err(BlobError::from)?;
    let store = &service.store;
    let read_piece = |sha256: &str, number| {
        store.read_blocking(|snapshot| blobs::read_piece(snapshot, sha256, number))
    };
    Ok(blobs::add_files(bits, &files, spool, read_piece)?)
}

fn missing(resource: &UploadResource) -> ApiError {
    ApiError::Unprocessable(format!(
        "Resources: no package whose bits have the SHA-1 `{}` is stored, so that `{}` cannot be taken from there; send it in `bits`",
        resource.sha1, resource.path
    ))
}
