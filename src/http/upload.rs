//! `POST /v3/packages/:guid/upload`: takes in the bits of a package.

use std::sync::Arc;

use super::change::{
    Author, authorize, carry_out, carry_out_queued, respond_with_package_queued, write_queued,
};
use super::multipart::{self, Upload};
use super::request::RequestBody;
use super::{Request, Response};
use crate::blobs::archive::{self, ArchiveFault};
use crate::blobs::{self, AddedFile, BlobError, ContentFile, MOST_ENTRIES, RepackError, Spool};
use crate::changes::{self, Change, UploadedBits};
use crate::clock::system_now_in_milliseconds;
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
/// transaction that stores the file. So a slow client holds nothing. With `resources` it is looked at before too: only who
/// may upload learns which bits are stored.
pub(super) async fn upload(
    service: Arc<Service>,
    request: Request,
    guid: String,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let author = authorize(&service, &request)?;
    body.check_announced_length()?;
    let Upload { form, bits } = multipart::receive(&service, &request, body).await?;
    let resources = service.edition.parse_upload(&form)?;
    if !resources.is_empty() {
        let guid = guid.clone();
        let find = move |change: &Change<'_, '_>| changes::find_waiting(change, &guid);
        carry_out(&service, author.clone(), find).await?;
    }
    let shared = service.clone();
    let prepared = tokio::task::spawn_blocking(move || prepare(&shared, bits, &resources)).await;
    let prepared = prepared.unwrap_or_else(|_| Err(StoreError::Closed.into()))?;
    // A client that goes away now does not keep the pieces from being finished.
    let stored =
        tokio::spawn(async move { store(&service, &request, author, guid, prepared).await });
    stored
        .await
        .unwrap_or_else(|error| Err(ApiError::Internal(error.to_string())))
}

/// Stores the file and answers with the package. Other processes may write meanwhile: each transaction waits for its turn
/// for as long as a client waits that has sent all of a file.
///
/// # Errors
///
/// Fails if the package cannot get bits, or if they cannot be stored. Nothing is left then.
async fn store(
    service: &Arc<Service>,
    request: &Request,
    author: Author,
    guid: String,
    prepared: Result<ContentFile, ArchiveFault>,
) -> Result<Response, ApiError> {
    let bits = match prepared {
        Ok(content) => store_pieces(service, &author, &guid, Arc::new(content)).await?,
        Err(fault) => UploadedBits::Rejected(service.edition.upload_error(fault)),
    };
    let unfinished = match &bits {
        UploadedBits::Stored(blob) => Some(blob.id()),
        UploadedBits::Accepted(_) | UploadedBits::Rejected(_) => None,
    };
    let queued = service.store.queue_write_of_upload();
    let change = move |change: &Change<'_, '_>| changes::upload(change, &guid, &bits);
    let answer = respond_with_package_queued(service, queued, request, author, 200, change).await;
    if let (Err(_), Some(id)) = (&answer, unfinished) {
        discard(service, id).await;
    }
    answer
}

/// Stores the pieces of a large file, in several transactions, so that other writes take turns with them.
///
/// # Errors
///
/// Fails if the package cannot get bits, or if they cannot be stored. Nothing is left then.
async fn store_pieces(
    service: &Arc<Service>,
    author: &Author,
    guid: &str,
    content: Arc<ContentFile>,
) -> Result<UploadedBits, ApiError> {
    if content.size() <= blobs::LARGEST_STEP {
        return Ok(UploadedBits::Accepted(content));
    }
    let (file, guid) = (content.clone(), guid.to_owned());
    let queued = service.store.queue_write_of_upload();
    let begun = carry_out_queued(service, queued, author.clone(), move |change| {
        changes::begin_upload(change, &guid, &file, system_now_in_milliseconds())
    })
    .await?;
    let Some(mut blob) = begun else {
        return Ok(UploadedBits::Accepted(content));
    };
    // If this server is killed, the blob is deleted later.
    service.something_is_due.notify_one();
    while !blob.is_whole() {
        service.turns.before_step(&service.writes).await;
        let id = blob.id();
        let queued = service.store.queue_write_of_upload();
        let step = write_queued(service, queued, move |store, queued| {
            let at = system_now_in_milliseconds();
            Ok(store.write_queued(queued, |transaction| blob.store_step(transaction, at))?)
        });
        let stored = step.await;
        service.turns.after_step().await;
        blob = match stored {
            Ok(after) => after,
            Err(error) => {
                // The file was dropped, so that its space on the disk is free.
                drop(content);
                discard(service, id).await;
                return Err(error);
            }
        };
    }
    Ok(UploadedBits::Stored(blob))
}

/// Deletes the pieces of an upload that failed. If that fails too, they are deleted when they are due.
async fn discard(service: &Arc<Service>, id: i64) {
    let queued = service.store.queue_write_of_upload();
    let discarded = write_queued(service, queued, move |store, queued| {
        Ok(store.write_queued(queued, |transaction| {
            blobs::discard_unfinished(transaction, id)
        })?)
    });
    if let Err(error) = discarded.await {
        tracing::warn!(
            "the pieces of an upload that failed are kept for a minute: {}",
            error.cause()
        );
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
    Ok(match content {
        Ok(content) => check(&content)?.map(|()| content),
        fault => fault,
    })
}

/// Returns an archive with the entries of `bits` and the resources, whose contents are stored blobs, or why it is not made.
fn with_resources(
    service: &Service,
    bits: Option<&ContentFile>,
    resources: &[UploadResource],
) -> Result<Result<ContentFile, ArchiveFault>, ApiError> {
    let files = service.store.read_blocking::<_, ApiError>(|snapshot| {
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
        Ok(if size > service.max_upload {
            let limit = service.max_upload;
            Err(ArchiveFault::TooLarge { limit })
        } else {
            Ok(files)
        })
    })?;
    let files = match files {
        Ok(files) => files,
        Err(fault) => return Ok(Err(fault)),
    };
    let spool = Spool::in_folder(&service.store.upload_folder()).map_err(BlobError::from)?;
    let store = &service.store;
    let read_piece = |sha256: &str, number| {
        store.read_blocking(|snapshot| blobs::read_piece(snapshot, sha256, number))
    };
    let limit = service.max_upload;
    match blobs::add_files(bits, &files, limit, spool, read_piece) {
        Ok(content) => Ok(Ok(content)),
        Err(RepackError::Archive(fault)) => Ok(Err(fault)),
        Err(RepackError::TooManyEntries) => Err(ApiError::Unprocessable(format!(
            "Resources: they are added only to `bits` of at most {MOST_ENTRIES} entries; send all files in `bits`"
        ))),
        Err(RepackError::Conflict(path)) => Err(ApiError::Unprocessable(format!(
            "Resources: `{path}` would be a file and a folder in the package"
        ))),
        Err(RepackError::Deleted(n)) => Err(missing(&resources[n])),
        Err(RepackError::Blob(error)) => Err(error.into()),
    }
}

fn missing(resource: &UploadResource) -> ApiError {
    ApiError::Unprocessable(format!(
        "Resources: no package whose bits have the SHA-1 `{}` is stored, so that `{}` cannot be taken from there; send it in `bits`",
        resource.sha1, resource.path
    ))
}
