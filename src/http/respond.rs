//! How a `GET` of data is answered: from the response cache while the data is unchanged, else rendered from one snapshot.

use std::sync::Arc;

use warp::http::StatusCode;
use warp::http::header::{self, HeaderValue};

use super::{Request, Response, response};
use crate::caller::Caller;
use crate::edition::{BaseUrl, Edition};
use crate::error::ApiError;
use crate::listing::response_cache::{CachedResponse, ResponseKey};
use crate::listing::{self, ListCache};
use crate::records::Resource;
use crate::service::Service;
use crate::store::{Snapshot, StoreError};

/// A `GET` request whose caller is authenticated.
#[derive(Debug)]
pub(super) struct Read {
    service: Arc<Service>,
    request: Request,
    key: ResponseKey,
}

/// What a document is rendered from.
#[derive(Debug)]
pub(super) struct Render<'a> {
    /// The snapshot that the whole document shows.
    pub snapshot: &'a Snapshot<'a>,
    /// Remembered ids of lists.
    pub list_cache: &'a Arc<ListCache>,
    /// The caller.
    pub caller: &'a Caller,
    /// The base of absolute hrefs.
    pub base_url: &'a BaseUrl,
    /// The edition that presents the document.
    pub edition: Edition,
}

impl Read {
    /// Authenticates the caller.
    ///
    /// # Errors
    ///
    /// Fails if the token or the `Host` header is refused.
    pub fn authenticate(service: Arc<Service>, request: Request) -> Result<Self, ApiError> {
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

    /// Returns the query as it was sent.
    pub fn query(&self) -> &str {
        self.request.query()
    }

    /// Returns the remembered response to the same request of the same caller, if the data is unchanged.
    pub fn cached(&self) -> Option<Response> {
        let page = self.service.response_cache.get(&self.key)?;
        (self.service.store.version_now() == Some(page.version))
            .then(|| conditional(&page, &self.request))
    }

    /// Renders the document from one snapshot, remembers it, and responds with it.
    ///
    /// # Errors
    ///
    /// Fails if the snapshot cannot be read, or if `render` fails.
    pub async fn respond(
        self,
        render: impl FnOnce(&Render<'_>) -> Result<Vec<u8>, ApiError> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let Self {
            service,
            request,
            key,
        } = self;
        let shared = service.clone();
        let page = service
            .store
            .read(move |snapshot| {
                let version = snapshot.version()?;
                // Another request may have rendered the same document while this one waited for a reader.
                if let Some(page) = shared.response_cache.get(&key)
                    && page.version == version
                {
                    return Ok(page);
                }
                let base_url = BaseUrl(key.base_url);
                let document = render(&Render {
                    snapshot,
                    list_cache: &shared.list_cache,
                    caller: &key.caller,
                    base_url: &base_url,
                    edition: shared.edition,
                })?;
                let page = CachedResponse::new(version, document);
                let key = ResponseKey {
                    base_url: base_url.0,
                    ..key
                };
                shared.response_cache.insert(key, &page);
                Ok::<_, ApiError>(page)
            })
            .await?;
        Ok(conditional(&page, &request))
    }
}

impl Render<'_> {
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

/// Returns 200 with the document, or 304 if `If-None-Match` names its entity tag (RFC 9110 §13.1.2).
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
