//! Builds. The order of keys matters. See `docs/reference/packages.md#builds`.

use serde::Serialize;

use super::parts::{EmptyObject, Link, StoredMetadata, ToOne};
use crate::edition::BaseUrl;
use crate::edition::current::json::write_compact;
use crate::edition::json::Timestamp;
use crate::records::{Build, BuildRecord, build, json_values};
use crate::store::StoreError;

/// Returns the document of one build.
///
/// # Errors
///
/// Fails with [`StoreError::Damaged`] if a stored value is not valid.
pub fn document(record: &BuildRecord<'_>, base_url: &BaseUrl) -> Result<Vec<u8>, StoreError> {
    let damaged = |error: serde_json::Error| {
        StoreError::Damaged(format!("a column of the build `{}`: {error}", record.guid))
    };
    let base = base_url.as_str();
    let droplet = Some(record.droplet_guid).filter(|_| record.state == build::STAGED);
    let mut out = Vec::new();
    write_compact(
        &mut out,
        &BuildDocument {
            guid: record.guid,
            created_at: Timestamp(record.created_at),
            updated_at: Timestamp(record.updated_at.unwrap_or(record.created_at)),
            state: record.state,
            staging_memory_in_mb: record.memory_limit,
            staging_disk_in_mb: record.disk_limit,
            staging_log_rate_limit_bytes_per_second: record.log_rate_limit,
            error: record.error,
            lifecycle: Lifecycle {
                r#type: record.lifecycle,
                data: match record.stack {
                    None => LifecycleData::Docker(EmptyObject {}),
                    Some(stack) => LifecycleData::Buildpacks {
                        buildpacks: json_values::texts(record.buildpacks).map_err(damaged)?,
                        stack,
                    },
                },
            },
            package: Reference {
                guid: record.package_guid,
            },
            droplet: droplet.map(|guid| Reference { guid }),
            created_by: CreatedBy {
                guid: record.user_guid,
                name: record.user_name,
                email: None,
            },
            relationships: Relationships {
                app: ToOne::new(Some(record.app_guid)),
            },
            metadata: StoredMetadata::of::<Build>(record.guid, record.labels, record.annotations)?,
            links: Links {
                this: Link::new([base, "/v3/builds/", record.guid]),
                app: Link::new([base, "/v3/apps/", record.app_guid]),
                droplet: droplet.map(|guid| Link::new([base, "/v3/droplets/", guid])),
            },
        },
    );
    Ok(out)
}

#[derive(Serialize)]
struct BuildDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    state: &'a str,
    staging_memory_in_mb: Option<i64>,
    staging_disk_in_mb: Option<i64>,
    staging_log_rate_limit_bytes_per_second: Option<i64>,
    error: Option<&'a str>,
    lifecycle: Lifecycle<'a>,
    package: Reference<'a>,
    droplet: Option<Reference<'a>>,
    created_by: CreatedBy<'a>,
    relationships: Relationships<'a>,
    metadata: StoredMetadata<'a>,
    links: Links,
}

#[derive(Serialize)]
struct Lifecycle<'a> {
    r#type: &'a str,
    data: LifecycleData<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LifecycleData<'a> {
    Docker(EmptyObject),
    Buildpacks {
        buildpacks: Vec<String>,
        stack: &'a str,
    },
}

#[derive(Serialize)]
struct Reference<'a> {
    guid: &'a str,
}

/// The user who asked for the build. Their e-mail address is not stored.
#[derive(Serialize)]
struct CreatedBy<'a> {
    guid: &'a str,
    name: Option<&'a str>,
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct Relationships<'a> {
    app: ToOne<'a>,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    app: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    droplet: Option<Link>,
}
