//! A list as today's controllers show it (packages-api.md §3): pagination, resources, and what is included.

use serde::Serialize;

use crate::edition::json::{Pieces, compact};
use crate::edition::{BaseUrl, Each, Presented};
use crate::listing::request::ListRequest;
use crate::store::StoreError;

/// The list document. `rows` lends the page's rows in their order.
pub fn list<R: Presented>(
    base_url: &BaseUrl,
    request: &ListRequest,
    total: u64,
    rows: impl FnOnce(&mut Each<'_, R>) -> Result<(), StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"pagination\":");
    compact(&mut out, &Pagination::new(base_url, request, total));
    out.extend_from_slice(b",\"resources\":");
    array::<R>(&mut out, base_url, rows)?;
    out.push(b'}');
    Ok(out)
}

/// Puts `included` behind the last member of a document: of a list, or of one resource.
///
/// `included` holds names and arrays in the order in which they are shown.
pub fn include(document: &mut Vec<u8>, included: &[(&str, Vec<u8>)]) {
    document.pop();
    document.extend_from_slice(b",\"included\":{");
    for (n, (name, array)) in included.iter().enumerate() {
        if n > 0 {
            document.push(b',');
        }
        compact(document, name);
        document.push(b':');
        document.extend_from_slice(array);
    }
    document.extend_from_slice(b"}}");
}

/// Appends the rows' documents as an array.
pub fn array<R: Presented>(
    out: &mut Vec<u8>,
    base_url: &BaseUrl,
    rows: impl FnOnce(&mut Each<'_, R>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    out.push(b'[');
    let empty = out.len();
    rows(&mut |row| {
        if out.len() > empty {
            out.push(b',');
        }
        (R::CURRENT.write)(&row, base_url, out);
        Ok(())
    })?;
    out.push(b']');
    Ok(())
}

#[derive(Serialize)]
struct Pagination<'a> {
    total_results: u64,
    total_pages: u64,
    first: PageLink<'a>,
    last: PageLink<'a>,
    next: Option<PageLink<'a>>,
    previous: Option<PageLink<'a>>,
}

impl<'a> Pagination<'a> {
    fn new(base_url: &'a BaseUrl, request: &'a ListRequest, total: u64) -> Self {
        let page = |number| PageLink {
            href: PageHref {
                base_url,
                request,
                number,
            },
        };
        Self {
            total_results: total,
            total_pages: request.page.last(total),
            first: page(1),
            last: page(request.page.last(total)),
            next: request.page.next(total).map(page),
            previous: request.page.previous().map(page),
        }
    }
}

#[derive(Serialize)]
struct PageLink<'a> {
    href: PageHref<'a>,
}

struct PageHref<'a> {
    base_url: &'a BaseUrl,
    request: &'a ListRequest,
    number: u64,
}

impl Serialize for PageHref<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            base_url,
            request,
            number,
        } = self;
        serializer.collect_str(&format_args!(
            "{base_url}{}?{}page={number}&per_page={}{}",
            request.path,
            request.echo.before,
            request.page.per_page(),
            request.echo.after
        ))
    }
}

/// A link to a resource's own path: the base_url, the path before the guid, the guid, and what follows.
pub(super) struct Link<'a> {
    pub base_url: &'a BaseUrl,
    pub collection: &'static str,
    pub guid: &'a str,
    pub action: &'static str,
    pub method: Option<&'static str>,
}

impl Serialize for Link<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let Self {
            base_url,
            collection,
            guid,
            action,
            ..
        } = self;
        let mut map = serializer.serialize_map(None)?;
        let href = Pieces([base_url.as_str(), "/v3/", collection, "/", guid, action]);
        map.serialize_entry("href", &href)?;
        if let Some(method) = self.method {
            map.serialize_entry("method", method)?;
        }
        map.end()
    }
}

/// `{"data":{"guid":…}}`: what a resource belongs to.
#[derive(Serialize)]
pub(super) struct ToOne<'a> {
    pub data: Guid<'a>,
}

impl<'a> ToOne<'a> {
    pub(super) fn guid(guid: &'a str) -> Self {
        Self {
            data: Guid { guid: Some(guid) },
        }
    }

    /// `{"data":{"guid":null}}`.
    pub(super) fn nothing() -> Self {
        Self {
            data: Guid { guid: None },
        }
    }
}

#[derive(Serialize)]
pub(super) struct Guid<'a> {
    guid: Option<&'a str>,
}

/// Labels and annotations.
#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub labels: crate::edition::json::StoredMetadata<'a>,
    pub annotations: crate::edition::json::StoredMetadata<'a>,
}

impl Metadata<'_> {
    /// Of resources that have none here.
    pub(super) fn none() -> Self {
        use crate::edition::json::StoredMetadata;
        Self {
            labels: StoredMetadata("{}"),
            annotations: StoredMetadata("{}"),
        }
    }
}
