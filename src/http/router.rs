//! The processing that all routes share: path normalization, fault rules, request ids.

mod answer;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Body;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::time::sleep;
use uuid::Uuid;
use warp::filters::BoxedFilter;
use warp::http::header::{self, HeaderName, HeaderValue};
use warp::http::uri::{PathAndQuery, Uri};
use warp::http::{HeaderMap, Method, StatusCode, Version};

use super::forwarded::{self, Forwarded};
use super::observe::{Notes, Observation};
use super::unread_body::{Rest, SharedBody};
use super::{Request, Response, redact, response, routes, ui};
use crate::error::ApiError;
use crate::service::Service;
use crate::service::fault_rules::FaultEffect;
use crate::service::web_pages::{PageHeaders, WebPages};
pub use answer::Answer;

/// The longest request target that is accepted, in bytes; a longer one gets 414.
const MAX_TARGET: usize = 8192;
/// The longest request id that is taken from a client, in characters.
const MAX_CLIENT_REQUEST_ID: usize = 255;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-vcap-request-id");

const NOT_HTTP: &str = "The request is not valid HTTP";
/// The health route, which is answered under any load.
const HEALTH: &str = "/healthz";
/// The one path of the listener of `--metrics`.
const METRICS: &str = "/metrics";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
/// The methods that pages of allowed origins may use.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// The headers of responses that pages of allowed origins may read.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("ETag, Location, Retry-After, X-Cf-Warnings, X-Vcap-Request-Id");
/// How long a browser may remember the response to a preflight request, in seconds.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The limit that a `rate_limit` fault reports, in requests per hour.
const RATE_LIMIT: i64 = 2000;
/// How many seconds after the response the limit that a `rate_limit` fault reports is reset.
const RATE_LIMIT_RESET: i64 = 1;

/// Answers requests. One router serves all connections; cloning it is cheap.
#[derive(Clone)]
pub struct Router {
    service: Arc<Service>,
    routes: BoxedFilter<(Response,)>,
    /// The address of the client, if there is one.
    client: Option<IpAddr>,
    /// Whether only `/healthz` is answered.
    is_overloaded: bool,
    /// The hosts that the listener of `--metrics` answers for; `None` on the listener of the API.
    of_metrics: Option<Arc<WebPages>>,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

/// The server has to close the connection without a response, because a fault rule requests it.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed by a fault rule")]
pub struct DropConnection;

/// Marks a response to a request whose body was not read to its end.
#[derive(Clone, Copy, Debug)]
pub struct UnreadBody;

impl Router {
    /// Returns the router of `service`.
    pub fn new(service: Arc<Service>) -> Self {
        let routes = routes::routes(&service);
        Self {
            service,
            routes,
            client: None,
            is_overloaded: false,
            of_metrics: None,
        }
    }

    /// Returns the router of a listener that serves `GET /metrics` and nothing else, to the hosts of `web_pages`.
    pub fn of_metrics(service: Arc<Service>, web_pages: WebPages) -> Self {
        Self {
            routes: routes::metrics_routes(&service),
            service,
            client: None,
            is_overloaded: false,
            of_metrics: Some(Arc::new(web_pages)),
        }
    }

    /// Returns the router for the requests of one connection. If the server `is_overloaded`, they get 503, except
    /// `/healthz`.
    pub fn of_client(&self, address: IpAddr, is_overloaded: bool) -> Self {
        Self {
            client: Some(address),
            is_overloaded,
            ..self.clone()
        }
    }

    /// Answers one request. If the client may still be sending the body of the request, the response says that the
    /// connection closes, and has the extension [`UnreadBody`].
    ///
    /// # Errors
    ///
    /// Fails only if a fault rule closes the connection. Everything a client can do wrong is an error response.
    pub async fn answer<B>(self, request: hyper::Request<B>) -> Result<Response, DropConnection>
    where
        B: Body + Send + Sync + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if request.body().is_end_stream() {
            return self.respond_observed(request).await;
        }
        // A client that waits for 100 Continue has not begun to send the body.
        let is_expecting = request.headers().contains_key(header::EXPECT);
        let (head, body) = request.into_parts();
        let body = SharedBody::new(body);
        let request = hyper::Request::from_parts(head, body.clone());
        let refusing = self.clone();
        let mut response = self.respond_observed(request).await?;
        if body.is_end_stream() {
            return Ok(response);
        }
        let closes = response.headers().contains_key(header::CONNECTION);
        // On a connection that gets one response, the next request is lost anyway, and its place is needed.
        let rest = match closes || is_expecting || refusing.is_overloaded {
            true => Rest::Unread,
            false => body.read_rest().await,
        };
        if rest == Rest::Malformed && !response.status().is_success() {
            refusing.refuse_body(&mut response);
        }
        if rest != Rest::Ended {
            // RFC 9112 §9.6: otherwise the client's next request would be lost.
            response
                .headers_mut()
                .insert(header::CONNECTION, response::CLOSE);
            response.extensions_mut().insert(UnreadBody);
        }
        Ok(response)
    }

    /// Answers a request, and records it for the log, the admin API and the metrics.
    async fn respond_observed<B>(
        self,
        request: hyper::Request<B>,
    ) -> Result<Response, DropConnection>
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let observation = match self.of_metrics {
            Some(_) => None,
            None => Observation::begin(&self.service, &request),
        };
        let Some(observation) = observation else {
            return self.respond(request, None).await;
        };
        let service = self.service.clone();
        let notes = Some(observation.notes.clone());
        let result = self.respond(request, notes).await;
        observation.end(&service, &result);
        result
    }

    async fn respond<B>(
        self,
        mut request: hyper::Request<B>,
        notes: Option<Arc<Notes>>,
    ) -> Result<Response, DropConnection>
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = request_id(request.headers());
        if let Some(notes) = &notes {
            let _ = notes.id.set(id.clone());
        }
        let names_one_host = names_one_host(&request);
        if let Some(host) = authority(request.uri()) {
            // RFC 9112 §3.2.2: the host of a target in absolute form takes precedence over the header.
            request.headers_mut().insert(header::HOST, host);
        }
        let web_pages = self.web_pages();
        let origin = allowed_origin(web_pages, request.headers());
        let depends_on_origin = web_pages.depends_on_origin();
        let (forwarded, read) = match self.forwarded(request.headers()) {
            Ok(forwarded) => (forwarded, Ok(())),
            // It has no href, and says how the server is, not how the proxy is.
            Err(_) if request.uri().path() == HEALTH => (Forwarded::default(), Ok(())),
            Err(error) => (Forwarded::default(), Err(error)),
        };
        let checked = self
            .check(&request, names_one_host, origin.is_some(), &forwarded)
            .and(read);
        let normalized = checked.and_then(|()| match &self.of_metrics {
            // Prometheus asks for the path as it is configured.
            Some(_) if request.uri().path() != METRICS => Err(ApiError::UnknownRequest),
            Some(_) => Ok(None),
            None => normalize(request.uri()),
        });
        if let Ok(Some(uri)) = &normalized {
            *request.uri_mut() = uri.clone();
            if let Some(notes) = &notes {
                let _ = notes.uri.set(uri.clone());
            }
        }
        let headers = std::mem::take(request.headers_mut());
        let client = match self.client {
            Some(_) if self.service.trust_proxy => forwarded::client(&headers).or(self.client),
            client => client,
        };
        let parts = Request::new(
            request.method().clone(),
            request.uri().clone(),
            headers,
            id.clone(),
            client,
            forwarded,
            notes,
        );
        let mut response = match normalized {
            Ok(_) if self.is_overloaded && parts.path() != HEALTH => {
                response::error(&self.service, &parts, &ApiError::Overloaded)
            }
            Ok(_) if origin.is_some() && is_preflight(request.method(), &parts) => {
                preflight(&parts)
            }
            Ok(_) => {
                request.extensions_mut().insert(parts.clone());
                self.apply_fault_rules(request, parts).await?
            }
            Err(error) => response::error(&self.service, &parts, &error),
        };
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
        if depends_on_origin {
            headers.append(header::VARY, ORIGIN);
        }
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
        Ok(response)
    }

    fn web_pages(&self) -> &WebPages {
        let of_metrics = self.of_metrics.as_deref();
        of_metrics.unwrap_or(&self.service.web_pages)
    }

    /// Returns what a trusted proxy says of the requested URL; nothing if the external URL is given.
    ///
    /// # Errors
    ///
    /// Fails with the errors of [`Forwarded::of`].
    fn forwarded(&self, headers: &HeaderMap) -> Result<Forwarded, ApiError> {
        let is_asked = self.service.trust_proxy && self.service.external_url.is_none();
        if is_asked && self.of_metrics.is_none() {
            return Forwarded::of(headers);
        }
        Ok(Forwarded::default())
    }

    /// Checks what the head of a request says of its sender, before anything is done.
    ///
    /// # Errors
    ///
    /// Fails if the request names a host that the server does not answer for, or if it changes something and was sent by a
    /// web page that may not.
    fn check<B>(
        &self,
        request: &hyper::Request<B>,
        names_one_host: bool,
        is_allowed_origin: bool,
        forwarded: &Forwarded,
    ) -> Result<(), ApiError> {
        if self.client.is_none() {
            return Ok(());
        }
        let web_pages = self.web_pages();
        let headers = request.headers();
        if !names_one_host {
            let text = "The request must have exactly one `Host` header";
            return Err(ApiError::Refused(text.into()));
        }
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
        if let Some(host) = host {
            web_pages.check_host(host)?;
        }
        let changes_nothing = [Method::GET, Method::HEAD, Method::OPTIONS];
        if is_allowed_origin || changes_nothing.contains(request.method()) {
            return Ok(());
        }
        web_pages.check_change(PageHeaders {
            // What the page requested, if a proxy has sent another `Host`.
            host: forwarded.host.as_deref().map(str::as_bytes).or(host),
            scheme: forwarded.scheme,
            origin: only_value(headers, &header::ORIGIN),
            fetch_site: only_value(headers, &FETCH_SITE),
        })
    }

    /// Returns the response to a request whose head has not arrived in time, as it is sent.
    pub fn head_timeout(&self) -> Vec<u8> {
        match self.is_overloaded {
            true => self.overloaded(),
            false => self.raw(&ApiError::RequestTimeout),
        }
    }

    /// Makes an error response say that the body of the request is not valid HTTP.
    fn refuse_body(&self, response: &mut Response) {
        self.replace(response, &ApiError::Refused(NOT_HTTP.into()));
    }

    /// Makes an error response say that the connection has lost its place to another one.
    pub fn refuse_place(&self, response: &mut Response) {
        self.replace(response, &ApiError::Overloaded);
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, response::SOON);
    }

    /// Replaces an error response by another one, with the same headers.
    fn replace(&self, response: &mut Response, error: &ApiError) {
        *response.status_mut() = status_of(error);
        *response.body_mut() = Bytes::from(self.service.edition.error(error)).into();
    }

    /// Returns the response to a request that is not valid HTTP, or too large, with this status, as it is sent.
    pub fn malformed(&self, status: u16) -> Vec<u8> {
        self.raw(&match status {
            414 => ApiError::TargetTooLong,
            431 => ApiError::HeadTooLarge,
            _ => ApiError::Refused(NOT_HTTP.into()),
        })
    }

    /// Returns the response on a connection that cannot be served, as it is sent.
    pub fn overloaded(&self) -> Vec<u8> {
        self.raw(&ApiError::Overloaded)
    }

    /// Returns an error response as it is sent, on a connection that closes after it.
    fn raw(&self, error: &ApiError) -> Vec<u8> {
        let document = self.service.edition.error(error);
        let status = status_of(error);
        let id = Uuid::new_v4();
        let retry = match error {
            ApiError::Overloaded => "Retry-After: 1\r\n",
            _ => "",
        };
        let mut raw = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nX-Vcap-Request-Id: {id}\r\n{retry}Connection: close\r\nContent-Length: {}\r\n\r\n",
            document.len()
        )
        .into_bytes();
        raw.extend_from_slice(&document);
        raw
    }

    /// Finishes what is due, until the store is closed.
    pub async fn finish_what_is_due(self) {
        self.service.finish_what_is_due().await;
    }

    /// Breaks off the uploads whose body has not arrived.
    pub fn stop_uploads(&self) {
        self.service.stop();
    }

    /// Makes the running reads and the running write fail, and all later ones.
    pub fn break_off(&self) {
        self.service.store.break_off_reads();
        self.service.store.interrupt_writes();
    }

    /// Applies `--delay` and the first fault rule that matches. `/healthz`, `/admin/*` and the files of the page are exempt.
    async fn apply_fault_rules<B>(
        self,
        request: hyper::Request<B>,
        parts: Request,
    ) -> Result<Response, DropConnection>
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = parts.path();
        let is_exempt = path == HEALTH || path.starts_with("/admin/");
        if self.of_metrics.is_some() || is_exempt || ui::is_own_path(&self.service, path) {
            return Ok(self.route(request, &parts).await);
        }
        if !self.service.delay.is_zero() {
            sleep(self.service.delay).await;
        }
        let method = request.method().as_str();
        match self.service.fault_rules.take(method, path) {
            None => Ok(self.route(request, &parts).await),
            Some(FaultEffect::Delay(delay)) => {
                sleep(delay).await;
                Ok(self.route(request, &parts).await)
            }
            Some(FaultEffect::Refuse(error)) => Ok(self.refuse(&parts, &error)),
            Some(FaultEffect::DropConnection) => Err(DropConnection),
            Some(FaultEffect::Warn(warning)) => {
                let mut response = self.route(request, &parts).await;
                response::add_warning(&mut response, &warning);
                Ok(response)
            }
        }
    }

    /// Passes the request to its handler. A handler that panics gives a 500.
    async fn route<B>(self, request: hyper::Request<B>, parts: &Request) -> Response
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Self {
            service, routes, ..
        } = self;
        let routes = TowerToHyperService::new(warp::service(routes));
        match AssertUnwindSafe(routes.call(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                let error = ApiError::Internal("a handler panicked".into());
                response::error(&service, parts, &error)
            }
        }
    }

    /// Returns the error response that a fault rule requested. A rate limit also has the headers of a rate limiter.
    fn refuse(&self, request: &Request, error: &ApiError) -> Response {
        let mut response = response::error(&self.service, request, error);
        if *error == ApiError::RateLimited {
            let reset = self.service.clock.now().saturating_add(RATE_LIMIT_RESET);
            let headers = response.headers_mut();
            for (name, value) in [
                ("x-ratelimit-limit", RATE_LIMIT),
                ("x-ratelimit-remaining", 0),
                ("x-ratelimit-reset", reset),
                ("retry-after", RATE_LIMIT_RESET),
            ] {
                headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
            }
        }
        response
    }
}

fn status_of(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status()).expect("every error has a status from 400 to 599")
}

/// Whether a request has exactly one `Host` header, as it was sent (RFC 9112 §3.2). HTTP/1.0 needs none.
fn names_one_host<B>(request: &hyper::Request<B>) -> bool {
    match request.headers().get_all(header::HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        count => count == 1,
    }
}

/// Returns the host of a target in absolute form.
fn authority(uri: &Uri) -> Option<HeaderValue> {
    HeaderValue::from_str(uri.authority()?.as_str()).ok()
}

/// Returns the `Origin` of a request if its pages may read responses.
fn allowed_origin(web_pages: &WebPages, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = web_pages.allowed_origin(only_value(headers, &header::ORIGIN)?)?;
    HeaderValue::from_str(origin).ok()
}

/// Returns the value of a header; of several, which no browser sends, an empty one.
fn only_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.as_bytes();
    Some(if values.next().is_none() { value } else { b"" })
}

fn is_preflight(method: &Method, request: &Request) -> bool {
    let wanted = request.header(header::ACCESS_CONTROL_REQUEST_METHOD);
    *method == Method::OPTIONS && wanted.is_some()
}

/// Returns the response to a preflight request (<https://fetch.spec.whatwg.org/#cors-preflight-request>): a page of an
/// allowed origin may send any request.
fn preflight(request: &Request) -> Response {
    let mut response = response::no_content();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE);
    let wanted = request.header(header::ACCESS_CONTROL_REQUEST_HEADERS);
    if let Some(Ok(wanted)) = wanted.map(HeaderValue::from_bytes) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    }
    response
}

/// Normalizes the path of a target as a Cloud Controller's router does: repeated slashes become one, a trailing slash
/// and a trailing `.json` are removed, percent-encoded characters are decoded. Returns `None` if nothing changes.
///
/// # Errors
///
/// Fails if the target is too long or has no path.
fn normalize(uri: &Uri) -> Result<Option<Uri>, ApiError> {
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if target.len() > MAX_TARGET {
        return Err(ApiError::TargetTooLong);
    }
    let path = uri.path();
    // `OPTIONS *` and `CONNECT host:port` have no path.
    if !path.starts_with('/') {
        return Err(ApiError::UnknownRequest);
    }
    let is_normal = !path.contains("//")
        && !path.contains('%')
        && !path.ends_with(".json")
        && (path.len() == 1 || !path.ends_with('/'));
    if is_normal && uri.authority().is_none() {
        return Ok(None);
    }
    let decoded = percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| ApiError::UnknownRequest)?;
    // No route has such characters in its path, and they cannot be part of a `Uri`.
    if decoded.contains(['?', '#', '%', ' ']) || decoded.contains(char::is_control) {
        return Err(ApiError::UnknownRequest);
    }
    let mut normal = String::with_capacity(target.len());
    for segment in decoded.split('/').filter(|segment| !segment.is_empty()) {
        normal.push('/');
        normal.push_str(segment);
    }
    // A segment that is nothing but the suffix keeps it.
    if let Some(stem) = normal.strip_suffix(".json")
        && stem != "/openapi"
        && !stem.ends_with('/')
    {
        normal.truncate(stem.len());
    }
    if normal.is_empty() {
        normal.push('/');
    }
    if let Some(query) = uri.query() {
        normal.push('?');
        normal.push_str(query);
    }
    Uri::try_from(normal)
        .map(Some)
        .map_err(|_| ApiError::UnknownRequest)
}

/// Returns the `X-Vcap-Request-Id` of the response: a new UUID, after the client's own id and `::` if it sent one
/// (`docs/reference/http.md#request-ids`). An id that holds a secret is not kept: logs show it.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let sent = headers
        .get(REQUEST_ID)
        .or_else(|| headers.get("x-request-id"))
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let mut id: String = sent
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        .take(MAX_CLIENT_REQUEST_ID)
        .map(|byte| char::from(*byte))
        .collect();
    if redact::is_secret_id(sent, &id) {
        id.clear();
    }
    if !id.is_empty() {
        id.push_str("::");
    }
    let mut buffer = Uuid::encode_buffer();
    id.push_str(Uuid::new_v4().hyphenated().encode_lower(&mut buffer));
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"))
}
