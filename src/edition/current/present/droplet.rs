//! Droplets. The order of keys matters. See `docs/reference/packages.md#droplets-of-a-package`.

use serde::Serialize;

use super::parts::{EmptyMetadata, EmptyObject, Link, ToOne};
use crate::edition::current::Presentation;
use crate::edition::current::json::write_compact;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::Timestamp;
use crate::edition::{BaseUrl, Presented};
use crate::records::{Droplet, DropletRecord, json_values};
use crate::store::StoreError;

const HIDDEN: &str = "[PRIVATE DATA HIDDEN IN LISTS]";

impl Presented for Droplet {
    const PRESENTATION: Presentation<Self> = Presentation {
        path: "/v3/droplets",
        parameters: &parameters::DROPLETS,
        single_query: SingleQuery::Ignored,
        write,
    };
}

fn write(
    record: &DropletRecord<'_>,
    base_url: &BaseUrl,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    append(
        record,
        base_url,
        "",
        ProcessTypes::Shown(EmptyObject {}),
        out,
    )
}

/// Appends the document of a droplet in a list, which hides what may be private.
///
/// # Errors
///
/// Fails with [`StoreError::Damaged`] if the stored buildpacks are not a JSON array of text.
pub fn write_listed(
    record: &DropletRecord<'_>,
    base_url: &BaseUrl,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let hidden = ProcessTypes::Hidden {
        redacted_message: HIDDEN,
    };
    append(record, base_url, HIDDEN, hidden, out)
}

/// A droplet of this server has no bits: there is neither a checksum nor a link to download them.
fn append(
    record: &DropletRecord<'_>,
    base_url: &BaseUrl,
    execution_metadata: &'static str,
    process_types: ProcessTypes,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let names = json_values::texts(record.buildpacks).map_err(|error| {
        StoreError::Damaged(format!(
            "buildpacks of the droplet `{}`: {error}",
            record.guid
        ))
    })?;
    let buildpacks = names.iter().map(|name| Buildpack {
        name,
        detect_output: None,
        buildpack_name: None,
        version: None,
    });
    let base = base_url.as_str();
    let app = ["/v3/apps/", record.app_guid].concat();
    let current = [base, &app, "/relationships/current_droplet"];
    let document = DropletDocument {
        guid: record.guid,
        created_at: Timestamp(record.created_at),
        updated_at: Timestamp(record.created_at),
        state: "STAGED",
        error: None,
        lifecycle: Lifecycle {
            r#type: record.lifecycle,
            data: EmptyObject {},
        },
        checksum: None,
        buildpacks: record.stack.map(|_| buildpacks.collect()),
        stack: record.stack,
        image: record.image,
        execution_metadata,
        process_types,
        relationships: Relationships {
            app: ToOne::new(Some(record.app_guid)),
        },
        metadata: EmptyMetadata::VALUE,
        links: Links {
            this: Link::new([base, "/v3/droplets/", record.guid]),
            app: Link::new([base, &app]),
            assign_current_droplet: Link::new(current).with_method(Some("PATCH")),
            package: Link::new([base, "/v3/packages/", record.package_guid]),
        },
    };
    write_compact(out, &document);
    Ok(())
}

#[derive(Serialize)]
struct DropletDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    state: &'static str,
    error: Option<()>,
    lifecycle: Lifecycle<'a>,
    checksum: Option<()>,
    buildpacks: Option<Vec<Buildpack<'a>>>,
    stack: Option<&'a str>,
    image: Option<&'a str>,
    execution_metadata: &'static str,
    process_types: ProcessTypes,
    relationships: Relationships<'a>,
    metadata: EmptyMetadata,
    links: Links,
}

#[derive(Serialize)]
struct Lifecycle<'a> {
    r#type: &'a str,
    data: EmptyObject,
}

#[derive(Serialize)]
struct Buildpack<'a> {
    name: &'a str,
    detect_output: Option<()>,
    buildpack_name: Option<()>,
    version: Option<()>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ProcessTypes {
    Shown(EmptyObject),
    Hidden { redacted_message: &'static str },
}

#[derive(Serialize)]
struct Relationships<'a> {
    app: ToOne<'a>,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    app: Link,
    assign_current_droplet: Link,
    package: Link,
}
