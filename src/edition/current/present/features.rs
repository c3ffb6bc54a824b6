//! The features of apps and spaces, in the order of a controller. None is enabled. See
//! `docs/reference/served-routes.md#features`.

use serde::Serialize;

use super::list_document::Unpaged;
use crate::edition::BaseUrl;
use crate::edition::current::json::write_compact;

const OF_APPS: &[Feature] = &[
    feature("ssh", "Enable SSHing into the app."),
    feature("revisions", "Enable versioning of an application"),
    feature(
        "service-binding-k8s",
        "Enable k8s service bindings for the app",
    ),
    feature(
        "file-based-vcap-services",
        "Enable file-based VCAP service bindings for the app",
    ),
];
const OF_SPACES: &[Feature] = &[feature("ssh", "Enable SSHing into apps in the space.")];

/// Returns the document of the features of the app with that guid. Its hrefs are relative, as a controller has them, and begin
/// with the path prefix, if there is one.
pub fn of_app(base_url: &BaseUrl, guid: &str) -> Vec<u8> {
    document(&AppFeatures {
        resources: OF_APPS,
        pagination: Unpaged::new(
            OF_APPS.len(),
            &format!("{}/v3/apps/{guid}/features", base_url.prefix()),
        ),
    })
}

/// Returns the document of one feature of an app, if there is one of that name.
pub fn one_of_app(name: &str) -> Option<Vec<u8>> {
    one(OF_APPS, name)
}

/// Returns the document of the features of a space.
pub fn of_space() -> Vec<u8> {
    document(&SpaceFeatures {
        resources: OF_SPACES,
    })
}

/// Returns the document of one feature of a space, if there is one of that name.
pub fn one_of_space(name: &str) -> Option<Vec<u8>> {
    one(OF_SPACES, name)
}

/// Returns the document that says that nobody can open a shell in an app.
pub fn ssh_status() -> Vec<u8> {
    document(&SshStatus {
        enabled: false,
        reason: "Disabled globally",
    })
}

fn one(features: &[Feature], name: &str) -> Option<Vec<u8>> {
    let feature = features.iter().find(|feature| feature.name == name)?;
    Some(document(feature))
}

fn document<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    write_compact(&mut out, value);
    out
}

#[derive(Serialize)]
struct Feature {
    name: &'static str,
    description: &'static str,
    enabled: bool,
}

const fn feature(name: &'static str, description: &'static str) -> Feature {
    Feature {
        name,
        description,
        enabled: false,
    }
}

#[derive(Serialize)]
struct AppFeatures {
    resources: &'static [Feature],
    pagination: Unpaged,
}

#[derive(Serialize)]
struct SpaceFeatures {
    resources: &'static [Feature],
}

#[derive(Serialize)]
struct SshStatus {
    enabled: bool,
    reason: &'static str,
}
