//! An app as today's controllers show it (neighbours.md §3.3), key order and all.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::list::{Link, Metadata, ToOne};
use crate::edition::BaseUrl;
use crate::edition::current::Presentation;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::{Time, compact};
use crate::records::{App, AppRecord, STACK};

/// How this edition presents apps.
pub const PRESENTATION: Presentation<App> = Presentation {
    path: "/v3/apps",
    parameters: &parameters::APPS,
    single_query: SingleQuery::IncludeFirst,
    write,
};

fn write(row: &AppRecord<'_>, base_url: &BaseUrl, out: &mut Vec<u8>) {
    let document = AppDocument {
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
        relationships: AppRelationships {
            space: ToOne::guid(row.space_guid),
            current_droplet: ToOne::nothing(),
        },
        metadata: Metadata::none(),
        links: AppLinks {
            base_url,
            app: row.guid,
            space: row.space_guid,
        },
    };
    compact(out, &document);
}

#[derive(Serialize)]
struct AppDocument<'a> {
    guid: &'a str,
    created_at: Time,
    updated_at: Time,
    name: &'a str,
    state: &'static str,
    lifecycle: Lifecycle<'a>,
    relationships: AppRelationships<'a>,
    metadata: Metadata<'a>,
    links: AppLinks<'a>,
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
struct AppRelationships<'a> {
    space: ToOne<'a>,
    current_droplet: ToOne<'a>,
}

struct AppLinks<'a> {
    base_url: &'a BaseUrl,
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

impl Serialize for AppLinks<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(LINKS.len()))?;
        for (name, action, method) in LINKS {
            let (collection, guid) = match name {
                "space" => ("spaces", self.space),
                _ => ("apps", self.app),
            };
            let link = Link {
                base_url: self.base_url,
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
