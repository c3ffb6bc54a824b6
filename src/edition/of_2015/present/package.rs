//! Packages as the API document shows them. The order of keys matters.
//!
//! See `docs/reference/packages.md#package-in-2015` and `docs/reference/ordering-and-paging.md#pagination-object`.

use serde::Serialize;

use crate::edition::json::Timestamp;
use crate::edition::of_2015::json::write_pretty;
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
        write_pretty(&mut out, &PackageDocument::new(base_url, &record), 2);
        Ok(())
    })?;
    let is_empty = out.len() == start;
    out.extend_from_slice(if is_empty { b"]\n}" } else { b"\n  ]\n}" });
    Ok(out)
}

/// Appends the document of one package.
pub fn write(base_url: &BaseUrl, record: &PackageRecord<'_>, out: &mut Vec<u8>) {
    write_pretty(out, &PackageDocument::new(base_url, record), 0);
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

#[derive(Serialize)]
struct PackageDocument<'a> {
    guid: &'a str,
    r#type: &'static str,
    data: PackageData<'a>,
    state: &'a str,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
    links: PackageLinks,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PackageData<'a> {
    Bits {
        hash: Sha1<'a>,
        error: Option<&'a str>,
    },
    Docker {
        hash: Sha1<'a>,
        error: Option<&'a str>,
        image: Option<&'a str>,
        credentials: CredentialsDocument<'a>,
        store_image: bool,
    },
}

#[derive(Serialize)]
struct Sha1<'a> {
    r#type: &'static str,
    value: Option<&'a str>,
}

/// `{}` if the package has no credentials, else all four keys.
#[derive(Serialize)]
#[serde(untagged)]
enum CredentialsDocument<'a> {
    Absent {},
    Present {
        user: Option<&'a str>,
        email: Option<&'a str>,
        password: Option<&'static str>,
        login_server: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct PackageLinks {
    #[serde(rename = "self")]
    this: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Link>,
    app: Link,
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

impl<'a> PackageDocument<'a> {
    fn new(base_url: &BaseUrl, record: &'a PackageRecord<'_>) -> Self {
        let content = record.content();
        let is_bits = matches!(content, Content::Bits { .. });
        let base_url = base_url.as_str();
        let path = [base_url, "/v3/packages/", record.guid].concat();
        let action = |action, method| {
            is_bits.then(|| Link::new([path.as_str(), action].concat(), Some(method)))
        };
        Self {
            guid: record.guid,
            r#type: if is_bits { "bits" } else { "docker" },
            data: PackageData::new(content, record.error),
            state: record.state,
            created_at: Timestamp(record.created_at),
            updated_at: record.updated_at.map(Timestamp),
            links: PackageLinks {
                upload: action("/upload", "POST"),
                download: action("/download", "GET"),
                stage: action("/droplets", "POST"),
                app: Link::new([base_url, "/v3/apps/", record.app_guid].concat(), None),
                this: Link::new(path, None),
            },
        }
    }
}

impl<'a> PackageData<'a> {
    fn new(content: Content<'a>, error: Option<&'a str>) -> Self {
        let sha1 = |value| Sha1 {
            r#type: "sha1",
            value,
        };
        match content {
            Content::Bits { sha1: value, .. } => Self::Bits {
                hash: sha1(value),
                error,
            },
            Content::Docker {
                image,
                store_image,
                credentials,
            } => Self::Docker {
                hash: sha1(None),
                error,
                // A docker package that was created without `data` has none.
                image: Some(image).filter(|image| !image.is_empty()),
                credentials: CredentialsDocument::new(credentials),
                store_image,
            },
        }
    }
}

impl<'a> CredentialsDocument<'a> {
    /// A controller of 2015 shows the password; this server shows `***` instead.
    fn new(credentials: DockerCredentials<'a>) -> Self {
        let DockerCredentials {
            user,
            has_password,
            email,
            login_server,
        } = credentials;
        let password = has_password.then_some("***");
        if (user, email, password, login_server) == (None, None, None, None) {
            return Self::Absent {};
        }
        Self::Present {
            user,
            email,
            password,
            login_server,
        }
    }
}
