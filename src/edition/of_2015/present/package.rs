//! Packages as the API document shows them (packages-api.md §3.1, §4.1), key order and all.

use serde::Serialize;

use crate::edition::Each;
use crate::edition::json::{Pieces, Time, pretty};
use crate::listing::request::ListRequest;
use crate::records::{Content, Package, PackageRecord};
use crate::store::StoreError;

/// The list document. `rows` lends the page's packages in their order.
pub fn packages(
    request: &ListRequest,
    total: u64,
    rows: impl FnOnce(&mut Each<'_, Package>) -> Result<(), StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\n  \"pagination\": ");
    pretty(&mut out, &Pagination::new(request, total), 1);
    out.extend_from_slice(b",\n  \"resources\": [");
    let empty = out.len();
    rows(&mut |row| {
        out.extend_from_slice(if out.len() == empty {
            b"\n    "
        } else {
            b",\n    "
        });
        with_document(&row, |document| pretty(&mut out, document, 2));
        Ok(())
    })?;
    out.extend_from_slice(if out.len() == empty {
        b"]\n}"
    } else {
        b"\n  ]\n}"
    });
    Ok(out)
}

/// One package's document.
pub fn package(row: &PackageRecord<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    with_document(row, |document| pretty(&mut out, document, 0));
    out
}

#[derive(Serialize)]
struct Pagination<'a> {
    total_results: u64,
    first: Link<'a>,
    last: Link<'a>,
    next: Option<Link<'a>>,
    previous: Option<Link<'a>>,
}

impl<'a> Pagination<'a> {
    fn new(request: &'a ListRequest, total: u64) -> Self {
        let page = |number| Link {
            href: Href::Page(request, number),
            method: None,
        };
        Self {
            total_results: total,
            first: page(1),
            last: page(request.page.last(total)),
            next: request.page.next(total).map(page),
            previous: request.page.previous().map(page),
        }
    }
}

#[derive(Serialize)]
struct PackageDocument<'a> {
    guid: &'a str,
    r#type: &'static str,
    data: PackageData<'a>,
    state: &'a str,
    created_at: Time,
    updated_at: Option<Time>,
    links: PackageLinks<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PackageData<'a> {
    Bits {
        hash: HashDocument<'a>,
        error: Option<&'a str>,
    },
    Docker {
        hash: HashDocument<'a>,
        error: Option<&'a str>,
        image: &'a str,
        credentials: CredentialsDocument<'a>,
        store_image: bool,
    },
}

#[derive(Serialize)]
struct HashDocument<'a> {
    r#type: &'static str,
    value: Option<&'a str>,
}

/// `{}` where there are none, else all four.
#[derive(Serialize)]
#[serde(untagged)]
enum CredentialsDocument<'a> {
    None {},
    Some {
        user: Option<&'a str>,
        email: Option<&'a str>,
        password: Option<&'static str>,
        login_server: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct PackageLinks<'a> {
    #[serde(rename = "self")]
    this: Link<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Link<'a>>,
    app: Link<'a>,
}

#[derive(Serialize)]
struct Link<'a> {
    href: Href<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

/// Hrefs of this edition are relative.
enum Href<'a> {
    Page(&'a ListRequest, u64),
    Package(&'a str, &'static str),
    App(&'a str),
}

impl Serialize for Href<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Page(request, number) => serializer.collect_str(&format_args!(
                "{}?{}page={number}&per_page={}{}",
                request.path,
                request.echo.before,
                request.page.per_page(),
                request.echo.after
            )),
            Self::Package(guid, action) => {
                Pieces(["/v3/packages/", guid, action]).serialize(serializer)
            }
            Self::App(guid) => Pieces(["/v3/apps/", guid]).serialize(serializer),
        }
    }
}

fn with_document(row: &PackageRecord<'_>, show: impl FnOnce(&PackageDocument<'_>)) {
    let bits = matches!(row.content(), Content::Bits { .. });
    let action = |action, method| {
        bits.then_some(Link {
            href: Href::Package(row.guid, action),
            method: Some(method),
        })
    };
    show(&PackageDocument {
        guid: row.guid,
        r#type: if bits { "bits" } else { "docker" },
        data: data(row),
        state: row.state,
        created_at: Time(row.created_at),
        updated_at: row.updated_at.map(Time),
        links: PackageLinks {
            this: Link {
                href: Href::Package(row.guid, ""),
                method: None,
            },
            upload: action("/upload", "POST"),
            download: action("/download", "GET"),
            stage: action("/droplets", "POST"),
            app: Link {
                href: Href::App(row.app_guid),
                method: None,
            },
        },
    });
}

fn data<'a>(row: &PackageRecord<'a>) -> PackageData<'a> {
    let hash = |value| HashDocument {
        r#type: "sha1",
        value,
    };
    let error = row.error;
    match &row.content() {
        Content::Bits { sha1, .. } => PackageData::Bits {
            hash: hash(*sha1),
            error,
        },
        Content::Docker {
            image,
            store_image,
            credentials,
        } => PackageData::Docker {
            hash: hash(None),
            error,
            image,
            credentials: present(credentials),
            store_image: *store_image,
        },
    }
}

/// A controller of 2015 showed the password; we never do.
fn present<'a>(credentials: &crate::records::DockerCredentials<'a>) -> CredentialsDocument<'a> {
    let password = credentials.has_password.then_some("***");
    match (
        credentials.user,
        credentials.email,
        password,
        credentials.login_server,
    ) {
        (None, None, None, None) => CredentialsDocument::None {},
        (user, email, password, login_server) => CredentialsDocument::Some {
            user,
            email,
            password,
            login_server,
        },
    }
}
