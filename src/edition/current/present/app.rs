//! Apps. The order of keys matters. See `docs/reference/organizations-spaces-apps.md#app`.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::parts::{EmptyObject, Link, StoredMetadata, ToOne};
use crate::edition::current::Presentation;
use crate::edition::current::json::write_compact;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::Timestamp;
use crate::edition::{BaseUrl, Presented};
use crate::records::{App, AppRecord, STACK};
use crate::store::StoreError;

impl Presented for App {
    const PRESENTATION: Presentation<Self> = Presentation {
        path: "/v3/apps",
        parameters: &parameters::APPS,
        single_query: SingleQuery::IncludeBeforeRecord,
        write,
    };
}

fn write(record: &AppRecord<'_>, base_url: &BaseUrl, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let document = AppDocument {
        guid: record.guid,
        created_at: Timestamp(record.created_at),
        updated_at: Timestamp(record.created_at),
        name: record.name,
        state: "STOPPED",
        lifecycle: Lifecycle {
            r#type: record.lifecycle,
            data: match record.lifecycle {
                "docker" => LifecycleData::Docker(EmptyObject {}),
                _ => LifecycleData::Buildpacks {
                    buildpacks: [],
                    stack: STACK,
                },
            },
        },
        relationships: AppRelationships {
            space: ToOne::new(Some(record.space_guid)),
            current_droplet: ToOne::new(None),
        },
        metadata: StoredMetadata::of::<App>(record.guid, record.labels, record.annotations)?,
        links: AppLinks { base_url, record },
    };
    write_compact(out, &document);
    Ok(())
}

#[derive(Serialize)]
struct AppDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    name: &'a str,
    state: &'static str,
    lifecycle: Lifecycle<'a>,
    relationships: AppRelationships<'a>,
    metadata: StoredMetadata<'a>,
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
    Docker(EmptyObject),
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
    record: &'a AppRecord<'a>,
}

/// The name, the path below the app and the method of each link, in order. `space` does not lead to a path below the
/// app.
const LINKS: &[(&str, &str, Option<&str>)] = &[
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
        let base_url = self.base_url.as_str();
        for &(name, suffix, method) in LINKS {
            let link = match name {
                "space" => Link::new([base_url, "/v3/spaces/", self.record.space_guid]),
                _ => Link::new([base_url, "/v3/apps/", self.record.guid, suffix]),
            };
            map.serialize_entry(name, &link.with_method(method))?;
        }
        map.end()
    }
}
