//! `GET /v3/packages/:guid/download`: the stored file of a package, as a whole or one range of it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use warp::http::StatusCode;
use warp::http::header::{self, HeaderValue};

use super::respond::{cache_headers, not_modified, note_failure, unchanged};
use super::{Request, Response, response};
use crate::blobs::{self, OpenBlob};
use crate::caller::{CallerKey, Downloader};
use crate::edition::Edition;
use crate::error::ApiError;
use crate::listing;
use crate::records::package::{BITS, READY};
use crate::records::{Package, Resource};
use crate::service::Service;
use crate::store::{Snapshot, StoreError};

const ZIP: HeaderValue = HeaderValue::from_static("application/zip");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");

/// `GET /v3/packages/:guid/download`. The query is ignored.
pub(super) async fn download(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let identity = request.authenticate(&service)?;
    let caller_key = request.caller_key(&service, &identity);
    let downloader = identity.into_downloader()?;
    let edition = service.edition;
    let wanted = guid.clone();
    let found = service
        .store
        .read(caller_key, move |snapshot| {
            find(snapshot, edition, &downloader, &wanted)
        })
        .await;
    note_failure(&service, &request, &found);
    let blob = found?;
    let tag = format!("\"{}\"", blob.sha256);
    if let Some(tag) = unchanged(&request, std::slice::from_ref(&tag)) {
        return Ok(not_modified(tag));
    }
    let range = match requested_range(&request, &tag, blob.size) {
        Ok(range) => range,
        Err(NotSatisfiable) => return Ok(not_satisfiable(&service, &request, &tag, blob.size)),
    };
    Ok(respond(
        service, caller_key, &request, blob, range, &guid, &tag,
    ))
}

/// Returns the file of the package with that guid.
fn find(
    snapshot: &Snapshot<'_>,
    edition: Edition,
    downloader: &Downloader,
    guid: &str,
) -> Result<OpenBlob, ApiError> {
    let suspended = edition.suspended_organizations();
    let id = listing::find_one::<Package>(snapshot, &downloader.reader, guid, suspended)?
        .ok_or(ApiError::NotFound(Package::NOT_FOUND))?;
    let mut found = None;
    listing::rows::<Package, ApiError>(snapshot, &[id], |package| {
        if let Some(member) = &downloader.needs_writing_role
            && !listing::has_writing_role(snapshot, member, package.space_id)?
        {
            return Err(ApiError::NotAuthorized);
        }
        if package.r#type != BITS {
            return Err(ApiError::Unprocessable("Package type must be bits.".into()));
        }
        if package.state == READY
            && let Some(blob_id) = package.blob_id
        {
            found = blobs::open(snapshot, blob_id)?;
            if let (Some(blob), Some(sha256)) = (&found, package.sha256)
                && blob.sha256 != sha256
            {
                let guid = package.guid;
                let fault = format!("a package `{guid}` whose checksums are not those of its bits");
                return Err(StoreError::Damaged(fault).into());
            }
        }
        Ok(())
    })?;
    let nothing = "Package has no bits to download.";
    found.ok_or_else(|| ApiError::Unprocessable(nothing.into()))
}

/// No byte of the requested range is in the file.
struct NotSatisfiable;

/// Returns the bytes that the request asks for, or `None` for all: if it names no range, several, or a malformed one, or if
/// `If-Range` names another file ([RFC 9110 §14.2](https://www.rfc-editor.org/rfc/rfc9110#section-14.2)).
fn requested_range(
    request: &Request,
    tag: &str,
    size: u64,
) -> Result<Option<Range<u64>>, NotSatisfiable> {
    let is_get = request.method() == warp::http::Method::GET;
    let range = match request.headers(header::RANGE)[..] {
        [range] if is_get => str::from_utf8(range).ok(),
        _ => None,
    };
    // There is no `Last-Modified`, so that a date never matches.
    let if_range = request.header(header::IF_RANGE);
    let Some(range) = range.filter(|_| if_range.is_none_or(|named| named == tag.as_bytes())) else {
        return Ok(None);
    };
    let parsed = parse_range_header(range);
    match parsed.and_then(|ranges| ranges.validate(size)).as_deref() {
        Ok([range]) => Ok(Some(*range.start()..range.end() + 1)),
        Err(RangeUnsatisfiableError::Unsatisfiable) => Err(NotSatisfiable),
        Ok(_) | Err(_) => Ok(None),
    }
}

fn respond(
    service: Arc<Service>,
    caller_key: CallerKey,
    request: &Request,
    blob: OpenBlob,
    range: Option<Range<u64>>,
    guid: &str,
    tag: &str,
) -> Response {
    let size = blob.size;
    let bytes = range.clone().unwrap_or(0..size);
    let length = bytes.end - bytes.start;
    let mut response = response::stream(request, content(service, caller_key, blob, bytes));
    if let Some(range) = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        response
            .headers_mut()
            .insert(header::CONTENT_RANGE, ascii(text));
    }
    cache_headers(&mut response, tag);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, ZIP);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, BYTES);
    let name = ascii(format!("attachment; filename=\"{guid}.zip\""));
    headers.insert(header::CONTENT_DISPOSITION, name);
    response
}

fn not_satisfiable(service: &Service, request: &Request, tag: &str, size: u64) -> Response {
    let error = ApiError::RangeNotSatisfiable(size);
    let mut response = response::error(service, request, &error);
    cache_headers(&mut response, tag);
    let text = ascii(format!("bytes */{size}"));
    response.headers_mut().insert(header::CONTENT_RANGE, text);
    response
}

/// Returns a header value made of guids, digits and words.
fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("guids and numbers are ASCII")
}

/// Returns the bytes of a blob in that range, piece by piece. Each piece is read from a snapshot of its own, so that a slow
/// client does not keep the write-ahead log from being cut: the content of a blob never changes. If the blob is deleted
/// meanwhile, the response breaks off.
fn content(
    service: Arc<Service>,
    caller_key: CallerKey,
    blob: OpenBlob,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes, ApiError>> + Send + Sync + 'static {
    let Range { start, end } = range;
    let sha256: Arc<str> = blob.sha256.into();
    let (first, last) = (start / blob.piece_size, end.div_ceil(blob.piece_size));
    stream::iter(first..last).then(move |number| {
        let (service, sha256) = (service.clone(), sha256.clone());
        async move {
            let index = i64::try_from(number).expect("a blob has fewer pieces than bytes");
            let piece = service
                .store
                .read(caller_key, move |snapshot| {
                    blobs::read_piece(snapshot, &sha256, index)?
                        .map_or_else(|| Err(no_piece(snapshot, &sha256, index)?), Ok)
                })
                .await;
            let piece = Bytes::from(piece?);
            // What the range wants of this piece.
            let offset = number * blob.piece_size;
            let from = start.saturating_sub(offset);
            let to = (end - offset).min(blob.piece_size);
            let within = |at: u64| usize::try_from(at).ok().filter(|at| *at <= piece.len());
            match (within(from), within(to)) {
                (Some(from), Some(to)) => Ok(piece.slice(from..to)),
                _ => Err(ApiError::Internal("a piece of a blob is too short".into())),
            }
        }
    })
}

/// Returns the error of a piece that is not there.
fn no_piece(snapshot: &Snapshot<'_>, sha256: &str, number: i64) -> Result<ApiError, StoreError> {
    Ok(ApiError::Internal(
        match blobs::find_id(snapshot, sha256)? {
            None => "the file was deleted while it was sent".into(),
            Some(_) => format!(
                "piece {number} of the bits with the SHA-256 `{sha256}` is missing; `cf-packages check` names all damaged bits"
            ),
        },
    ))
}
