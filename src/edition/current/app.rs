//! An app as today's controllers show it (neighbours.md §3.3), key order and all.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::accepted::{self, Accepted};
use super::list::{Link, Listed, Metadata, Show, Shown, To};
use crate::edition::Site;
use crate::edition::json::{Time, compact};
use crate::resource::{App, AppRow, STACK};

impl Listed for App {
    const PATH: &'static str = "/v3/apps";
    const ACCEPTED: &'static Accepted = &accepted::APPS;
    const SHOW: Show = Show::IncludeFirst;
}

impl Shown for App {
    fn show(row: &AppRow<'_>, site: &Site, out: &mut Vec<u8>) {
        let document = Document {
            guid: row.guid,
            created_at: Time(row.created_at),
            updated_at: Time(row.created_at),
            name: row.name,
            state: "STOPPED",
            lifecycle: Lifecycle {
                r#type: row.lifecycle,
                data: if row.lifecycle == "docker" {
                    LifecycleData::Docker {}
                } else {
                    LifecycleData::Buildpacks {
                        buildpacks: [],
                        stack: STACK,
                    }
                },
            },
            relationships: Relationships {
                space: To::guid(row.space_guid),
                current_droplet: To::nothing(),
            },
            metadata: Metadata::none(),
            links: Links {
                site,
                app: row.guid,
                space: row.space_guid,
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
    state: &'static str,
    lifecycle: Lifecycle<'a>,
    relationships: Relationships<'a>,
    metadata: Metadata<'a>,
    links: Links<'a>,
}

#[derive(Serialize)]
struct Lifecycle<'a> {
    r#type: &'a str,
    data: LifecycleData,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LifecycleData {
    Docker {},
    Buildpacks {
        buildpacks: [&'static str; 0],
        stack: &'static str,
    },
}

#[derive(Serialize)]
struct Relationships<'a> {
    space: To<'a>,
    current_droplet: To<'a>,
}

struct Links<'a> {
    site: &'a Site,
    app: &'a str,
    space: &'a str,
}

/// The links in their order: each but `space` leads below the app itself.
const LINKS: [(&str, &str, Option<&str>); 14] = [
    ("self", "", None),
    ("environment_variables", "/environment_variables", None),
    ("space", "", None),
    ("processes", "/processes", None),
    ("packages", "/packages", None),
    ("current_droplet", "/droplets/current", None),
    ("droplets", "/droplets", None),
    ("tasks", "/tasks", None),
    ("start", "/actions/start", Some("POST")),
    ("stop", "/actions/stop", Some("POST")),
    (
        "clear_buildpack_cache",
        "/actions/clear_buildpack_cache",
        Some("POST"),
    ),
    ("revisions", "/revisions", None),
    ("deployed_revisions", "/revisions/deployed", None),
    ("features", "/features", None),
];

impl Serialize for Links<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(LINKS.len()))?;
        for (name, action, method) in LINKS {
            let (collection, guid) = match name {
                "space" => ("spaces", self.space),
                _ => ("apps", self.app),
            };
            let link = Link {
                site: self.site,
                collection,
                guid,
                action,
                method,
            };
            map.serialize_entry(name, &link)?;
        }
        map.end()
    }
}
