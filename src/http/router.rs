//! What every request and every answer goes through, whatever its route: the plain path, the request id.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Empty};
use hyper::body::Body;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tokio::time::sleep;
use uuid::Uuid;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::http::header::{HeaderName, HeaderValue};
use warp::http::uri::{PathAndQuery, Uri};

use super::{Request, Response, response, routes};
use crate::error::ApiError;
use crate::service::Service;
use crate::service::fault_rules::FaultEffect;

/// The longest request target that is looked at, in bytes.
const LONGEST_TARGET: usize = 8192;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-vcap-request-id");
const WARNINGS: HeaderName = HeaderName::from_static("x-cf-warnings");

/// What a rate limit that was request for says: requests an hour, and seconds until it ends.
const RATE_LIMIT: i64 = 2000;
const RATE_LIMIT_RESET: i64 = 1;

/// The routes and what lies around them; one for all connections.
#[derive(Clone)]
pub struct Router {
    service: Arc<Service>,
    routes: BoxedFilter<(Response,)>,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

impl Router {
    /// The router of `service`.
    pub fn new(service: Arc<Service>) -> Self {
        let routes = routes::routes(&service);
        Self { service, routes }
    }

    /// Answers one request. Nothing that a client sends makes it fail; only a fault that was request for does.
    pub async fn answer<B>(self, mut request: hyper::Request<B>) -> Result<Response, DropConnection>
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = request_id(request.headers());
        let mut response = match plain(request.uri()) {
            Err(error) => response::error(&self.service, &error),
            Ok(uri) => {
                if let Some(uri) = uri {
                    *request.uri_mut() = uri;
                }
                self.with_fault_rules(request).await?
            }
        };
        response.headers_mut().insert(REQUEST_ID, id);
        Ok(response)
    }

    /// Status and body of the answer to `GET target`. An error: what is wrong with the target.
    pub async fn get(self, target: &str) -> Result<(u16, Bytes), String> {
        let request = hyper::Request::get(target)
            .body(Empty::<Bytes>::new())
            .map_err(|_| "is no target of a request; escape what is not plain".to_owned())?;
        let response = self.answer(request).await.map_err(|cut| cut.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| format!("cannot be answered: {error}"))?;
        Ok((status, body.to_bytes()))
    }

    /// The answer, with what `--delay` and the faults do to it; `/healthz` and `/admin` feel neither.
    async fn with_fault_rules<B>(
        self,
        request: hyper::Request<B>,
    ) -> Result<Response, DropConnection>
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = request.uri().path();
        if path == "/healthz" || path.starts_with("/admin/") {
            return Ok(self.routed(request).await);
        }
        if !self.service.delay.is_zero() {
            sleep(self.service.delay).await;
        }
        match self
            .service
            .fault_rules
            .take(request.method().as_str(), path)
        {
            None => Ok(self.routed(request).await),
            Some(FaultEffect::Delay(delay)) => {
                sleep(delay).await;
                Ok(self.routed(request).await)
            }
            Some(FaultEffect::Refuse(error)) => Ok(self.refuse(&error)),
            Some(FaultEffect::DropConnection) => Err(DropConnection),
            Some(FaultEffect::Warn(warning)) => {
                let mut response = self.routed(request).await;
                let warning = percent_encode(warning.as_bytes(), NON_ALPHANUMERIC).to_string();
                if let Ok(warning) = HeaderValue::try_from(warning) {
                    response.headers_mut().insert(WARNINGS, warning);
                }
                Ok(response)
            }
        }
    }

    async fn routed<B>(self, mut request: hyper::Request<B>) -> Response
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let read = Request::new(request.uri().clone(), std::mem::take(request.headers_mut()));
        request.extensions_mut().insert(read);
        let Self { service, routes } = self;
        let routes = TowerToHyperService::new(warp::service(routes));
        match AssertUnwindSafe(routes.call(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => response::error(&service, &ApiError::Internal("a handler panicked".into())),
        }
    }

    /// A refusal that was request for; a rate limit says when it ends.
    fn refuse(&self, error: &ApiError) -> Response {
        let mut response = response::error(&self.service, error);
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

/// The connection is to break off without an answer: a fault that was request for.
#[derive(Debug)]
pub struct DropConnection;

impl std::fmt::Display for DropConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut, as a fault request for")
    }
}

impl std::error::Error for DropConnection {}

/// The target with its path made plain, as a controller's router does: repeated slashes are one, one at the end is
/// none, `.json` at the end is none, escaped plain characters are themselves. `None`: it is plain already.
fn plain(uri: &Uri) -> Result<Option<Uri>, ApiError> {
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if target.len() > LONGEST_TARGET {
        return Err(ApiError::TargetTooLong);
    }
    let path = uri.path();
    // `OPTIONS *` and `CONNECT host:port` name no path.
    if !path.starts_with('/') {
        return Err(ApiError::UnknownRequest);
    }
    let is_plain = !path.contains("//")
        && !path.contains('%')
        && !path.ends_with(".json")
        && (path.len() == 1 || !path.ends_with('/'));
    if is_plain && uri.authority().is_none() {
        return Ok(None);
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
    // What is not text, or holds what a path cannot say, names no route: any will do that does not exist.
    let mut plain: String = match &decoded {
        Ok(path) if !path.contains(['?', '#', '%', ' ']) && !path.contains(char::is_control) => {
            let mut plain = String::with_capacity(path.len());
            for piece in path.split('/').filter(|piece| !piece.is_empty()) {
                plain.push('/');
                plain.push_str(piece);
            }
            plain
        }
        _ => "/v3/404".into(),
    };
    if let Some(stem) = plain
        .strip_suffix(".json")
        .filter(|stem| *stem != "/openapi")
    {
        plain.truncate(stem.len());
    }
    if plain.is_empty() {
        plain.push('/');
    }
    if let Some(query) = uri.query() {
        plain.push('?');
        plain.push_str(query);
    }
    Uri::try_from(plain)
        .map(Some)
        .map_err(|_| ApiError::UnknownRequest)
}

/// `X-Vcap-Request-Id` of the answer (packages-api.md §8): the client's own, cleaned, `::`, a new UUID; or that alone.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let own = headers
        .get(REQUEST_ID)
        .or_else(|| headers.get("x-request-id"))
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let mut id: String = own
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        .take(255)
        .map(|byte| char::from(*byte))
        .collect();
    if !id.is_empty() {
        id.push_str("::");
    }
    let mut buffer = Uuid::encode_buffer();
    id.push_str(Uuid::new_v4().hyphenated().encode_lower(&mut buffer));
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"))
}
