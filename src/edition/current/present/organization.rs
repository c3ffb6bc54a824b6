//! Organizations. The order of keys matters. See `docs/reference/organizations-spaces-apps.md#organization`.

use serde::Serialize;

use super::parts::{Link, StoredMetadata, ToOne};
use crate::edition::current::Presentation;
use crate::edition::current::json::write_compact;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::Timestamp;
use crate::edition::{BaseUrl, Presented};
use crate::records::{Organization, OrganizationRecord, quota};
use crate::store::StoreError;

impl Presented for Organization {
    const PRESENTATION: Presentation<Self> = Presentation {
        path: "/v3/organizations",
        parameters: &parameters::ORGANIZATIONS,
        single_query: SingleQuery::Ignored,
        write,
    };
}

fn write(
    record: &OrganizationRecord<'_>,
    base_url: &BaseUrl,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let base_url = base_url.as_str();
    let link = |suffix| Link::new([base_url, "/v3/organizations/", record.guid, suffix]);
    let document = OrganizationDocument {
        guid: record.guid,
        created_at: Timestamp(record.created_at),
        updated_at: Timestamp(record.created_at),
        name: record.name,
        suspended: record.suspended,
        relationships: OrganizationRelationships {
            quota: ToOne::new(Some(quota::GUID)),
        },
        metadata: StoredMetadata::of::<Organization>(
            record.guid,
            record.labels,
            record.annotations,
        )?,
        links: OrganizationLinks {
            this: link(""),
            domains: link("/domains"),
            default_domain: link("/domains/default"),
            quota: Link::new([base_url, "/v3/organization_quotas/", quota::GUID]),
        },
    };
    write_compact(out, &document);
    Ok(())
}

#[derive(Serialize)]
struct OrganizationDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    name: &'a str,
    suspended: bool,
    relationships: OrganizationRelationships<'a>,
    metadata: StoredMetadata<'a>,
    links: OrganizationLinks,
}

#[derive(Serialize)]
struct OrganizationRelationships<'a> {
    quota: ToOne<'a>,
}

#[derive(Serialize)]
struct OrganizationLinks {
    #[serde(rename = "self")]
    this: Link,
    domains: Link,
    default_domain: Link,
    quota: Link,
}
