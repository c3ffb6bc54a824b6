//! The document of a list: pagination, resources, and included parents.
//!
//! See `docs/reference/ordering-and-paging.md#pagination-object`.

use serde::Serialize;

use super::parts::Link;
use crate::edition::current::WriteRecord;
use crate::edition::current::json::write_compact;
use crate::edition::{BaseUrl, RecordSink};
use crate::listing::request::ListRequest;
use crate::records::Resource;
use crate::store::StoreError;

/// Returns the document of one page. `send_records` sends the records of the page in their order.
///
/// # Errors
///
/// Fails if `send_records` or `write` fails.
pub fn list<R: Resource>(
    write: WriteRecord<R>,
    base_url: &BaseUrl,
    request: &ListRequest,
    total: u64,
    send_records: impl FnOnce(&mut RecordSink<'_, R>) -> Result<(), StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"pagination\":");
    write_compact(&mut out, &Pagination::new(base_url, request, total));
    out.extend_from_slice(b",\"resources\":");
    array::<R>(write, base_url, send_records, &mut out)?;
    out.push(b'}');
    Ok(out)
}

/// Returns the document of one page of a list that is empty. `included` names the arrays of the member `included`, which
/// is left out if there are none.
pub fn empty(base_url: &BaseUrl, request: &ListRequest, included: &[&str]) -> Vec<u8> {
    let mut out = of_documents(base_url, request, 0, &[]);
    if !included.is_empty() {
        let included: Vec<_> = included
            .iter()
            .map(|name| (*name, b"[]".to_vec()))
            .collect();
        insert_included(&mut out, &included);
    }
    out
}

/// Returns the document of one page of a list with these documents as its resources.
pub fn of_documents(
    base_url: &BaseUrl,
    request: &ListRequest,
    total: u64,
    documents: &[Vec<u8>],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"pagination\":");
    write_compact(&mut out, &Pagination::new(base_url, request, total));
    out.extend_from_slice(b",\"resources\":[");
    out.extend(documents.join(&b','));
    out.extend_from_slice(b"]}");
    out
}

/// Adds the member `included` at the end of a document, which is a list or one resource.
///
/// `included` holds names and arrays in the order in which they are shown.
pub fn insert_included(document: &mut Vec<u8>, included: &[(&str, Vec<u8>)]) {
    // The closing brace, which comes again below.
    document.pop();
    document.extend_from_slice(b",\"included\":{");
    for (index, (name, array)) in included.iter().enumerate() {
        if index > 0 {
            document.push(b',');
        }
        write_compact(document, name);
        document.push(b':');
        document.extend_from_slice(array);
    }
    document.extend_from_slice(b"}}");
}

/// Appends the documents of records, as an array.
///
/// # Errors
///
/// Fails if `send_records` or `write` fails.
pub fn array<R: Resource>(
    write: WriteRecord<R>,
    base_url: &BaseUrl,
    send_records: impl FnOnce(&mut RecordSink<'_, R>) -> Result<(), StoreError>,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    out.push(b'[');
    let start = out.len();
    send_records(&mut |record| {
        if out.len() > start {
            out.push(b',');
        }
        write(&record, base_url, out)
    })?;
    out.push(b']');
    Ok(())
}

/// The pagination of a list that is always whole.
#[derive(Serialize)]
pub struct Unpaged {
    total_results: usize,
    total_pages: u64,
    first: Link,
    last: Link,
    next: Option<Link>,
    previous: Option<Link>,
}

impl Unpaged {
    /// Returns the pagination of a list of `total` resources at `href`.
    pub fn new(total: usize, href: &str) -> Self {
        Self {
            total_results: total,
            total_pages: 1,
            first: Link::new([href]),
            last: Link::new([href]),
            next: None,
            previous: None,
        }
    }
}

#[derive(Serialize)]
struct Pagination {
    total_results: u64,
    total_pages: u64,
    first: Link,
    last: Link,
    next: Option<Link>,
    previous: Option<Link>,
}

impl Pagination {
    fn new(base_url: &BaseUrl, request: &ListRequest, total: u64) -> Self {
        let (echo, per_page) = (&request.echo, request.page.per_page());
        let before = [base_url.as_str(), &request.path, "?", &echo.before].concat();
        let link = |number: u64| {
            let page = format!("page={number}&per_page={per_page}");
            Link::new([&before, &page, &echo.after])
        };
        let last = request.page.last(total);
        Self {
            total_results: total,
            total_pages: last,
            first: link(1),
            last: link(last),
            next: request.page.next(total).map(link),
            previous: request.page.previous().map(link),
        }
    }
}
