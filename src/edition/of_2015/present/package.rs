//! Packages as the API document shows them. The order of keys matters.
//!
//! See `docs/reference/packages.md#package-in-2015` and `docs/reference/ordering-and-paging.md#pagination-object`.

use serde::Serialize;

use crate::edition::of_2015::json::{EscapedText, JsonWriter, write_pretty};
use crate::edition::{BaseUrl, RecordSink};
use crate::listing::request::ListRequest;
use crate::records::{Content, DockerCredentials, Package, PackageRecord};
use crate::store::StoreError;

/// Returns the document of one page. `send_records` sends the records of the page in their order.
///
/// # Errors
///
/// Fails if `send_records` fails.
pub fn list(
    base_url: &BaseUrl,
    request: &ListRequest,
    total: u64,
    send_records: impl FnOnce(&mut RecordSink<'_, Package>) -> Result<(), StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\n  \"pagination\": ");
    write_pretty(&mut out, &Pagination::new(base_url, request, total), 1);
    out.extend_from_slice(b",\n  \"resources\": [");
    let start = out.len();
    send_records(&mut |record| {
        let is_first = out.len() == start;
        out.extend_from_slice(if is_first { b"\n    " } else { b",\n    " });
        write_in_list(base_url, &record, &mut out);
        Ok(())
    })?;
    let is_empty = out.len() == start;
    out.extend_from_slice(if is_empty { b"]\n}" } else { b"\n  ]\n}" });
    Ok(out)
}

/// Appends the document of one package.
pub fn write(base_url: &BaseUrl, record: &PackageRecord<'_>, out: &mut Vec<u8>) {
    let mut in_list = Vec::with_capacity(2048);
    write_in_list(base_url, record, &mut in_list);
    // JSON escapes newlines inside strings, so each newline begins a line of the document.
    let mut lines = in_list.split_inclusive(|byte| *byte == b'\n');
    out.extend_from_slice(lines.next().unwrap_or_default());
    for line in lines {
        out.extend_from_slice(line.strip_prefix(b"    ").unwrap_or(line));
    }
}

/// Appends the document of one package as it is written in a list: each line but the first is indented by four spaces more.
fn write_in_list(base_url: &BaseUrl, record: &PackageRecord<'_>, out: &mut Vec<u8>) {
    let content = record.content();
    let is_bits = matches!(content, Content::Bits { .. });
    let mut json = JsonWriter::new(out);
    // These texts appear several times in the document.
    let guid = EscapedText::new(record.guid);
    let base_url = EscapedText::new(base_url.as_str());
    json.raw("{\n      \"guid\": \"").escaped(&guid);
    match content {
        Content::Bits { sha1, .. } => {
            json.raw("\",\n      \"type\": \"bits\",\n      \"data\": {");
            checksum_and_error(&mut json, sha1, record.error);
        }
        Content::Docker {
            image,
            store_image,
            credentials,
        } => {
            json.raw("\",\n      \"type\": \"docker\",\n      \"data\": {");
            checksum_and_error(&mut json, None, record.error);
            // A docker package that was created without `data` has no image.
            let image = Some(image).filter(|image| !image.is_empty());
            json.raw(",\n        \"image\": ").optional_string(image);
            self::credentials(&mut json, &credentials);
            json.raw(",\n        \"store_image\": ")
                .raw(if store_image { "true" } else { "false" });
        }
    }
    json.raw("\n      },\n      \"state\": ")
        .string(record.state);
    json.raw(",\n      \"created_at\": \"")
        .timestamp(record.created_at)
        .raw("\",\n      \"updated_at\": ");
    match record.updated_at {
        Some(seconds) => json.raw("\"").timestamp(seconds).raw("\""),
        None => json.raw("null"),
    };
    json.raw(",\n      \"links\": {\n        \"self\": {\n          \"href\": \"")
        .escaped(&base_url)
        .raw("/v3/packages/")
        .escaped(&guid);
    if is_bits {
        json.raw("\"\n        },\n        \"upload\": {\n          \"href\": \"")
            .escaped(&base_url)
            .raw("/v3/packages/")
            .escaped(&guid);
        json.raw("/upload\",\n          \"method\": \"POST\"\n        },\n        \"download\": {\n          \"href\": \"")
            .escaped(&base_url)
            .raw("/v3/packages/")
            .escaped(&guid);
        json.raw("/download\",\n          \"method\": \"GET\"\n        },\n        \"stage\": {\n          \"href\": \"")
            .escaped(&base_url)
            .raw("/v3/packages/")
            .escaped(&guid);
        json.raw("/droplets\",\n          \"method\": \"POST");
    }
    json.raw("\"\n        },\n        \"app\": {\n          \"href\": \"")
        .escaped(&base_url)
        .raw("/v3/apps/")
        .escaped(&EscapedText::new(record.app_guid))
        .raw("\"\n        }\n      }\n    }");
}

fn checksum_and_error(json: &mut JsonWriter<'_>, sha1: Option<&str>, error: Option<&str>) {
    json.raw("\n        \"hash\": {\n          \"type\": \"sha1\",\n          \"value\": ")
        .optional_string(sha1);
    json.raw("\n        },\n        \"error\": ")
        .optional_string(error);
}

/// Appends `{}` if the package has no credentials, else all four keys. A controller of 2015 shows the password; this server
/// shows `***` instead.
fn credentials(json: &mut JsonWriter<'_>, credentials: &DockerCredentials<'_>) {
    let DockerCredentials {
        user,
        has_password,
        email,
        login_server,
    } = *credentials;
    json.raw(",\n        \"credentials\": {");
    if (user, email, has_password, login_server) != (None, None, false, None) {
        json.raw("\n          \"user\": ").optional_string(user);
        json.raw(",\n          \"email\": ").optional_string(email);
        json.raw(",\n          \"password\": ")
            .raw(if has_password { "\"***\"" } else { "null" });
        json.raw(",\n          \"login_server\": ")
            .optional_string(login_server)
            .raw("\n        ");
    }
    json.raw("}");
}

#[derive(Serialize)]
struct Pagination {
    total_results: u64,
    first: Link,
    last: Link,
    next: Option<Link>,
    previous: Option<Link>,
}

impl Pagination {
    fn new(base_url: &BaseUrl, request: &ListRequest, total: u64) -> Self {
        let (path, per_page) = (&request.path, request.page.per_page());
        let link = |number| {
            Link::new(
                format!("{base_url}{path}?page={number}&per_page={per_page}"),
                None,
            )
        };
        Self {
            total_results: total,
            first: link(1),
            last: link(request.page.last(total)),
            next: request.page.next(total).map(link),
            previous: request.page.previous().map(link),
        }
    }
}

/// A link, whose `href` is a path in this edition.
#[derive(Serialize)]
pub(super) struct Link {
    href: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

impl Link {
    pub(super) fn new(href: String, method: Option<&'static str>) -> Self {
        Self { href, method }
    }
}

#[cfg(test)]
mod tests;
