//! The documents that tell a client where everything is (packages-api.md §8, neighbours.md §8).

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::edition::BaseUrl;
use crate::edition::json::{Pieces, compact};

/// The version of the API that this edition is.
pub const API_VERSION: &str = "3.228.0";

/// `GET /`: `login` and `uaa` are this server itself; what it has not is null where a controller may have null.
pub fn root(base_url: &BaseUrl) -> Vec<u8> {
    let at = |path| Href { base_url, path };
    document(&Root {
        links: RootLinks {
            this: at(""),
            cloud_controller_v3: Versioned {
                href: BaseUrl::join(base_url, "/v3"),
                meta: Version {
                    version: API_VERSION,
                },
            },
            network_policy_v0: at("/networking/v0/external"),
            network_policy_v1: at("/networking/v1/external"),
            login: at(""),
            uaa: at(""),
            credhub: None,
            routing: None,
            logging: None,
            log_cache: None,
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

/// `GET /v3`: every collection that a controller has, whether it is served here or not.
pub fn v3(base_url: &BaseUrl) -> Vec<u8> {
    document(&V3 {
        links: V3Links(base_url),
    })
}

/// `GET /v3/info`: the values of a controller in which nothing is configured.
pub fn info(base_url: &BaseUrl) -> Vec<u8> {
    document(&Info {
        build: "",
        cli_version: CliVersion {
            minimum: "",
            recommended: "",
        },
        custom: Empty {},
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
            this: Href {
                base_url,
                path: "/v3/info",
            },
            support: Support { href: "" },
        },
    })
}

fn document<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    compact(&mut out, value);
    out
}

/// `{"href": base_url + path}`
struct Href<'a> {
    base_url: &'a BaseUrl,
    path: &'static str,
}

impl Serialize for Href<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("href", &Pieces([self.base_url.as_str(), self.path]))?;
        map.end()
    }
}

#[derive(Serialize)]
struct Root<'a> {
    links: RootLinks<'a>,
}

#[derive(Serialize)]
struct RootLinks<'a> {
    #[serde(rename = "self")]
    this: Href<'a>,
    cloud_controller_v3: Versioned,
    network_policy_v0: Href<'a>,
    network_policy_v1: Href<'a>,
    login: Href<'a>,
    uaa: Href<'a>,
    credhub: Option<Href<'a>>,
    routing: Option<Href<'a>>,
    logging: Option<Href<'a>>,
    log_cache: Option<Href<'a>>,
    log_stream: Option<Href<'a>>,
    app_ssh: AppSsh,
}

#[derive(Serialize)]
struct Versioned {
    href: String,
    meta: Version,
}

#[derive(Serialize)]
struct Version {
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

/// After `self`, in this order.
const COLLECTIONS: [&str; 32] = [
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
        let mut map = serializer.serialize_map(Some(COLLECTIONS.len() + 1))?;
        let this = Href {
            base_url: self.0,
            path: "/v3",
        };
        map.serialize_entry("self", &this)?;
        for name in COLLECTIONS {
            let href = Collection {
                href: BaseUrl::join(self.0, &format!("/v3/{name}")),
            };
            map.serialize_entry(name, &href)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Collection {
    href: String,
}

#[derive(Serialize)]
struct Info<'a> {
    build: &'static str,
    cli_version: CliVersion,
    custom: Empty,
    description: &'static str,
    name: &'static str,
    version: u32,
    osbapi_version: &'static str,
    rate_limits: RateLimits,
    links: InfoLinks<'a>,
}

#[derive(Serialize)]
struct CliVersion {
    minimum: &'static str,
    recommended: &'static str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct RateLimits {
    enabled: bool,
    general_limit: &'static str,
    reset_interval_in_minutes: &'static str,
}

#[derive(Serialize)]
struct InfoLinks<'a> {
    #[serde(rename = "self")]
    this: Href<'a>,
    support: Support,
}

#[derive(Serialize)]
struct Support {
    href: &'static str,
}
