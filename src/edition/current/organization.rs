//! An organization as today's controllers show it (neighbours.md §3.1), key order and all.

use serde::Serialize;

use super::accepted::{self, Accepted};
use super::list::{Link, Listed, Metadata, Show, Shown, To};
use crate::edition::Site;
use crate::edition::json::{Time, compact};
use crate::resource::{Organization, OrganizationRow};

/// The default quota's guid: a controller always has one, any constant serves.
const QUOTA: &str = "a1f5c9b2-6d3e-4f70-8b14-2c9d7e605a38";

impl Listed for Organization {
    const PATH: &'static str = "/v3/organizations";
    const ACCEPTED: &'static Accepted = &accepted::ORGANIZATIONS;
    const SHOW: Show = Show::Ignored;
}

impl Shown for Organization {
    fn show(row: &OrganizationRow<'_>, site: &Site, out: &mut Vec<u8>) {
        let link = |collection, guid, action| Link {
            site,
            collection,
            guid,
            action,
            method: None,
        };
        let document = Document {
            guid: row.guid,
            created_at: Time(row.created_at),
            updated_at: Time(row.created_at),
            name: row.name,
            suspended: row.suspended,
            relationships: Relationships {
                quota: To::guid(QUOTA),
            },
            metadata: Metadata::none(),
            links: Links {
                this: link("organizations", row.guid, ""),
                domains: link("organizations", row.guid, "/domains"),
                default_domain: link("organizations", row.guid, "/domains/default"),
                quota: link("organization_quotas", QUOTA, ""),
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
    suspended: bool,
    relationships: Relationships<'a>,
    metadata: Metadata<'a>,
    links: Links<'a>,
}

#[derive(Serialize)]
struct Relationships<'a> {
    quota: To<'a>,
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(rename = "self")]
    this: Link<'a>,
    domains: Link<'a>,
    default_domain: Link<'a>,
    quota: Link<'a>,
}
