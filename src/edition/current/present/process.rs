//! Processes. The order of keys matters. See `docs/reference/served-routes.md#processes`.

use serde::Serialize;

use super::list_document;
use super::parts::{EmptyMetadata, Link, ToOne};
use crate::edition::current::json::write_compact;
use crate::edition::json::Timestamp;
use crate::edition::{BaseUrl, ProcessInstances, RecordSink, StartCommand};
use crate::listing::request::ListRequest;
use crate::records::process::WEB;
use crate::records::{AppRecord, Process};
use crate::store::StoreError;

/// Returns the document of one page. `send_records` sends the records of the page in their order.
///
/// # Errors
///
/// Fails if `send_records` fails.
pub fn list(
    base_url: &BaseUrl,
    request: &ListRequest,
    total: u64,
    instances: ProcessInstances,
    send_records: impl FnOnce(&mut RecordSink<'_, Process>) -> Result<(), StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let write = match instances {
        ProcessInstances::Embedded => write_with_instances,
        ProcessInstances::LeftOut => write_without_instances,
    };
    list_document::list::<Process>(write, base_url, request, total, send_records)
}

fn write_with_instances(
    app: &AppRecord<'_>,
    base_url: &BaseUrl,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    append(app, base_url, LISTED_COMMAND, Some([]), out);
    Ok(())
}

fn write_without_instances(
    app: &AppRecord<'_>,
    base_url: &BaseUrl,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    append(app, base_url, LISTED_COMMAND, None, out);
    Ok(())
}

/// Appends the document of the process of one app.
pub fn write(
    app: &AppRecord<'_>,
    base_url: &BaseUrl,
    command: StartCommand,
    instances: ProcessInstances,
    out: &mut Vec<u8>,
) {
    let command = match command {
        StartCommand::Shown => None,
        StartCommand::Hidden => Some("[PRIVATE DATA HIDDEN]"),
    };
    let instances = match instances {
        ProcessInstances::Embedded => Some([]),
        ProcessInstances::LeftOut => None,
    };
    append(app, base_url, command, instances, out);
}

/// Returns the document of the statistics of a process.
pub fn stats() -> Vec<u8> {
    let mut out = Vec::new();
    write_compact(&mut out, &Stats { resources: [] });
    out
}

/// Returns the document of the instances of the process with that guid.
pub fn instances(base_url: &BaseUrl, guid: &str) -> Vec<u8> {
    let process = [base_url.as_str(), "/v3/processes/", guid].concat();
    let document = Instances {
        resources: [],
        links: InstancesLinks {
            this: Link::new([&process, "/process_instances"]),
            process: Link::new([&process]),
        },
    };
    let mut out = Vec::new();
    write_compact(&mut out, &document);
    out
}

/// What a list shows instead of a command, also where there is none.
const LISTED_COMMAND: Option<&str> = Some("[PRIVATE DATA HIDDEN IN LISTS]");

fn append(
    app: &AppRecord<'_>,
    base_url: &BaseUrl,
    command: Option<&'static str>,
    process_instances: Option<NoInstances>,
    out: &mut Vec<u8>,
) {
    let base = base_url.as_str();
    let path = ["/v3/processes/", app.guid].concat();
    let scale = Link::new([base, &path, "/actions/scale"]);
    let document = ProcessDocument {
        guid: app.guid,
        created_at: Timestamp(app.created_at),
        updated_at: Timestamp(app.created_at),
        version: app.guid,
        r#type: WEB,
        command,
        user: "vcap",
        instances: 0,
        memory_in_mb: 1024,
        disk_in_mb: 1024,
        log_rate_limit_in_bytes_per_second: -1,
        health_check: HealthCheck {
            r#type: "port",
            data: HealthCheckData {
                timeout: None,
                invocation_timeout: None,
                interval: None,
            },
        },
        readiness_health_check: ReadinessHealthCheck {
            r#type: "process",
            data: ReadinessHealthCheckData {
                invocation_timeout: None,
                interval: None,
            },
        },
        process_instances,
        relationships: Relationships {
            app: ToOne::new(Some(app.guid)),
            revision: None,
        },
        metadata: EmptyMetadata::VALUE,
        links: Links {
            this: Link::new([base, &path]),
            scale: scale.with_method(Some("POST")),
            app: Link::new([base, "/v3/apps/", app.guid]),
            space: Link::new([base, "/v3/spaces/", app.space_guid]),
            stats: Link::new([base, &path, "/stats"]),
            process_instances: Link::new([base, &path, "/process_instances"]),
        },
    };
    write_compact(out, &document);
}

/// `[]`.
type NoInstances = [(); 0];

#[derive(Serialize)]
struct ProcessDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: &'a str,
    r#type: &'static str,
    command: Option<&'static str>,
    user: &'static str,
    instances: u32,
    memory_in_mb: u32,
    disk_in_mb: u32,
    log_rate_limit_in_bytes_per_second: i32,
    health_check: HealthCheck,
    readiness_health_check: ReadinessHealthCheck,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_instances: Option<NoInstances>,
    relationships: Relationships<'a>,
    metadata: EmptyMetadata,
    links: Links,
}

#[derive(Serialize)]
struct HealthCheck {
    r#type: &'static str,
    data: HealthCheckData,
}

#[derive(Serialize)]
struct HealthCheckData {
    timeout: Option<u32>,
    invocation_timeout: Option<u32>,
    interval: Option<u32>,
}

#[derive(Serialize)]
struct ReadinessHealthCheck {
    r#type: &'static str,
    data: ReadinessHealthCheckData,
}

#[derive(Serialize)]
struct ReadinessHealthCheckData {
    invocation_timeout: Option<u32>,
    interval: Option<u32>,
}

#[derive(Serialize)]
struct Relationships<'a> {
    app: ToOne<'a>,
    revision: Option<ToOne<'a>>,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    scale: Link,
    app: Link,
    space: Link,
    stats: Link,
    process_instances: Link,
}

#[derive(Serialize)]
struct Stats {
    resources: NoInstances,
}

#[derive(Serialize)]
struct Instances {
    resources: NoInstances,
    links: InstancesLinks,
}

#[derive(Serialize)]
struct InstancesLinks {
    #[serde(rename = "self")]
    this: Link,
    process: Link,
}
