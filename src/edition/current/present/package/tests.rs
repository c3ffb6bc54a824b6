use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;

use super::super::parts::{Link, ToOne};
use super::*;
use crate::edition::current::json::write_compact;
use crate::edition::json::Timestamp;
use crate::edition::json::tests::text;
use crate::records::{DockerPassword, package};

/// The values of a package, owned.
#[derive(Clone, Debug)]
struct Sample {
    guid: String,
    app_guid: String,
    state: String,
    error: Option<String>,
    content: SampleContent,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    created_at: i64,
    updated_at: Option<i64>,
}

#[derive(Clone, Debug)]
enum SampleContent {
    Bits {
        sha1: Option<String>,
        sha256: Option<String>,
    },
    Docker {
        image: String,
        user: Option<String>,
        has_password: bool,
    },
}

fn sample() -> impl Strategy<Value = Sample> {
    let optional_text = || prop::option::of(text());
    // No stored text contains U+0000, and the value of a label needs no escape.
    let stored_text = || text().prop_map(|text| text.replace('\0', "\n"));
    let labels = prop::collection::btree_map(stored_text(), "[0-9a-z]{0,9}", 0..4);
    let annotations = prop::collection::btree_map(stored_text(), stored_text(), 0..4);
    let seconds = || 0..=crate::clock::LAST_SECOND;
    let content = prop_oneof![
        (optional_text(), optional_text())
            .prop_map(|(sha1, sha256)| SampleContent::Bits { sha1, sha256 }),
        (text(), optional_text(), any::<bool>()).prop_map(|(image, user, has_password)| {
            SampleContent::Docker {
                image,
                user,
                has_password,
            }
        }),
    ];
    (
        (text(), text(), text(), optional_text()),
        content,
        (labels, annotations),
        (seconds(), prop::option::of(seconds())),
    )
        .prop_map(|(texts, content, metadata, times)| Sample {
            guid: texts.0,
            app_guid: texts.1,
            state: texts.2,
            error: texts.3,
            content,
            labels: metadata.0,
            annotations: metadata.1,
            created_at: times.0,
            updated_at: times.1,
        })
}

/// Returns what `write` appends for the sample. `labels` and `annotations` are the stored texts.
fn written(
    sample: &Sample,
    base_url: &BaseUrl,
    labels: &str,
    annotations: &str,
) -> Result<String, StoreError> {
    let record = PackageRecord {
        guid: &sample.guid,
        app_guid: &sample.app_guid,
        state: &sample.state,
        error: sample.error.as_deref(),
        labels,
        annotations,
        created_at: sample.created_at,
        updated_at: sample.updated_at,
        ..PackageRecord::default()
    };
    let record = match &sample.content {
        SampleContent::Bits { sha1, sha256 } => PackageRecord {
            r#type: package::BITS,
            sha1: sha1.as_deref(),
            sha256: sha256.as_deref(),
            ..record
        },
        SampleContent::Docker {
            image,
            user,
            has_password,
        } => PackageRecord {
            r#type: package::DOCKER,
            image: Some(image),
            store_image: Some(true),
            docker_user: user.as_deref(),
            docker_password: has_password.then_some(DockerPassword::new("not shown")),
            docker_email: Some("not shown"),
            docker_login_server: Some("not shown"),
            ..record
        },
    };
    let mut out = Vec::new();
    write(&record, base_url, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The document as serde derives it.
#[derive(Serialize)]
struct Document<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    r#type: &'static str,
    data: Data<'a>,
    state: &'a str,
    relationships: Relationships<'a>,
    metadata: Metadata<'a>,
    links: Links,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Bits {
        error: Option<&'a str>,
        checksum: Checksum<'a>,
    },
    Docker {
        image: &'a str,
        username: Option<&'a str>,
        password: Option<&'static str>,
    },
}

#[derive(Serialize)]
struct Checksum<'a> {
    r#type: &'static str,
    value: Option<&'a str>,
}

#[derive(Serialize)]
struct Relationships<'a> {
    app: ToOne<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    labels: &'a BTreeMap<String, String>,
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Link>,
    app: Link,
}

/// Returns the document of the sample as serde serializes it.
fn serialized(sample: &Sample, base_url: &BaseUrl) -> String {
    let base_url = base_url.as_str();
    let link = |suffix| Link::new([base_url, "/v3/packages/", &sample.guid, suffix]);
    let (kind, data) = match &sample.content {
        SampleContent::Bits { sha1, sha256 } => {
            let (r#type, value) = checksum(sha1.as_deref(), sha256.as_deref());
            let error = sample.error.as_deref();
            let checksum = Checksum { r#type, value };
            ("bits", Data::Bits { error, checksum })
        }
        SampleContent::Docker { image, user, .. } => (
            "docker",
            Data::Docker {
                image,
                username: user.as_deref(),
                password: user.as_ref().map(|_| "***"),
            },
        ),
    };
    let is_bits = kind == "bits";
    let document = Document {
        guid: &sample.guid,
        created_at: Timestamp(sample.created_at),
        updated_at: Timestamp(sample.updated_at.unwrap_or(sample.created_at)),
        r#type: kind,
        data,
        state: &sample.state,
        relationships: Relationships {
            app: ToOne::new(Some(&sample.app_guid)),
        },
        metadata: Metadata {
            labels: &sample.labels,
            annotations: &sample.annotations,
        },
        links: Links {
            this: link(""),
            upload: is_bits.then(|| link("/upload").with_method(Some("POST"))),
            download: is_bits.then(|| link("/download")),
            app: Link::new([base_url, "/v3/apps/", &sample.app_guid]),
        },
    };
    let mut out = Vec::new();
    write_compact(&mut out, &document);
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn packages_are_written_as_serde_would_write_them(sample in sample(), base_url in text()) {
        let base_url = BaseUrl(base_url);
        let labels = serde_json::to_string(&sample.labels).unwrap();
        let annotations = serde_json::to_string_pretty(&sample.annotations).unwrap();
        let document = written(&sample, &base_url, &labels, &annotations).unwrap();
        prop_assert_eq!(document, serialized(&sample, &base_url));
    }
}

#[test]
fn damaged_metadata_is_an_error_that_names_the_package() {
    let sample = Sample {
        guid: "P".into(),
        app_guid: "A".into(),
        state: "READY".into(),
        error: None,
        content: SampleContent::Bits {
            sha1: None,
            sha256: None,
        },
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        created_at: 0,
        updated_at: None,
    };
    for damaged in ["", "{", "[]", "{\"a\":1}", "{\"a\":\"b\"}}"] {
        for (labels, annotations, name) in
            [(damaged, "{}", "labels"), ("{}", damaged, "annotations")]
        {
            let result = written(&sample, &BaseUrl(String::new()), labels, annotations);
            let error = result.expect_err(damaged);
            assert!(
                matches!(&error, StoreError::Damaged(text) if text.starts_with(&format!("`{name}` of the row `P` in `packages`: "))),
                "{error}"
            );
        }
    }
}
