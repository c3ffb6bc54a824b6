//! The body of an upload, `multipart/form-data` ([RFC 7578](https://www.rfc-editor.org/rfc/rfc7578)): the file goes to a
//! spool while it arrives.

use std::io::Write;

use bytes::BytesMut;
use futures_util::stream;
use multra::{Constraints, Error, Field, Multipart, SizeLimit};
use warp::http::header;

use super::Request;
use super::request::RequestBody;
use crate::blobs::{ContentFile, Spool};
use crate::edition::UploadForm;
use crate::error::ApiError;
use crate::service::Service;

/// The part that holds the file.
const BITS: &str = "bits";
/// The part that names files which need not be sent.
const RESOURCES: &str = "resources";
/// The largest part `resources`, in bytes. It is held in memory.
const LARGEST_RESOURCES: u64 = 4 << 20;
/// The largest headers of one part, in bytes.
const LARGEST_HEADERS: u64 = 16 << 10;
/// How many parts a body may have.
const MAX_PARTS: usize = 64;
/// How many bytes are collected before they are written to the spool.
const WRITE: usize = 256 << 10;

/// What the body of an upload holds.
#[derive(Debug)]
pub(super) struct Upload {
    /// The names of the parts and what the edition has to judge.
    pub form: UploadForm,
    /// The file, if there is one.
    pub bits: Option<ContentFile>,
}

/// Receives the body. A body of another type has no parts. Of several parts of one name the last one counts.
///
/// # Errors
///
/// Fails with `Refused` if the body is malformed, with the errors of [`RequestBody::next_piece`], with `Unavailable` if the
/// spool cannot be written, and with `Stopping` if the server stops before the body has arrived.
pub(super) async fn receive(
    service: &Service,
    request: &Request,
    body: RequestBody,
) -> Result<Upload, ApiError> {
    tokio::select! {
        // A body that has arrived is taken although the server stops.
        biased;
        received = receive_parts(service, request, body) => received,
        () = service.stopped() => Err(ApiError::Stopping),
    }
}

async fn receive_parts(
    service: &Service,
    request: &Request,
    body: RequestBody,
) -> Result<Upload, ApiError> {
    let mut upload = Upload {
        form: UploadForm::default(),
        bits: None,
    };
    let content_type = request.header(header::CONTENT_TYPE).unwrap_or_default();
    let content_type = str::from_utf8(content_type).unwrap_or_default();
    let boundary = match multra::parse_boundary(content_type) {
        Ok(boundary) => boundary,
        Err(Error::NoMultipart | Error::DecodeContentType(_)) => return Ok(upload),
        Err(error) => return Err(malformed(error)),
    };
    let pieces = stream::try_unfold(body, async |mut body| {
        let piece = body.next_piece().await.map_err(BrokenBody)?;
        Ok::<_, BrokenBody>(piece.map(|piece| (piece, body)))
    });
    let sizes = SizeLimit::new()
        .headers(LARGEST_HEADERS)
        .for_field(RESOURCES, LARGEST_RESOURCES);
    let constraints = Constraints::new().size_limit(sizes).max_fields(MAX_PARTS);
    let mut parts = Multipart::with_constraints(pieces, boundary, constraints);
    while let Some(mut part) = parts.next_field().await.map_err(malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == BITS && is_file(&part) {
            upload.bits = Some(spool(service, part).await?);
        } else if name == RESOURCES {
            let text = part.bytes().await.map_err(malformed)?;
            upload.form.resources = Some(text.to_vec());
        } else {
            while part.chunk().await.map_err(malformed)?.is_some() {}
        }
        upload.form.names.push(name);
    }
    upload.form.has_bits = upload.bits.is_some();
    Ok(upload)
}

/// Returns whether a part has a file name. One that cannot be decoded, as of a client that does not send UTF-8, is a name too.
fn is_file(part: &Field<'_>) -> bool {
    if let Some(name) = part.file_name() {
        return !name.is_empty();
    }
    let disposition = part.headers().get(header::CONTENT_DISPOSITION);
    disposition.is_some_and(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b';')
            .any(|parameter| {
                let key = parameter
                    .split(|byte| *byte == b'=')
                    .next()
                    .unwrap_or_default();
                let key = key.trim_ascii();
                key.eq_ignore_ascii_case(b"filename") || key.eq_ignore_ascii_case(b"filename*")
            })
    })
}

/// Writes a part to a spool. Each write runs outside the async threads.
async fn spool(service: &Service, mut part: Field<'_>) -> Result<ContentFile, ApiError> {
    let folder = service.store.upload_folder();
    let mut spool = blocking(move || Spool::in_folder(&folder)).await?;
    let mut bytes = BytesMut::new();
    loop {
        let chunk = part.chunk().await.map_err(malformed)?;
        let is_last = chunk.is_none();
        bytes.extend_from_slice(&chunk.unwrap_or_default());
        if bytes.len() >= WRITE || is_last {
            let mut write = spool;
            (spool, bytes) = blocking(move || {
                write.write_all(&bytes)?;
                bytes.clear();
                Ok((write, bytes))
            })
            .await?;
        }
        if is_last {
            return Ok(spool.finish());
        }
    }
}

/// Runs `work` on files, which blocks, outside the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| {
            ApiError::Unavailable(format!(
                "an upload cannot be kept beside the database: {error}"
            ))
        }),
        Err(error) => Err(ApiError::Internal(error.to_string())),
    }
}

/// The error of the body, which the parser passes on.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail())]
struct BrokenBody(ApiError);

fn malformed(error: Error) -> ApiError {
    match error {
        Error::StreamReadFailed(cause) => match cause.downcast::<BrokenBody>() {
            Ok(broken) => broken.0,
            Err(other) => ApiError::Refused(format!("The multipart body is malformed: {other}")),
        },
        Error::FieldSizeExceeded { .. } => ApiError::TooLarge,
        other => ApiError::Refused(format!("The multipart body is malformed: {other}")),
    }
}
