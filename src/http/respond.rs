//! How a `GET` of data is answered: from the response cache while the data is unchanged, else from one snapshot.

use std::sync::Arc;

use warp::http::StatusCode;
use warp::http::header::{self, HeaderValue};

use super::{Request, Response, compression, response};
use crate::caller::Caller;
use crate::edition::{BaseUrl, Edition};
use crate::error::ApiError;
use crate::listing::request::ListRequest;
use crate::listing::response_cache::{CachedResponse, Coding, ResponseKey};
use crate::listing::{self, ListCache, PageIds};
use crate::records::Resource;
use crate::service::Service;
use crate::store::{Snapshot, StoreError};

/// The headers of requests that a cached response depends on.
const VARY: HeaderValue = HeaderValue::from_static("Authorization, Accept-Encoding");

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

/// Authenticates the caller and responds with the document that `render` makes from one snapshot and what `parse` returns,
/// given the query as it was sent. Where the same request of the same caller is cached and the data is unchanged, neither
/// runs.
///
/// # Errors
///
/// Fails if the token or the `Host` header is refused, if the snapshot cannot be read, or if `parse` or `render` fails.
pub(super) async fn respond<T: Send + Sync + 'static>(
    service: Arc<Service>,
    request: Request,
    parse: impl FnOnce(Edition, &str) -> Result<T, ApiError>,
    render: impl Fn(&RenderContext<'_>, &T) -> Result<Vec<u8>, ApiError> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let identity = request.authenticate(&service)?;
    let caller_key = request.caller_key(&service, &identity);
    let caller = identity.into_reader()?;
    let base_url = request.base_url(&service)?;
    let coding = compression::preferred(&request);
    let mut key = ResponseKey {
        caller,
        base_url: base_url.0,
        path: request.path().to_owned(),
        query: request.query().to_owned(),
        coding,
    };
    let is_cached = || {
        let mut key = key.clone();
        let is_in_coding = service.response_cache.holds(&key);
        key.coding = Coding::Identity;
        is_in_coding || service.response_cache.holds(&key)
    };
    let known = service.store.version_of_request(is_cached).await;
    let version = || known.get();
    if let Some(page) = service.response_cache.get(&key, version) {
        return Ok(conditional(&page, &request));
    }
    key.coding = Coding::Identity;
    if coding != Coding::Identity
        && let Some(page) = service.response_cache.get(&key, version)
    {
        return Ok(in_coding(&service, &request, coding, key, page).await);
    }
    let parsed = parse(service.edition, request.query())?;
    let (shared, wanted) = (service.clone(), key.clone());
    let read = service
        .store
        .read_of_request(&known, caller_key, move |snapshot| {
            let version = snapshot.version()?;
            // Another request may have rendered the document while this one waited for a reader.
            if let Some(page) = shared.response_cache.get(&wanted, || Some(version)) {
                return Ok(page);
            }
            let base_url = BaseUrl(wanted.base_url.clone());
            let context = RenderContext {
                snapshot,
                list_cache: &shared.list_cache,
                caller: &wanted.caller,
                base_url: &base_url,
                edition: shared.edition,
            };
            let page = CachedResponse::new(version, render(&context, &parsed)?);
            let page = shared.response_cache.insert(wanted.clone(), page);
            page.ok_or(ApiError::Overloaded)
        })
        .await;
    note_failure(&service, &request, &read);
    Ok(in_coding(&service, &request, coding, key, read?).await)
}

/// What the document of a response that is not cached is rendered from.
#[derive(Debug)]
pub(super) struct UncachedContext<'a> {
    /// The snapshot that the whole document shows.
    pub snapshot: &'a Snapshot<'a>,
    /// The caller.
    pub caller: &'a Caller,
    /// The base of absolute hrefs.
    pub base_url: &'a BaseUrl,
}

/// Like [`respond`], for data whose changes have no data version: the response is not cached and has no entity tag.
///
/// # Errors
///
/// Fails like [`respond`].
pub(super) async fn respond_uncached<T: Send + 'static>(
    service: Arc<Service>,
    request: Request,
    parse: impl FnOnce(Edition, &str) -> Result<T, ApiError>,
    render: impl Fn(&UncachedContext<'_>, &T) -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let identity = request.authenticate(&service)?;
    let caller_key = request.caller_key(&service, &identity);
    let caller = identity.into_reader()?;
    let base_url = request.base_url(&service)?;
    let parsed = parse(service.edition, request.query())?;
    let read = service.store.read(caller_key, move |snapshot| {
        let context = UncachedContext {
            snapshot,
            caller: &caller,
            base_url: &base_url,
        };
        render(&context, &parsed)
    });
    let read = read.await;
    note_failure(&service, &request, &read);
    let document = read?.into();
    let (body, coding) = match compression::preferred(&request) {
        Coding::Identity => (document, Coding::Identity),
        Coding::Gzip => compression::compressed_once(&service, document).await,
    };
    let mut response = response::json(200, body);
    response::note_coding(&mut response, coding);
    response.headers_mut().insert(header::VARY, VARY);
    Ok(response)
}

/// Remembers for `/healthz` that a document failed by a fault of the database, or forgets that it did.
pub(super) fn note_failure<T>(service: &Service, request: &Request, read: &Result<T, ApiError>) {
    let (path, query) = (request.path(), request.query());
    match read {
        Ok(_) | Err(ApiError::NotFound(_)) => service.failures.remove(path, query),
        Err(ApiError::Internal(_)) => {
            service
                .failures
                .add(path, query, service.store.version_now());
        }
        Err(_) => {}
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

    /// Returns the id of the record with that guid.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the caller may not see such a record, or if the snapshot cannot be read.
    pub fn require<R: Resource>(&self, guid: &str) -> Result<i64, ApiError> {
        self.find_one::<R>(guid)?
            .ok_or(ApiError::NotFound(R::NOT_FOUND))
    }

    /// Returns the id of the record with that guid, if the caller may see it.
    ///
    /// # Errors
    ///
    /// Fails if the snapshot cannot be read.
    fn find_one<R: Resource>(&self, guid: &str) -> Result<Option<i64>, StoreError> {
        listing::find_one::<R>(
            self.snapshot,
            self.caller,
            guid,
            self.edition.suspended_organizations(),
        )
    }
}

/// Returns the response to a client that prefers `coding`, of a page in none.
async fn in_coding(
    service: &Arc<Service>,
    request: &Request,
    coding: Coding,
    key: ResponseKey,
    page: CachedResponse,
) -> Response {
    let page = match coding {
        // A client that names a tag has the page. `*` names none: the answer has that of the client's coding.
        Coding::Gzip
            if !page
                .tags()
                .iter()
                .any(|tag| named_tags(request).contains(&&**tag)) =>
        {
            compression::compressed(service, key, page).await
        }
        _ => page,
    };
    conditional(&page, request)
}

/// Returns 200 with the document, or 304 if the client has it, in whichever coding.
fn conditional(page: &CachedResponse, request: &Request) -> Response {
    // Most requests name no tag.
    let names_tags = request.header(header::IF_NONE_MATCH).is_some();
    let held = names_tags
        .then(|| unchanged(request, &page.tags()).map(str::to_owned))
        .flatten();
    let mut response = if let Some(tag) = held {
        not_modified(&tag)
    } else {
        let mut response = response::json(200, page.body.clone());
        cache_headers(&mut response, &page.tag());
        response::note_coding(&mut response, page.coding);
        response
    };
    response.headers_mut().insert(header::VARY, VARY);
    response
}

/// Returns 304 for a client that has the response with that entity tag.
pub(super) fn not_modified(tag: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    cache_headers(&mut response, tag);
    response
}

/// Returns the first of the entity tags that `If-None-Match` names
/// ([RFC 9110 §13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)).
pub(super) fn unchanged<'t>(request: &Request, tags: &'t [String]) -> Option<&'t str> {
    let named = named_tags(request);
    let is_named = |tag: &&String| {
        named
            .iter()
            .any(|named| [tag.as_str(), "*"].contains(named))
    };
    tags.iter().find(is_named).map(String::as_str)
}

/// Returns the entity tags that `If-None-Match` names, and its `*`, as they are written.
fn named_tags(request: &Request) -> Vec<&str> {
    let values = request.headers(header::IF_NONE_MATCH);
    values
        .into_iter()
        .filter_map(|value| str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(|named| named.trim())
        .map(|named| named.strip_prefix("W/").unwrap_or(named))
        .collect()
}

/// Adds the headers by which a client can keep a response and ask whether it is still valid.
pub(super) fn cache_headers(response: &mut Response, tag: &str) {
    let headers = response.headers_mut();
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(tag).expect("an entity tag is hexadecimal digits in quotes"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
}
