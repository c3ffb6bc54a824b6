//! The quota of all organizations. The order of keys matters: limits come first. See
//! `docs/reference/served-routes.md#organization-quotas`.

use serde::Serialize;

use super::list_document;
use super::parts::Link;
use crate::edition::BaseUrl;
use crate::edition::current::json::write_compact;
use crate::edition::json::Timestamp;
use crate::listing::request::ListRequest;
use crate::records::quota;

/// Returns the document of the quota, with the guids of the organizations that the caller may see.
pub fn document(base_url: &BaseUrl, organizations: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    let organizations = organizations.iter().map(|guid| Reference { guid });
    write_compact(
        &mut out,
        &Quota {
            apps: AppLimits::default(),
            services: ServiceLimits {
                paid_services_allowed: true,
                total_service_instances: None,
                total_service_keys: None,
            },
            routes: RouteLimits::default(),
            guid: quota::GUID,
            created_at: Timestamp(quota::CREATED_AT),
            updated_at: Timestamp(quota::CREATED_AT),
            name: quota::NAME,
            domains: DomainLimits::default(),
            relationships: Relationships {
                organizations: ToMany {
                    data: organizations.collect(),
                },
            },
            links: Links {
                this: Link::new([base_url.as_str(), "/v3/organization_quotas/", quota::GUID]),
            },
        },
    );
    out
}

/// Returns the document of a list that holds the quota on its page if `organizations` are given.
pub fn list(
    base_url: &BaseUrl,
    request: &ListRequest,
    total: u64,
    organizations: Option<&[String]>,
) -> Vec<u8> {
    let resources = organizations.map(|organizations| document(base_url, organizations));
    list_document::of_documents(base_url, request, total, resources.as_slice())
}

/// Every limit is null, which means that there is none.
#[derive(Default, Serialize)]
struct AppLimits {
    total_memory_in_mb: Option<u32>,
    per_process_memory_in_mb: Option<u32>,
    total_instances: Option<u32>,
    per_app_tasks: Option<u32>,
    log_rate_limit_in_bytes_per_second: Option<u32>,
}

#[derive(Serialize)]
struct ServiceLimits {
    paid_services_allowed: bool,
    total_service_instances: Option<u32>,
    total_service_keys: Option<u32>,
}

#[derive(Default, Serialize)]
struct RouteLimits {
    total_routes: Option<u32>,
    total_reserved_ports: Option<u32>,
}

#[derive(Default, Serialize)]
struct DomainLimits {
    total_domains: Option<u32>,
}

#[derive(Serialize)]
struct Quota<'a> {
    apps: AppLimits,
    services: ServiceLimits,
    routes: RouteLimits,
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    name: &'a str,
    domains: DomainLimits,
    relationships: Relationships<'a>,
    links: Links,
}

#[derive(Serialize)]
struct Relationships<'a> {
    organizations: ToMany<'a>,
}

#[derive(Serialize)]
struct ToMany<'a> {
    data: Vec<Reference<'a>>,
}

#[derive(Serialize)]
struct Reference<'a> {
    guid: &'a str,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
}
