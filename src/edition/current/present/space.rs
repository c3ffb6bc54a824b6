//! A space as today's controllers show it (neighbours.md §3.2), key order and all.

use serde::Serialize;

use super::list::{Link, Metadata, ToOne};
use crate::edition::BaseUrl;
use crate::edition::current::Presentation;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::{Time, compact};
use crate::records::{Space, SpaceRecord};

/// How this edition presents spaces.
pub const PRESENTATION: Presentation<Space> = Presentation {
    path: "/v3/spaces",
    parameters: &parameters::SPACES,
    single_query: SingleQuery::IncludeLast,
    write,
};

fn write(row: &SpaceRecord<'_>, base_url: &BaseUrl, out: &mut Vec<u8>) {
    let link = |collection, guid, action, method| Link {
        base_url,
        collection,
        guid,
        action,
        method,
    };
    let document = SpaceDocument {
        guid: row.guid,
        created_at: Time(row.created_at),
        updated_at: Time(row.created_at),
        name: row.name,
        suspended: false,
        relationships: SpaceRelationships {
            organization: ToOne::guid(row.organization_guid),
            quota: NoQuota { data: () },
        },
        metadata: Metadata::none(),
        links: SpaceLinks {
            this: link("spaces", row.guid, "", None),
            organization: link("organizations", row.organization_guid, "", None),
            features: link("spaces", row.guid, "/features", None),
            apply_manifest: link("spaces", row.guid, "/actions/apply_manifest", Some("POST")),
        },
    };
    compact(out, &document);
}

#[derive(Serialize)]
struct SpaceDocument<'a> {
    guid: &'a str,
    created_at: Time,
    updated_at: Time,
    name: &'a str,
    /// The space's own status, not its organization's.
    suspended: bool,
    relationships: SpaceRelationships<'a>,
    metadata: Metadata<'a>,
    links: SpaceLinks<'a>,
}

#[derive(Serialize)]
struct SpaceRelationships<'a> {
    organization: ToOne<'a>,
    quota: NoQuota,
}

/// `{"data":null}`
#[derive(Serialize)]
struct NoQuota {
    data: (),
}

#[derive(Serialize)]
struct SpaceLinks<'a> {
    #[serde(rename = "self")]
    this: Link<'a>,
    organization: Link<'a>,
    features: Link<'a>,
    apply_manifest: Link<'a>,
}
