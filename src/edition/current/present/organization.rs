//! An organization as today's controllers show it (neighbours.md §3.1), key order and all.

use serde::Serialize;

use super::list::{Link, Metadata, ToOne};
use crate::edition::BaseUrl;
use crate::edition::current::Presentation;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::{Time, compact};
use crate::records::{Organization, OrganizationRecord};

/// The default quota's guid: a controller always has one, any constant serves.
const QUOTA: &str = "a1f5c9b2-6d3e-4f70-8b14-2c9d7e605a38";

/// How this edition presents organizations.
pub const PRESENTATION: Presentation<Organization> = Presentation {
    path: "/v3/organizations",
    parameters: &parameters::ORGANIZATIONS,
    single_query: SingleQuery::Ignored,
    write,
};

fn write(row: &OrganizationRecord<'_>, base_url: &BaseUrl, out: &mut Vec<u8>) {
    let link = |collection, guid, action| Link {
        base_url,
        collection,
        guid,
        action,
        method: None,
    };
    let document = OrganizationDocument {
        guid: row.guid,
        created_at: Time(row.created_at),
        updated_at: Time(row.created_at),
        name: row.name,
        suspended: row.suspended,
        relationships: OrganizationRelationships {
            quota: ToOne::guid(QUOTA),
        },
        metadata: Metadata::none(),
        links: OrganizationLinks {
            this: link("organizations", row.guid, ""),
            domains: link("organizations", row.guid, "/domains"),
            default_domain: link("organizations", row.guid, "/domains/default"),
            quota: link("organization_quotas", QUOTA, ""),
        },
    };
    compact(out, &document);
}

#[derive(Serialize)]
struct OrganizationDocument<'a> {
    guid: &'a str,
    created_at: Time,
    updated_at: Time,
    name: &'a str,
    suspended: bool,
    relationships: OrganizationRelationships<'a>,
    metadata: Metadata<'a>,
    links: OrganizationLinks<'a>,
}

#[derive(Serialize)]
struct OrganizationRelationships<'a> {
    quota: ToOne<'a>,
}

#[derive(Serialize)]
struct OrganizationLinks<'a> {
    #[serde(rename = "self")]
    this: Link<'a>,
    domains: Link<'a>,
    default_domain: Link<'a>,
    quota: Link<'a>,
}
