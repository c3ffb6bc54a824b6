//! How a `GET` of data is answered: from the response cache while the data is unchanged, else from one snapshot.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use warp::http::StatusCode;
use warp::http::header::{self, HeaderValue};

use super::{Request, Response, response};
use crate::caller::Caller;
use crate::edition::{BaseUrl, Edition, Foundation};
use crate::error::ApiError;
use crate::listing::request::ListRequest;
use crate::listing::response_cache::{CachedResponse, ResponseKey};
use crate::listing::{self, ListCache, PageIds};
use crate::records::Resource;
use crate::service::Service;
use crate::store::{Snapshot, StoreError};

/// A `GET` request whose caller is authenticated.
#[derive(Debug)]
pub(super) struct AuthenticatedRequest {
    service: Arc<Service>,
    request: Request,
    key: ResponseKey,
}

/// What the document of a response is rendered from.
#[derive(Debug)]
pub(super) struct RenderContext<'a> {
    /// The snapshot that the whole document shows.
    pub snapshot: &'a Snapshot<'a>,
    /// The cached ids of lists.
    pub list_cache: &'a Arc<ListCache>,
    /// The caller.
    pub caller: &'a Caller,
    /// The base of absolute hrefs.
    pub base_url: &'a BaseUrl,
    /// The edition that presents the document.
    pub edition: Edition,
}

impl AuthenticatedRequest {
    /// Authenticates the caller of `request`.
    ///
    /// # Errors
    ///
    /// Fails if the token or the `Host` header is refused.
    pub fn new(service: Arc<Service>, request: Request) -> Result<Self, ApiError> {
        let caller = service
            .authenticate(&request.authorization())?
            .into_reader()?;
        let base_url = service.base_url(request.host())?;
        let key = ResponseKey {
            caller,
            base_url: base_url.0,
            path: request.path().to_owned(),
            query: request.query().to_owned(),
        };
        Ok(Self {
            service,
            request,
            key,
        })
    }

    /// Returns the edition that is served.
    pub fn edition(&self) -> Edition {
        self.service.edition
    }

    /// Returns the foundation of the edition: what is served beside packages.
    ///
    /// # Errors
    ///
    /// Fails with `UnknownRequest` if the edition serves packages only.
    pub fn foundation(&self) -> Result<Foundation, ApiError> {
        let foundation = self.edition().foundation();
        foundation.ok_or(ApiError::UnknownRequest)
    }

    /// Returns the query as it was sent.
    pub fn query(&self) -> &str {
        self.request.query()
    }

    /// Returns the cached response to the same request of the same caller, if the data is unchanged.
    pub fn cached_response(&self) -> Option<Response> {
        let version = || self.service.store.version_now();
        let page = self.service.response_cache.get(&self.key, version)?;
        Some(conditional(&page, &self.request))
    }

    /// Renders the document from one snapshot, caches it, and responds with it.
    ///
    /// # Errors
    ///
    /// Fails if the snapshot cannot be read, or if `render` fails.
    pub async fn respond(
        self,
        render: impl Fn(&RenderContext<'_>) -> Result<Vec<u8>, ApiError> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let Self {
            service,
            request,
            key,
        } = self;
        let shared = service.clone();
        let read = service
            .store
            .read(move |snapshot| {
                let version = snapshot.version()?;
                // Another request may have rendered the document while this one waited for a reader.
                if let Some(page) = shared.response_cache.get(&key, || Some(version)) {
                    return Ok(page);
                }
                let base_url = BaseUrl(key.base_url.clone());
                let document = render(&RenderContext {
                    snapshot,
                    list_cache: &shared.list_cache,
                    caller: &key.caller,
                    base_url: &base_url,
                    edition: shared.edition,
                })?;
                let page = CachedResponse::new(version, document);
                let page = shared.response_cache.insert(key.clone(), page);
                page.ok_or(ApiError::Overloaded)
            })
            .await;
        let failed = matches!(read, Err(ApiError::Internal(_)));
        if failed || read.is_ok() {
            service.is_failing.store(failed, Ordering::Relaxed);
        }
        Ok(conditional(&read?, &request))
    }
}

impl RenderContext<'_> {
    /// Returns the total of a list and the ids of the requested page.
    ///
    /// # Errors
    ///
    /// Fails if the snapshot cannot be read.
    pub fn find_page<R: Resource>(&self, list: &ListRequest) -> Result<PageIds, StoreError> {
        listing::find::<R>(self.snapshot, self.list_cache, self.caller, list)
    }

    /// Returns the id of the record with that guid, if the caller may see it.
    ///
    /// # Errors
    ///
    /// Fails if the snapshot cannot be read.
    pub fn find_one<R: Resource>(&self, guid: &str) -> Result<Option<i64>, StoreError> {
        listing::find_one::<R>(
            self.snapshot,
            self.caller,
            guid,
            self.edition.suspended_organizations(),
        )
    }
}

/// Returns 200 with the document, or 304 if `If-None-Match` names its entity tag
/// ([RFC 9110 §13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)).
fn conditional(page: &CachedResponse, request: &Request) -> Response {
    let matches = request
        .headers(header::IF_NONE_MATCH)
        .into_iter()
        .filter_map(|value| str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == page.tag);
    let mut response = if matches {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        response::json(200, page.body.clone())
    };
    let headers = response.headers_mut();
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&page.tag).expect("an entity tag is hexadecimal digits in quotes"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    response
}
