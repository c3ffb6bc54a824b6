//! Droplets as the API document shows them: builds of this server. The order of keys matters.
//!
//! See `docs/reference/packages.md#stage-in-2015`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::package::Link;
use crate::edition::BaseUrl;
use crate::edition::json::Timestamp;
use crate::edition::of_2015::json::write_pretty;
use crate::records::{BuildRecord, build, json_values};
use crate::store::StoreError;

/// Returns the document of one droplet.
///
/// # Errors
///
/// Fails with [`StoreError::Damaged`] if a stored value is not valid.
pub fn document(base_url: &BaseUrl, record: &BuildRecord<'_>) -> Result<Vec<u8>, StoreError> {
    let damaged = |error: serde_json::Error| {
        StoreError::Damaged(format!("a column of the build `{}`: {error}", record.guid))
    };
    let buildpacks = json_values::texts(record.buildpacks).map_err(damaged)?;
    let environment = record.environment_variables.unwrap_or("{}");
    let environment = json_values::object(environment).map_err(damaged)?;
    let buildpack = buildpacks.first().map(String::as_str);
    let href = |parts: [&str; 3]| [base_url.as_str(), &parts.concat()].concat();
    let path = |parts| Link::new(href(parts), None);
    let current = href(["/v3/apps/", record.app_guid, "/current_droplet"]);
    let mut out = Vec::new();
    write_pretty(
        &mut out,
        &DropletDocument {
            guid: record.guid,
            state: match record.state {
                build::STAGING => "PENDING",
                state => state,
            },
            error: record.error,
            lifecycle: Lifecycle {
                r#type: record.lifecycle,
                data: LifecycleData {
                    buildpack,
                    stack: record.stack,
                },
            },
            memory_limit: record.memory_limit,
            disk_limit: record.disk_limit,
            result: StagingResult {
                buildpack,
                stack: record.stack,
                process_types: None,
                hash: Hash {
                    r#type: "sha1",
                    value: None,
                },
                execution_metadata: None,
            },
            environment_variables: environment,
            created_at: Timestamp(record.created_at),
            updated_at: record.updated_at.map(Timestamp),
            links: Links {
                this: path(["/v3/droplets/", record.guid, ""]),
                package: path(["/v3/packages/", record.package_guid, ""]),
                app: path(["/v3/apps/", record.app_guid, ""]),
                assign_current_droplet: Link::new(current, Some("PUT")),
            },
        },
        0,
    );
    Ok(out)
}

#[derive(Serialize)]
struct DropletDocument<'a> {
    guid: &'a str,
    state: &'a str,
    error: Option<&'a str>,
    lifecycle: Lifecycle<'a>,
    memory_limit: Option<i64>,
    disk_limit: Option<i64>,
    result: StagingResult<'a>,
    environment_variables: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
    links: Links,
}

#[derive(Serialize)]
struct Lifecycle<'a> {
    r#type: &'a str,
    data: LifecycleData<'a>,
}

#[derive(Serialize)]
struct LifecycleData<'a> {
    buildpack: Option<&'a str>,
    stack: Option<&'a str>,
}

/// What staging found out. Without a stager, that is what the request said.
#[derive(Serialize)]
struct StagingResult<'a> {
    buildpack: Option<&'a str>,
    stack: Option<&'a str>,
    process_types: Option<()>,
    hash: Hash,
    execution_metadata: Option<()>,
}

#[derive(Serialize)]
struct Hash {
    r#type: &'static str,
    value: Option<()>,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    package: Link,
    app: Link,
    assign_current_droplet: Link,
}
