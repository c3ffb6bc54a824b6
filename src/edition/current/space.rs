//! A space as today's controllers show it (neighbours.md §3.2), key order and all.

use serde::Serialize;

use super::accepted::{self, Accepted};
use super::list::{Link, Listed, Metadata, Show, Shown, To};
use crate::edition::Site;
use crate::edition::json::{Time, compact};
use crate::resource::{Space, SpaceRow};

impl Listed for Space {
    const PATH: &'static str = "/v3/spaces";
    const ACCEPTED: &'static Accepted = &accepted::SPACES;
    const SHOW: Show = Show::IncludeLast;
}

impl Shown for Space {
    fn show(row: &SpaceRow<'_>, site: &Site, out: &mut Vec<u8>) {
        let link = |collection, guid, action, method| Link {
            site,
            collection,
            guid,
            action,
            method,
        };
        let document = Document {
            guid: row.guid,
            created_at: Time(row.created_at),
            updated_at: Time(row.created_at),
            name: row.name,
            suspended: false,
            relationships: Relationships {
                organization: To::guid(row.organization_guid),
                quota: NoQuota { data: () },
            },
            metadata: Metadata::none(),
            links: Links {
                this: link("spaces", row.guid, "", None),
                organization: link("organizations", row.organization_guid, "", None),
                features: link("spaces", row.guid, "/features", None),
                apply_manifest: link("spaces", row.guid, "/actions/apply_manifest", Some("POST")),
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
    name: &'a str,
    /// The space's own status, not its organization's.
    suspended: bool,
    relationships: Relationships<'a>,
    metadata: Metadata<'a>,
    links: Links<'a>,
}

#[derive(Serialize)]
struct Relationships<'a> {
    organization: To<'a>,
    quota: NoQuota,
}

/// `{"data":null}`
#[derive(Serialize)]
struct NoQuota {
    data: (),
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(rename = "self")]
    this: Link<'a>,
    organization: Link<'a>,
    features: Link<'a>,
    apply_manifest: Link<'a>,
}
