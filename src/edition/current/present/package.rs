//! Packages. The order of keys matters. See `docs/reference/packages.md#package-in-current`.

use crate::edition::BaseUrl;
use crate::edition::current::json::{EscapedText, JsonWriter};
use crate::labels::{ANNOTATIONS, LABELS, PairRules};
use crate::records::{Content, DockerCredentials, Metadata, Package, PackageRecord, Table};
use crate::store::StoreError;

/// Appends the document of one package.
///
/// # Errors
///
/// Fails with [`StoreError::Damaged`] if the stored labels or annotations are not valid.
pub fn write(
    record: &PackageRecord<'_>,
    base_url: &BaseUrl,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let content = record.content();
    let is_bits = matches!(content, Content::Bits { .. });
    let mut json = JsonWriter::new(out);
    // These texts appear several times in the document.
    let guid = EscapedText::new(record.guid);
    let app_guid = EscapedText::new(record.app_guid);
    let base_url = EscapedText::new(base_url.as_str());

    json.raw("{\"guid\":\"").escaped(&guid);
    json.raw("\",\"created_at\":\"")
        .timestamp(record.created_at);
    let updated_at = record.updated_at.unwrap_or(record.created_at);
    json.raw("\",\"updated_at\":\"").timestamp(updated_at);
    match content {
        Content::Bits { sha1, sha256 } => bits(&mut json, record.error, sha1, sha256),
        Content::Docker {
            image, credentials, ..
        } => docker(&mut json, image, &credentials),
    }
    json.raw(",\"state\":").string(record.state);
    json.raw(",\"relationships\":{\"app\":{\"data\":{\"guid\":\"")
        .escaped(&app_guid);
    json.raw("\"}}},\"metadata\":{\"labels\":")
        .object(&metadata(record, LABELS, record.labels)?);
    json.raw(",\"annotations\":")
        .object(&metadata(record, ANNOTATIONS, record.annotations)?);

    json.raw("},\"links\":{\"self\":{\"href\":\"")
        .escaped(&base_url);
    json.raw("/v3/packages/").escaped(&guid);
    if is_bits {
        json.raw("\"},\"upload\":{\"href\":\"").escaped(&base_url);
        json.raw("/v3/packages/").escaped(&guid);
        // A controller shows no method for `download`, although its published documentation does.
        json.raw("/upload\",\"method\":\"POST\"},\"download\":{\"href\":\"")
            .escaped(&base_url);
        json.raw("/v3/packages/").escaped(&guid).raw("/download");
    }
    json.raw("\"},\"app\":{\"href\":\"").escaped(&base_url);
    json.raw("/v3/apps/").escaped(&app_guid).raw("\"}}}");
    Ok(())
}

fn bits(json: &mut JsonWriter<'_>, error: Option<&str>, sha1: Option<&str>, sha256: Option<&str>) {
    let (kind, value) = checksum(sha1, sha256);
    json.raw("\",\"type\":\"bits\",\"data\":{\"error\":")
        .optional_string(error);
    json.raw(",\"checksum\":{\"type\":").string(kind);
    json.raw(",\"value\":").optional_string(value).raw("}}");
}

/// Returns the kind and the value of the checksum to show: sha1 only if the package has no sha256.
fn checksum<'a>(sha1: Option<&'a str>, sha256: Option<&'a str>) -> (&'static str, Option<&'a str>) {
    match (sha256, sha1) {
        (None, Some(sha1)) => ("sha1", Some(sha1)),
        (sha256, _) => ("sha256", sha256),
    }
}

fn docker(json: &mut JsonWriter<'_>, image: &str, credentials: &DockerCredentials<'_>) {
    let user = credentials.user;
    json.raw("\",\"type\":\"docker\",\"data\":{\"image\":")
        .string(image);
    json.raw(",\"username\":").optional_string(user);
    // A controller shows a hidden password for every user name, whether a password is stored or not.
    let password = user.map(|_| "***");
    json.raw(",\"password\":")
        .optional_string(password)
        .raw("}");
}

fn metadata<'r>(
    record: &PackageRecord<'_>,
    rules: PairRules,
    stored: &'r str,
) -> Result<Metadata<'r>, StoreError> {
    Metadata::of_column(Package::TABLE, record.guid, rules, stored)
}

#[cfg(test)]
mod tests;
