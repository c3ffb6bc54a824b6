//! The documents that tell a client what the server is and where its resources are.
//!
//! See `docs/reference/root-documents.md`.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::parts::{EmptyObject, Link};
use crate::edition::BaseUrl;
use crate::edition::current::json::write_compact;

/// The version of the API that this edition follows.
pub const API_VERSION: &str = "3.228.0";

/// Returns the document of `GET /`. `login`, `uaa` and `log_cache` are this server itself. It has no logs, but a client
/// that asks for some gets its 404 instead of failing on an address that is missing. Other services that it does not have
/// are null wherever a controller may show null.
pub fn root(base_url: &BaseUrl) -> Vec<u8> {
    let link = |path| Link::new([base_url.as_str(), path]);
    document(&Root {
        links: RootLinks {
            this: link(""),
            cloud_controller_v3: VersionedLink {
                link: link("/v3"),
                meta: VersionMeta {
                    version: API_VERSION,
                },
            },
            network_policy_v0: link("/networking/v0/external"),
            network_policy_v1: link("/networking/v1/external"),
            login: link(""),
            uaa: link(""),
            credhub: None,
            routing: None,
            logging: None,
            log_cache: Some(link("")),
            log_stream: None,
            app_ssh: AppSsh {
                href: "",
                meta: AppSshMeta {
                    host_key_fingerprint: None,
                    oauth_client: "ssh-proxy",
                },
            },
        },
    })
}

/// Returns the document of `GET /v3`: all collections of a controller, including those that this server does not have.
pub fn v3(base_url: &BaseUrl) -> Vec<u8> {
    document(&V3 {
        links: V3Links(base_url),
    })
}

/// Returns the document of `GET /v3/info`: the values of a controller in which nothing is configured.
pub fn info(base_url: &BaseUrl) -> Vec<u8> {
    document(&Info {
        build: "",
        cli_version: CliVersion {
            minimum: "",
            recommended: "",
        },
        custom: EmptyObject {},
        description: "",
        name: "",
        version: 0,
        osbapi_version: "2.15",
        rate_limits: RateLimits {
            enabled: false,
            general_limit: "",
            reset_interval_in_minutes: "",
        },
        links: InfoLinks {
            this: Link::new([base_url.as_str(), "/v3/info"]),
            support: Link::new([""]),
        },
    })
}

fn document<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write_compact(&mut out, value);
    out
}

#[derive(Serialize)]
struct Root {
    links: RootLinks,
}

#[derive(Serialize)]
struct RootLinks {
    #[serde(rename = "self")]
    this: Link,
    cloud_controller_v3: VersionedLink,
    network_policy_v0: Link,
    network_policy_v1: Link,
    login: Link,
    uaa: Link,
    credhub: Option<Link>,
    routing: Option<Link>,
    logging: Option<Link>,
    log_cache: Option<Link>,
    log_stream: Option<Link>,
    app_ssh: AppSsh,
}

/// `{"href":"…","meta":{"version":"…"}}`.
#[derive(Serialize)]
struct VersionedLink {
    #[serde(flatten)]
    link: Link,
    meta: VersionMeta,
}

#[derive(Serialize)]
struct VersionMeta {
    version: &'static str,
}

#[derive(Serialize)]
struct AppSsh {
    href: &'static str,
    meta: AppSshMeta,
}

#[derive(Serialize)]
struct AppSshMeta {
    host_key_fingerprint: Option<&'static str>,
    oauth_client: &'static str,
}

#[derive(Serialize)]
struct V3<'a> {
    links: V3Links<'a>,
}

struct V3Links<'a>(&'a BaseUrl);

/// The collections, in the order in which they follow `self`.
const COLLECTIONS: &[&str] = &[
    "app_usage_events",
    "apps",
    "audit_events",
    "buildpacks",
    "builds",
    "deployments",
    "domains",
    "droplets",
    "environment_variable_groups",
    "feature_flags",
    "info",
    "isolation_segments",
    "organizations",
    "organization_quotas",
    "packages",
    "processes",
    "resource_matches",
    "roles",
    "routes",
    "security_groups",
    "service_brokers",
    "service_instances",
    "service_credential_bindings",
    "service_offerings",
    "service_plans",
    "service_route_bindings",
    "service_usage_events",
    "spaces",
    "space_quotas",
    "stacks",
    "tasks",
    "users",
];

impl Serialize for V3Links<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let base_url = self.0.as_str();
        let mut map = serializer.serialize_map(Some(COLLECTIONS.len() + 1))?;
        map.serialize_entry("self", &Link::new([base_url, "/v3"]))?;
        for name in COLLECTIONS {
            map.serialize_entry(name, &Link::new([base_url, "/v3/", name]))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Info {
    build: &'static str,
    cli_version: CliVersion,
    custom: EmptyObject,
    description: &'static str,
    name: &'static str,
    version: u32,
    osbapi_version: &'static str,
    rate_limits: RateLimits,
    links: InfoLinks,
}

#[derive(Serialize)]
struct CliVersion {
    minimum: &'static str,
    recommended: &'static str,
}

#[derive(Serialize)]
struct RateLimits {
    enabled: bool,
    general_limit: &'static str,
    reset_interval_in_minutes: &'static str,
}

#[derive(Serialize)]
struct InfoLinks {
    #[serde(rename = "self")]
    this: Link,
    support: Link,
}
