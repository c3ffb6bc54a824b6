use proptest::prelude::*;

use super::*;
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
    created_at: i64,
    updated_at: Option<i64>,
}

#[derive(Clone, Debug)]
enum SampleContent {
    Bits {
        sha1: Option<String>,
    },
    Docker {
        image: String,
        store_image: bool,
        user: Option<String>,
        has_password: bool,
        email: Option<String>,
        login_server: Option<String>,
    },
}

fn sample() -> impl Strategy<Value = Sample> {
    let optional_text = || prop::option::of(text());
    let seconds = || 0..=crate::clock::LAST_SECOND;
    let content = prop_oneof![
        optional_text().prop_map(|sha1| SampleContent::Bits { sha1 }),
        (
            text(),
            any::<bool>(),
            optional_text(),
            any::<bool>(),
            optional_text(),
            optional_text()
        )
            .prop_map(|values| SampleContent::Docker {
                image: values.0,
                store_image: values.1,
                user: values.2,
                has_password: values.3,
                email: values.4,
                login_server: values.5,
            }),
    ];
    (
        (text(), text(), text(), optional_text()),
        content,
        (seconds(), prop::option::of(seconds())),
    )
        .prop_map(|(texts, content, times)| Sample {
            guid: texts.0,
            app_guid: texts.1,
            state: texts.2,
            error: texts.3,
            content,
            created_at: times.0,
            updated_at: times.1,
        })
}

impl Sample {
    fn record(&self) -> PackageRecord<'_> {
        let record = PackageRecord {
            guid: &self.guid,
            app_guid: &self.app_guid,
            state: &self.state,
            error: self.error.as_deref(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            ..PackageRecord::default()
        };
        match &self.content {
            SampleContent::Bits { sha1 } => PackageRecord {
                r#type: package::BITS,
                sha1: sha1.as_deref(),
                ..record
            },
            SampleContent::Docker {
                image,
                store_image,
                user,
                has_password,
                email,
                login_server,
            } => PackageRecord {
                r#type: package::DOCKER,
                image: Some(image),
                store_image: Some(*store_image),
                docker_user: user.as_deref(),
                docker_password: has_password.then_some(DockerPassword::new("not shown")),
                docker_email: email.as_deref(),
                docker_login_server: login_server.as_deref(),
                ..record
            },
        }
    }
}

proptest! {
    #[test]
    fn packages_are_written_as_serde_would_write_them(sample in sample(), base_url in text()) {
        let base_url = BaseUrl(base_url);
        let record = sample.record();
        let document = PackageDocument::new(&base_url, &record);

        let mut one = Vec::new();
        write(&base_url, &record, &mut one);
        prop_assert_eq!(
            String::from_utf8(one).unwrap(),
            serde_json::to_string_pretty(&document).unwrap()
        );

        let (mut in_list, mut expected) = (Vec::new(), Vec::new());
        write_in_list(&base_url, &record, &mut in_list);
        write_pretty(&mut expected, &document, 2);
        prop_assert_eq!(in_list, expected);
    }
}

/// The document as serde derives it.
#[derive(Serialize)]
struct PackageDocument<'a> {
    guid: &'a str,
    r#type: &'static str,
    data: PackageData<'a>,
    state: &'a str,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
    links: PackageLinks,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PackageData<'a> {
    Bits {
        hash: Sha1<'a>,
        error: Option<&'a str>,
    },
    Docker {
        hash: Sha1<'a>,
        error: Option<&'a str>,
        image: Option<&'a str>,
        credentials: CredentialsDocument<'a>,
        store_image: bool,
    },
}

#[derive(Serialize)]
struct Sha1<'a> {
    r#type: &'static str,
    value: Option<&'a str>,
}

/// `{}` if the package has no credentials, else all four keys.
#[derive(Serialize)]
#[serde(untagged)]
enum CredentialsDocument<'a> {
    Absent {},
    Present {
        user: Option<&'a str>,
        email: Option<&'a str>,
        password: Option<&'static str>,
        login_server: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct PackageLinks {
    #[serde(rename = "self")]
    this: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Link>,
    app: Link,
}

impl<'a> PackageDocument<'a> {
    fn new(base_url: &BaseUrl, record: &'a PackageRecord<'_>) -> Self {
        let base_url = base_url.as_str();
        let content = record.content();
        let is_bits = matches!(content, Content::Bits { .. });
        let path = [base_url, "/v3/packages/", record.guid].concat();
        let action = |action, method| {
            is_bits.then(|| Link::new([path.as_str(), action].concat(), Some(method)))
        };
        Self {
            guid: record.guid,
            r#type: if is_bits { "bits" } else { "docker" },
            data: PackageData::new(content, record.error),
            state: record.state,
            created_at: Timestamp(record.created_at),
            updated_at: record.updated_at.map(Timestamp),
            links: PackageLinks {
                upload: action("/upload", "POST"),
                download: action("/download", "GET"),
                stage: action("/droplets", "POST"),
                app: Link::new([base_url, "/v3/apps/", record.app_guid].concat(), None),
                this: Link::new(path, None),
            },
        }
    }
}

impl<'a> PackageData<'a> {
    fn new(content: Content<'a>, error: Option<&'a str>) -> Self {
        let sha1 = |value| Sha1 {
            r#type: "sha1",
            value,
        };
        match content {
            Content::Bits { sha1: value, .. } => Self::Bits {
                hash: sha1(value),
                error,
            },
            Content::Docker {
                image,
                store_image,
                credentials,
            } => Self::Docker {
                hash: sha1(None),
                error,
                // A docker package that was created without `data` has none.
                image: Some(image).filter(|image| !image.is_empty()),
                credentials: CredentialsDocument::new(credentials),
                store_image,
            },
        }
    }
}

impl<'a> CredentialsDocument<'a> {
    /// A controller of 2015 shows the password; this server shows `***` instead.
    fn new(credentials: DockerCredentials<'a>) -> Self {
        let DockerCredentials {
            user,
            has_password,
            email,
            login_server,
        } = credentials;
        let password = has_password.then_some("***");
        if (user, email, password, login_server) == (None, None, None, None) {
            return Self::Absent {};
        }
        Self::Present {
            user,
            email,
            password,
            login_server,
        }
    }
}
