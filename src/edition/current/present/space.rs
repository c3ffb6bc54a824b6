//! Spaces. The order of keys matters. See `docs/reference/organizations-spaces-apps.md#space`.

use serde::Serialize;

use super::parts::{Link, StoredMetadata, ToOne};
use crate::edition::current::Presentation;
use crate::edition::current::json::write_compact;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::Timestamp;
use crate::edition::{BaseUrl, Presented};
use crate::records::{Space, SpaceRecord};
use crate::store::StoreError;

impl Presented for Space {
    const PRESENTATION: Presentation<Self> = Presentation {
        path: "/v3/spaces",
        parameters: &parameters::SPACES,
        single_query: SingleQuery::IncludeAfterRecord,
        write,
    };
}

fn write(
    record: &SpaceRecord<'_>,
    base_url: &BaseUrl,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let base_url = base_url.as_str();
    let organization_guid = record.organization_guid;
    let link = |suffix| Link::new([base_url, "/v3/spaces/", record.guid, suffix]);
    let document = SpaceDocument {
        guid: record.guid,
        created_at: Timestamp(record.created_at),
        updated_at: Timestamp(record.created_at),
        name: record.name,
        suspended: false,
        relationships: SpaceRelationships {
            organization: ToOne::new(Some(organization_guid)),
            quota: NoQuota { data: () },
        },
        metadata: StoredMetadata::of::<Space>(record.guid, record.labels, record.annotations)?,
        links: SpaceLinks {
            this: link(""),
            organization: Link::new([base_url, "/v3/organizations/", organization_guid]),
            features: link("/features"),
            apply_manifest: link("/actions/apply_manifest").with_method(Some("POST")),
        },
    };
    write_compact(out, &document);
    Ok(())
}

#[derive(Serialize)]
struct SpaceDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    name: &'a str,
    /// The status of the space itself, which does not follow that of its organization.
    suspended: bool,
    relationships: SpaceRelationships<'a>,
    metadata: StoredMetadata<'a>,
    links: SpaceLinks,
}

#[derive(Serialize)]
struct SpaceRelationships<'a> {
    organization: ToOne<'a>,
    quota: NoQuota,
}

/// `{"data":null}`. Unlike in [`ToOne`], `data` itself is null.
#[derive(Serialize)]
struct NoQuota {
    data: (),
}

#[derive(Serialize)]
struct SpaceLinks {
    #[serde(rename = "self")]
    this: Link,
    organization: Link,
    features: Link,
    apply_manifest: Link,
}
