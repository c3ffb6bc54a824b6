//! A package as today's controllers show it (packages-api.md §4.2), key order and all.

use serde::Serialize;

use super::list::{Link, Metadata, Shown, To};
use crate::edition::Site;
use crate::edition::json::{Object, Time, compact};
use crate::resource::{Content, Package, PackageRow};

impl Shown for Package {
    fn show(row: &PackageRow<'_>, site: &Site, out: &mut Vec<u8>) {
        let bits = matches!(row.content, Content::Bits { .. });
        let link = |action, method| Link {
            site,
            collection: "packages",
            guid: row.guid,
            action,
            method,
        };
        let document = Document {
            guid: row.guid,
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at.unwrap_or(row.created_at)),
            r#type: if bits { "bits" } else { "docker" },
            data: data(row),
            state: row.state,
            relationships: Relationships {
                app: To::guid(row.app_guid),
            },
            metadata: Metadata {
                labels: Object(row.labels),
                annotations: Object(row.annotations),
            },
            links: Links {
                this: link("", None),
                upload: bits.then(|| link("/upload", Some("POST"))),
                // No method, although the published documentation shows one.
                download: bits.then(|| link("/download", None)),
                app: Link {
                    site,
                    collection: "apps",
                    guid: row.app_guid,
                    action: "",
                    method: None,
                },
            },
        };
        compact(out, &document);
    }
}

#[derive(Serialize)]
struct Document<'a> {
    guid: &'a str,
    created_at: Time,
    updated_at: Time,
    r#type: &'static str,
    data: Data<'a>,
    state: &'a str,
    relationships: Relationships<'a>,
    metadata: Metadata<'a>,
    links: Links<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Bits {
        error: Option<&'a str>,
        checksum: Checksum<'a>,
    },
    Docker {
        image: &'a str,
        username: Option<&'a str>,
        password: Option<&'static str>,
    },
}

#[derive(Serialize)]
struct Checksum<'a> {
    r#type: &'static str,
    value: Option<&'a str>,
}

#[derive(Serialize)]
struct Relationships<'a> {
    app: To<'a>,
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(rename = "self")]
    this: Link<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Link<'a>>,
    app: Link<'a>,
}

fn data<'a>(row: &PackageRow<'a>) -> Data<'a> {
    match &row.content {
        Content::Bits { sha1, sha256 } => Data::Bits {
            error: row.error,
            // sha1 only where there is one and no sha256.
            checksum: match (sha256, sha1) {
                (None, Some(sha1)) => Checksum {
                    r#type: "sha1",
                    value: Some(sha1),
                },
                (sha256, _) => Checksum {
                    r#type: "sha256",
                    value: *sha256,
                },
            },
        },
        Content::Docker {
            image, credentials, ..
        } => Data::Docker {
            image,
            username: credentials.user,
            // Shown as hidden whenever there is a user name, whether a password is stored or not.
            password: credentials.user.map(|_| "***"),
        },
    }
}
