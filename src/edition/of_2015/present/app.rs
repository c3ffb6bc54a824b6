//! Apps as controllers of 2015 showed them. The order of keys matters.
//!
//! See `docs/reference/organizations-spaces-apps.md#apps-in-2015`.

use serde::Serialize;

use super::package::Link;
use crate::edition::BaseUrl;
use crate::edition::json::Timestamp;
use crate::edition::of_2015::STACK;
use crate::edition::of_2015::json::write_pretty;
use crate::records::AppRecord;

/// Appends the document of one app.
pub fn write(base_url: &BaseUrl, record: &AppRecord<'_>, out: &mut Vec<u8>) {
    let base_url = base_url.as_str();
    let below = |suffix, method| {
        let href = [base_url, "/v3/apps/", record.guid, suffix].concat();
        Link::new(href, method)
    };
    let document = AppDocument {
        guid: record.guid,
        name: record.name,
        desired_state: "STOPPED",
        total_desired_instances: 0,
        created_at: Timestamp(record.created_at),
        updated_at: None,
        lifecycle: Lifecycle {
            r#type: "buildpack",
            data: LifecycleData {
                buildpack: None,
                stack: STACK,
            },
        },
        environment_variables: NoVariables {},
        links: Links {
            this: below("", None),
            space: Link::new([base_url, "/v2/spaces/", record.space_guid].concat(), None),
            processes: below("/processes", None),
            routes: below("/routes", None),
            packages: below("/packages", None),
            droplets: below("/droplets", None),
            start: below("/start", Some("PUT")),
            stop: below("/stop", Some("PUT")),
            assign_current_droplet: below("/current_droplet", Some("PUT")),
        },
    };
    write_pretty(out, &document, 0);
}

#[derive(Serialize)]
struct AppDocument<'a> {
    guid: &'a str,
    name: &'a str,
    desired_state: &'static str,
    total_desired_instances: u32,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
    lifecycle: Lifecycle,
    environment_variables: NoVariables,
    links: Links,
}

/// Every app had this lifecycle, also one with docker packages.
#[derive(Serialize)]
struct Lifecycle {
    r#type: &'static str,
    data: LifecycleData,
}

#[derive(Serialize)]
struct LifecycleData {
    buildpack: Option<()>,
    stack: &'static str,
}

#[derive(Serialize)]
struct NoVariables {}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    space: Link,
    processes: Link,
    routes: Link,
    packages: Link,
    droplets: Link,
    start: Link,
    stop: Link,
    assign_current_droplet: Link,
}
