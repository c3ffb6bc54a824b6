//! A package as today's controllers show it (packages-api.md §4.2), key order and all.
//!
//! Written piece by piece rather than serialized: a page holds thousands of them, and this is what it costs.

use crate::edition::BaseUrl;
use crate::edition::current::Presentation;
use crate::edition::current::request::{SingleQuery, parameters};
use crate::edition::json::{JsonWriter, StoredMetadata, Text, compact};
use crate::records::{Content, DockerCredentials, Package, PackageRecord};

/// How this edition presents packages.
pub const PRESENTATION: Presentation<Package> = Presentation {
    path: "/v3/packages",
    parameters: &parameters::PACKAGES,
    single_query: SingleQuery::Ignored,
    write,
};

fn write(row: &PackageRecord<'_>, base_url: &BaseUrl, out: &mut Vec<u8>) {
    let mut out = JsonWriter(out);
    // These stand in several places: escaped once.
    let (guid, app) = (Text::new(row.guid), Text::new(row.app_guid));
    let base_url = Text::new(base_url.as_str());
    out.plain("{\"guid\":\"").text(&guid);
    out.plain("\",\"created_at\":\"").time(row.created_at);
    let updated_at = row.updated_at.unwrap_or(row.created_at);
    out.plain("\",\"updated_at\":\"").time(updated_at);
    match &row.content() {
        Content::Bits { sha1, sha256 } => bits(&mut out, row.error, *sha1, *sha256),
        Content::Docker {
            image, credentials, ..
        } => docker(&mut out, image, credentials),
    }
    out.plain(",\"state\":").string(row.state);
    out.plain(",\"relationships\":{\"app\":{\"data\":{\"guid\":\"")
        .text(&app);
    out.plain("\"}}},\"metadata\":{\"labels\":")
        .object(row.labels);
    out.plain(",\"annotations\":").object(row.annotations);
    out.plain("},\"links\":{\"self\":{\"href\":\"")
        .text(&base_url);
    out.plain("/v3/packages/").text(&guid);
    if let Content::Bits { .. } = row.content() {
        out.plain("\"},\"upload\":{\"href\":\"").text(&base_url);
        out.plain("/v3/packages/").text(&guid);
        // `download` has no method, although the published documentation shows one.
        out.plain("/upload\",\"method\":\"POST\"},\"download\":{\"href\":\"");
        out.text(&base_url)
            .plain("/v3/packages/")
            .text(&guid)
            .plain("/download");
    }
    out.plain("\"},\"app\":{\"href\":\"").text(&base_url);
    out.plain("/v3/apps/").text(&app).plain("\"}}}");
}

fn bits(out: &mut JsonWriter<'_>, error: Option<&str>, sha1: Option<&str>, sha256: Option<&str>) {
    out.plain("\",\"type\":\"bits\",\"data\":{\"error\":")
        .optional(error);
    // sha1 only where there is one and no sha256.
    let (kind, value) = match (sha256, sha1) {
        (None, Some(sha1)) => ("sha1", Some(sha1)),
        (sha256, _) => ("sha256", sha256),
    };
    out.plain(",\"checksum\":{\"type\":").string(kind);
    out.plain(",\"value\":").optional(value).plain("}}");
}

fn docker(out: &mut JsonWriter<'_>, image: &str, credentials: &DockerCredentials<'_>) {
    out.plain("\",\"type\":\"docker\",\"data\":{\"image\":")
        .string(image);
    out.plain(",\"username\":").optional(credentials.user);
    // Presented as hidden whenever there is a user name, whether a password is stored or not.
    let password = credentials.user.map(|_| "***");
    out.plain(",\"password\":").optional(password).plain("}");
}

impl JsonWriter<'_> {
    /// A stored object of text.
    fn object(&mut self, stored: &str) -> &mut Self {
        if stored == "{}" {
            return self.plain("{}");
        }
        compact(self.0, &StoredMetadata(stored));
        self
    }
}
