//! A request as handlers see it, and its body.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;
use warp::http::header::{self, HeaderName, HeaderValue};
use warp::http::{HeaderMap, Method, Uri};

use super::forwarded::Forwarded;
use super::observe::Notes;
use crate::auth::{Identity, TokenFault};
use crate::caller::CallerKey;
use crate::edition::{BaseUrl, is_authority};
use crate::error::ApiError;
use crate::service::Service;

/// How long the next piece of a body may take.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body may take besides the time for its bytes at the lowest rate.
const SLOW_START: Duration = Duration::from_secs(60);
/// The lowest rate at which a body may arrive, in bytes per second.
const LOWEST_RATE: u64 = 1024;
/// How long a body that is read in one piece may still arrive after the server was asked to stop.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// The longest `Host` header that hrefs may repeat, in bytes.
const MAX_HOST: usize = 255;

/// The method, the target, the headers and the id of a request. The router has normalized the path. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Request(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    id: HeaderValue,
    client: Option<IpAddr>,
    forwarded: Forwarded,
    /// Where the log and the records of requests learn more; `None` if there are none.
    notes: Option<Arc<Notes>>,
}

impl Request {
    pub(super) fn new(
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        id: HeaderValue,
        client: Option<IpAddr>,
        forwarded: Forwarded,
        notes: Option<Arc<Notes>>,
    ) -> Self {
        Self(Arc::new(Parts {
            method,
            uri,
            headers,
            id,
            client,
            forwarded,
            notes,
        }))
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Identifies the caller. Notes who it is, or why the token was refused, for the log.
    ///
    /// # Errors
    ///
    /// Fails with the errors of [`Keys::identify`](crate::auth::Keys::identify).
    pub fn authenticate(&self, service: &Service) -> Result<Identity, ApiError> {
        self.note(service, service.authenticate(&self.authorization()))
    }

    /// Identifies the caller of the admin API. See [`Service::authenticate_admin`].
    ///
    /// # Errors
    ///
    /// Fails as [`Self::authenticate`] does.
    pub fn authenticate_admin(&self, service: &Service) -> Result<Identity, ApiError> {
        self.note(service, service.authenticate_admin(&self.authorization()))
    }

    fn note(
        &self,
        service: &Service,
        identified: Result<Identity, TokenFault>,
    ) -> Result<Identity, ApiError> {
        match (&identified, &self.0.notes) {
            (Ok(identity), Some(notes)) => drop(notes.caller.set(identity.user.clone())),
            (Err(fault), Some(notes)) if service.request_log.is_some() => {
                let _ = notes.refusal.set(service.describe(fault));
            }
            (Err(fault), _) => {
                debug!(request_id = self.id(), "{}", service.describe(fault));
            }
            (Ok(_), None) => {}
        }
        Ok(identified?)
    }

    /// Returns the key by which the reads of this request take turns with those of other callers: the user of the token, or
    /// the address of the client if the server needs no tokens.
    pub fn caller_key(&self, service: &Service, identity: &Identity) -> CallerKey {
        match service.keys() {
            Some(_) => CallerKey::of_user(&identity.user),
            None => self.client_key(),
        }
    }

    /// Returns the same key for a request without a token.
    pub fn client_key(&self) -> CallerKey {
        self.client()
            .map_or(CallerKey::SERVER, CallerKey::of_address)
    }

    /// Notes the path of the route that matched.
    pub fn note_route(&self, route: &Arc<str>) {
        if let Some(notes) = &self.0.notes {
            let _ = notes.route.set(route.clone());
        }
    }

    /// Returns the normalized path.
    pub fn path(&self) -> &str {
        self.0.uri.path()
    }

    /// Returns the query as it was sent; empty if there is none.
    pub fn query(&self) -> &str {
        self.0.uri.query().unwrap_or_default()
    }

    /// Returns the value of a header, the first if there are several.
    pub fn header(&self, name: HeaderName) -> Option<&[u8]> {
        self.0.headers.get(name).map(HeaderValue::as_bytes)
    }

    /// Returns the values of all headers of that name.
    pub fn headers(&self, name: HeaderName) -> Vec<&[u8]> {
        let values = self.0.headers.get_all(name);
        values.iter().map(HeaderValue::as_bytes).collect()
    }

    /// Returns the values of all `Authorization` headers.
    pub fn authorization(&self) -> Vec<&[u8]> {
        self.headers(header::AUTHORIZATION)
    }

    /// Returns the value of the `Host` header.
    pub fn host(&self) -> Option<&[u8]> {
        self.header(header::HOST)
    }

    /// Returns what hrefs in the response begin with. See [`BaseUrl`].
    ///
    /// # Errors
    ///
    /// Fails with `InvalidRequest` if hrefs repeat the `Host` header and it is not the name of a host.
    pub fn base_url(&self, service: &Service) -> Result<BaseUrl, ApiError> {
        let is_absolute = service.edition.has_absolute_hrefs();
        let forwarded = &self.0.forwarded;
        match &service.external_url {
            Some(url) if is_absolute => return Ok(url.clone()),
            Some(url) => return Ok(BaseUrl(url.prefix().to_owned())),
            None if !is_absolute => return Ok(BaseUrl(forwarded.prefix.clone())),
            None => {}
        }
        let host = match &forwarded.host {
            Some(host) => host,
            None => self.host().map_or(Ok("localhost"), host)?,
        };
        let scheme = forwarded.scheme.unwrap_or("http");
        Ok(BaseUrl(format!("{scheme}://{host}{}", forwarded.prefix)))
    }

    /// Returns the length that `Content-Length` announces, in bytes; `None` for a body in chunks.
    fn announced_length(&self) -> Option<u64> {
        let length = self.header(header::CONTENT_LENGTH)?;
        str::from_utf8(length).ok()?.parse().ok()
    }

    /// Returns the address that sent the request; `None` if there is no connection.
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    /// Returns the `X-Vcap-Request-Id` of the response, which log lines about the request name too.
    pub fn id(&self) -> &str {
        // The router creates ids of ASCII characters.
        self.0.id.to_str().unwrap_or_default()
    }
}

/// Returns a `Host` header as hrefs repeat it.
fn host(header: &[u8]) -> Result<&str, ApiError> {
    let is_host = |host: &&str| (1..=MAX_HOST).contains(&host.len()) && is_authority(host);
    let host = str::from_utf8(header).ok().filter(is_host);
    host.ok_or(ApiError::InvalidRequest)
}

/// The body of a request, which arrives in pieces. It is limited in size; each piece is limited in time.
pub(super) struct RequestBody {
    pieces: BoxStream<'static, Result<Bytes, ApiError>>,
    /// How many more bytes are accepted.
    remaining: usize,
    /// Whether the request announces more bytes than are accepted.
    is_too_large: bool,
    received: usize,
    start: Instant,
    idle_timeout: Duration,
    slow_start: Duration,
}

impl RequestBody {
    /// Returns the body of `request`, which `pieces` make up. More than `limit` bytes are refused.
    pub fn of<B: Buf>(
        request: &Request,
        pieces: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
        limit: usize,
    ) -> Self {
        let announced = request.announced_length();
        Self {
            is_too_large: announced.is_some_and(|length| length > limit as u64),
            ..Self::new(pieces, limit)
        }
    }

    fn new<B: Buf>(
        pieces: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
        limit: usize,
    ) -> Self {
        let pieces = pieces.map(|piece| match piece {
            Ok(mut piece) => Ok(piece.copy_to_bytes(piece.remaining())),
            // The client closed the connection or sent a malformed chunk; hyper closes the connection.
            Err(_) => Err(ApiError::InvalidRequest),
        });
        Self {
            pieces: pieces.boxed(),
            remaining: limit,
            is_too_large: false,
            received: 0,
            start: Instant::now(),
            idle_timeout: IDLE_TIMEOUT,
            slow_start: SLOW_START,
        }
    }

    /// Reads nothing.
    ///
    /// # Errors
    ///
    /// Fails with `TooLarge` if `Content-Length` exceeds the limit.
    pub fn check_announced_length(&self) -> Result<(), ApiError> {
        match self.is_too_large {
            true => Err(ApiError::TooLarge),
            false => Ok(()),
        }
    }

    /// Returns the next piece, or `None` at the end of the body.
    ///
    /// # Errors
    ///
    /// Fails with `TooLarge` if the body exceeds its limit, before anything is read if its `Content-Length` does, with
    /// `RequestTimeout` if no piece arrives for [`IDLE_TIMEOUT`] or the body arrives at less than [`LOWEST_RATE`], and with
    /// `InvalidRequest` if the connection breaks.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        self.check_announced_length()?;
        let at_lowest_rate = Duration::from_secs(self.received as u64 / LOWEST_RATE);
        let end = self.start + self.slow_start + at_lowest_rate;
        let next = timeout_at(
            end.min(Instant::now() + self.idle_timeout),
            self.pieces.next(),
        );
        let Some(piece) = next.await.map_err(|_| ApiError::RequestTimeout)? else {
            return Ok(None);
        };
        let piece = piece?;
        self.remaining = self
            .remaining
            .checked_sub(piece.len())
            .ok_or(ApiError::TooLarge)?;
        self.received += piece.len();
        Ok(Some(piece))
    }

    /// Returns the whole body. `stopped` completes when the server stops: what was sent by then still has [`LAST_CHANCE`] to
    /// arrive.
    ///
    /// # Errors
    ///
    /// Fails with the errors of [`Self::next_piece`], and with `Stopping` if the server stops before the body has arrived.
    pub async fn read_whole(
        mut self,
        stopped: impl Future<Output = ()>,
    ) -> Result<Vec<u8>, ApiError> {
        let read = async {
            let mut whole = Vec::new();
            while let Some(piece) = self.next_piece().await? {
                whole.extend_from_slice(&piece);
            }
            Ok(whole)
        };
        let too_late = async {
            stopped.await;
            sleep(LAST_CHANCE).await;
        };
        tokio::select! {
            biased;
            whole = read => whole,
            () = too_late => Err(ApiError::Stopping),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::stream;

    use super::*;

    fn body_of(pieces: &'static [&'static [u8]], limit: usize) -> RequestBody {
        let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece)));
        RequestBody::new(stream::iter(pieces), limit)
    }

    #[tokio::test]
    async fn body_is_read_up_to_its_limit() {
        let body = body_of(&[b"12", b"", b"345"], 5);
        assert_eq!(body.read_whole(pending()).await, Ok(b"12345".to_vec()));
        let body = body_of(&[b"12", b"345"], 4);
        assert_eq!(body.read_whole(pending()).await, Err(ApiError::TooLarge));
        let mut body = body_of(&[b"12", b"345"], 4);
        assert_eq!(body.next_piece().await, Ok(Some(Bytes::from_static(b"12"))));
        assert_eq!(body.next_piece().await, Err(ApiError::TooLarge));
    }

    #[tokio::test]
    async fn body_may_take_long_but_may_not_pause() {
        // A late wake-up does no harm: a piece that has arrived is read even if the time-out has expired too.
        let (pause, idle_timeout) = (Duration::from_millis(10), Duration::from_millis(60));
        let slow = stream::unfold(0, move |sent: u8| async move {
            tokio::time::sleep(pause).await;
            (sent < 10).then(|| (Ok(Bytes::from_static(b"x")), sent + 1))
        });
        let mut body = RequestBody::new(slow, 100);
        body.idle_timeout = idle_timeout;
        assert_eq!(body.read_whole(pending()).await, Ok(b"xxxxxxxxxx".to_vec()));

        let first = stream::iter([Ok(Bytes::from_static(b"x"))]);
        let mut body = RequestBody::new(first.chain(stream::pending()), 100);
        body.idle_timeout = idle_timeout;
        assert_eq!(
            body.read_whole(pending()).await,
            Err(ApiError::RequestTimeout)
        );
    }

    #[tokio::test]
    async fn body_that_arrives_too_slowly_is_refused() {
        let slow = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok(Bytes::from_static(b"x")), ()))
        });
        let mut body = RequestBody::new(slow, usize::MAX);
        body.slow_start = Duration::from_millis(50);
        assert_eq!(
            body.read_whole(pending()).await,
            Err(ApiError::RequestTimeout)
        );
    }
}
