//! How a document is answered: from the bytes kept of it if they are still true, else rendered anew; with a tag.

use std::sync::Arc;

use warp::http::header::{self, HeaderValue};
use warp::http::{HeaderMap, StatusCode};

use super::{Asked, Reply, Service, reply};
use crate::caller::Caller;
use crate::edition::Site;
use crate::error::ApiError;
use crate::listing::Landmarks;
use crate::listing::rendered::{Key, Page};
use crate::store::Db;

/// What a document is rendered with.
pub(super) struct Scene<'a> {
    /// One snapshot for all of it.
    pub db: &'a Db<'a>,
    /// What is remembered of lists.
    pub landmarks: &'a Arc<Landmarks>,
    /// Who asks.
    pub caller: &'a Caller,
    /// What absolute hrefs begin with.
    pub site: &'a Site,
}

/// Answers the document that `parse` and then `render` make of the request. What was kept of the same request by the
/// same caller was right once, and is answered again as long as the data has not changed.
pub(super) async fn answer<P: Send + 'static>(
    service: Arc<Service>,
    asked: Asked,
    parse: impl FnOnce(&Service, &str) -> Result<P, ApiError>,
    render: impl FnOnce(&Scene<'_>, &Service, P) -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Result<Reply, ApiError> {
    let caller = service.identify(&asked)?.caller;
    let site = service.site(&asked)?;
    let key = Key {
        caller,
        site: site.0,
        path: asked.path().to_owned(),
        query: asked.query().to_owned(),
    };
    if let Some(page) = service.rendered.get(&key)
        && service.store.version_now() == Some(page.version)
    {
        return Ok(unless_known(&page, &asked.headers));
    }
    let parsed = parse(&service, &key.query)?;
    let shared = service.clone();
    let page = service
        .store
        .read(move |db| {
            let version = db.version()?;
            if let Some(page) = shared.rendered.get(&key)
                && page.version == version
            {
                return Ok(page);
            }
            let site = Site(key.site);
            let scene = Scene {
                db,
                landmarks: &shared.landmarks,
                caller: &key.caller,
                site: &site,
            };
            let page = Page::new(version, render(&scene, &shared, parsed)?);
            let key = Key {
                site: site.0,
                ..key
            };
            shared.rendered.keep(key, &page);
            Ok::<_, ApiError>(page)
        })
        .await?;
    Ok(unless_known(&page, &asked.headers))
}

/// 200 with the document, or 304 if the client says that it has it.
fn unless_known(page: &Page, headers: &HeaderMap) -> Reply {
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim())
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == page.tag);
    let mut reply = if known {
        let mut reply = Reply::default();
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        reply
    } else {
        reply(200, page.body.clone())
    };
    let headers = reply.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&page.tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    reply
}
