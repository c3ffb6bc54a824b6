//! Responses. A body is shared bytes, a stream of pieces, or empty.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use warp::Reply;
use warp::http::{StatusCode, header};

use super::Request;
use crate::error::ApiError;
use crate::listing::response_cache::Coding;
use crate::service::Service;
use crate::store::Snapshot;

/// A response. Its body may be shared bytes, a stream, or empty.
pub type Response = warp::reply::Response;

/// The size of the pieces of a streamed body, in bytes. The last piece may be smaller.
const PIECE: usize = 64 * 1024;
/// How many pieces of a streamed body may wait for the client.
const WAITING_PIECES: usize = 4;

/// How long a response may keep its snapshot open while others write.
const SNAPSHOT_TIME: Duration = Duration::from_secs(30);
/// How often a response that waits for its client looks at the write-ahead log.
const LOOK_AT_LOG: Duration = Duration::from_secs(1);

/// The value of `Connection` where the connection ends with the response.
pub const CLOSE: header::HeaderValue = header::HeaderValue::from_static("close");
/// The value of `Retry-After` where the request may succeed soon: a second.
pub(super) const SOON: header::HeaderValue = header::HeaderValue::from_static("1");
/// The value of `Vary` where the client's codings decide.
pub(super) const ACCEPT_ENCODING: header::HeaderValue =
    header::HeaderValue::from_static("Accept-Encoding");

const WARNINGS: header::HeaderName = header::HeaderName::from_static("x-cf-warnings");
const GZIP: header::HeaderValue = header::HeaderValue::from_static("gzip");
const JSON: header::HeaderValue =
    header::HeaderValue::from_static("application/json; charset=utf-8");

/// Returns a JSON response. The router adds the headers that every response has.
pub(super) fn json(status: u16, document: impl Into<Bytes>) -> Response {
    let mut response = Response::new(document.into().into());
    *response.status_mut() =
        StatusCode::from_u16(status).expect("every caller passes a status from 100 to 999");
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Adds the header that names the content coding of the body.
pub(super) fn note_coding(response: &mut Response, coding: Coding) {
    match coding {
        Coding::Identity => {}
        Coding::Gzip => drop(
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, GZIP),
        ),
    }
}

/// Adds a warning, which clients show to their user.
pub(super) fn add_warning(response: &mut Response, text: &str) {
    let encoded = percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
    if let Ok(value) = header::HeaderValue::try_from(encoded) {
        response.headers_mut().append(WARNINGS, value);
    }
}

/// Returns 204 without a body.
pub(super) fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Returns 202 without a body, with the URL of the job that carries the request out.
pub(super) fn accepted(job: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::ACCEPTED;
    let location = header::HeaderValue::from_str(job)
        .expect("the base of hrefs and a guid hold only visible ASCII characters");
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Returns 200 with a body of pieces that are sent as they come.
///
/// If a piece is an error, it is logged and the connection is closed before the body ends, so that the client notices
/// ([RFC 9112 §8](https://www.rfc-editor.org/rfc/rfc9112#section-8)).
pub(super) fn stream(
    request: &Request,
    pieces: impl Stream<Item = Result<Bytes, ApiError>> + Send + Sync + 'static,
) -> Response {
    let request = request.clone();
    warp::reply::stream(pieces.map(move |piece| {
        piece.map_err(|error| {
            let cause = error.cause();
            tracing::error!(request_id = request.id(), "a response broke off: {cause}");
            io::Error::other(cause)
        })
    }))
    .into_response()
}

/// Returns 200 with the JSON that `write` writes from one snapshot, sent while it is written.
///
/// At most [`WAITING_PIECES`] + 2 pieces are in memory. A client that reads slowly keeps the snapshot open; after
/// [`SNAPSHOT_TIME`] the response breaks off if that keeps the write-ahead log from being cut.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, or if `write` fails before it has written the first piece. A later failure
/// breaks the response off: see [`stream()`].
pub(super) async fn stream_json(
    service: &Arc<Service>,
    request: &Request,
    write: impl FnOnce(&Snapshot<'_>, &mut dyn Write) -> Result<(), ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let (sender, mut receiver) = mpsc::channel(WAITING_PIECES);
    let service = service.clone();
    tokio::spawn(async move {
        let mut out = PieceWriter::new(sender.clone(), service.clone());
        let written = tokio::task::spawn_blocking(move || {
            service.store.read_blocking(|snapshot| {
                write(snapshot, &mut out)?;
                out.flush()
                    .map_err(|error| ApiError::Internal(error.to_string()))
            })
        })
        .await
        .unwrap_or_else(|error| Err(ApiError::Internal(error.to_string())));
        if let Err(error) = written {
            // Fails if the client has gone, which is often the reason of the error.
            let _ = sender.send(Err(error)).await;
        }
    });
    let first = receiver.recv().await.transpose()?;
    let others = stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut response = stream(request, stream::iter(first.map(Ok)).chain(others));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// A writer whose bytes become the pieces of a streamed body. It blocks while [`WAITING_PIECES`] wait for the client.
struct PieceWriter {
    sender: mpsc::Sender<Result<Bytes, ApiError>>,
    piece: BytesMut,
    service: Arc<Service>,
    started: Instant,
}

impl PieceWriter {
    fn new(sender: mpsc::Sender<Result<Bytes, ApiError>>, service: Arc<Service>) -> Self {
        Self {
            sender,
            piece: BytesMut::with_capacity(PIECE),
            service,
            started: Instant::now(),
        }
    }

    /// Waits until the client takes a piece.
    fn send(&self, piece: Bytes) -> io::Result<()> {
        loop {
            let is_late = self.started.elapsed() > SNAPSHOT_TIME;
            if is_late && self.service.store.is_log_long() {
                let text = "the client reads too slowly while others write";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            let room = timeout(LOOK_AT_LOG, self.sender.reserve());
            if let Ok(room) = Handle::current().block_on(room) {
                let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone");
                room.map_err(gone)?.send(Ok(piece));
                return Ok(());
            }
        }
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..length]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, BytesMut::with_capacity(PIECE)).freeze();
        self.send(piece)
    }
}

/// Returns the response to a request that failed, as the edition presents it. Logs an internal error.
pub(super) fn error(service: &Service, request: &Request, error: &ApiError) -> Response {
    if let ApiError::Internal(cause)
    | ApiError::Unavailable(cause)
    | ApiError::OutcomeUnknown(cause) = error
    {
        tracing::error!(request_id = request.id(), "a request failed: {cause}");
    }
    if *error == ApiError::Busy {
        tracing::warn!(
            request_id = request.id(),
            "a request failed: another program or a read kept the database locked"
        );
    }
    let mut response = json(error.status(), service.edition.error(error));
    let headers = response.headers_mut();
    if matches!(error, ApiError::RequestTimeout | ApiError::Overloaded) {
        // RFC 9110 §15.5.9: the rest of the request is not waited for.
        headers.insert(header::CONNECTION, CLOSE);
    }
    if matches!(error, ApiError::Overloaded | ApiError::TooManyExpensive) {
        headers.insert(header::RETRY_AFTER, SOON);
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::http::forwarded::Forwarded;
    use crate::service::ServiceOptions;
    use crate::store::{Durability, OpenMode, Store, StoreError};

    type Written = Result<(), ApiError>;

    /// Returns the body of the response that `write` writes: whole, or an error if it broke off.
    async fn body(
        write: impl FnOnce(&mut dyn Write) -> Written + Send + 'static,
    ) -> Result<Result<Bytes, warp::Error>, ApiError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        Store::create(&path, |_| Ok::<_, StoreError>(())).unwrap();
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
        let service = Arc::new(Service::new(store, ServiceOptions::default()));
        let id = header::HeaderValue::from_static("id");
        let (method, headers) = (warp::http::Method::GET, header::HeaderMap::new());
        let request = Request::new(
            method,
            "/".parse().unwrap(),
            headers,
            id,
            None,
            Forwarded::default(),
            None,
        );
        let response = stream_json(&service, &request, |_, out| write(out)).await?;
        let collected = response.into_body().collect().await;
        Ok(collected.map(http_body_util::Collected::to_bytes))
    }

    #[tokio::test]
    async fn large_body_is_sent_in_pieces() {
        let whole = b"0123456789".repeat(200_000);
        let copy = whole.clone();
        let sent = body(move |out| {
            out.write_all(&copy).unwrap();
            Ok(())
        });
        assert!(sent.await.unwrap().unwrap() == whole);
        assert!(body(|_| Ok(())).await.unwrap().unwrap().is_empty());
    }

    #[tokio::test]
    async fn error_before_the_first_piece_is_the_response() {
        let sent = body(|out| {
            out.write_all(b"{").unwrap();
            Err(ApiError::Busy)
        });
        assert_eq!(sent.await.unwrap_err(), ApiError::Busy);
    }

    #[tokio::test]
    async fn later_error_breaks_the_body_off() {
        let sent = body(|out| {
            out.write_all(&[b' '; PIECE]).unwrap();
            Err(ApiError::Busy)
        });
        assert!(sent.await.unwrap().is_err());
    }
}
