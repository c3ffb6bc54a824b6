//! Jobs. The order of keys matters. See `docs/reference/packages.md#jobs`.

use serde::Serialize;

use super::parts::Link;
use crate::edition::BaseUrl;
use crate::edition::current::json::write_compact;
use crate::edition::json::Timestamp;
use crate::records::JobRecord;

/// Returns the document of one job. `has_package` says whether the package that it deletes exists.
pub fn document(record: &JobRecord<'_>, base_url: &BaseUrl, has_package: bool) -> Vec<u8> {
    let base = base_url.as_str();
    let package = has_package.then(|| Link::new([base, "/v3/packages/", record.package_guid]));
    let mut out = Vec::new();
    write_compact(
        &mut out,
        &JobDocument {
            guid: record.guid,
            created_at: Timestamp(record.created_at),
            updated_at: Timestamp(record.updated_at),
            operation: "package.delete",
            state: record.state,
            errors: [],
            warnings: [],
            links: JobLinks {
                this: Link::new([base, "/v3/jobs/", record.guid]),
                package,
            },
        },
    );
    out
}

#[derive(Serialize)]
struct JobDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    operation: &'static str,
    state: &'a str,
    errors: [(); 0],
    warnings: [(); 0],
    links: JobLinks,
}

#[derive(Serialize)]
struct JobLinks {
    #[serde(rename = "self")]
    this: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<Link>,
}
