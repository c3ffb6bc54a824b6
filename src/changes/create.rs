//! Creates a package. See `docs/reference/packages.md#create-in-current` and `#create-in-2015`.

use super::{Change, MetadataChange};
use crate::error::ApiError;
use crate::records::package::{self, Package, PackageRecord};
use crate::records::{DockerPassword, Metadata, Table};

/// A package to create.
#[derive(Clone, Debug)]
pub struct CreatePackage {
    /// The guid of the app; `None` names no app.
    pub app: Option<String>,
    /// The answer if the app does not exist or the caller may not read it.
    pub missing_app: ApiError,
    /// What it consists of.
    pub content: NewContent,
    /// Returns what is wrong with a package of that type for an app of that lifecycle.
    pub lifecycle_fault: LifecycleFault,
    /// The labels.
    pub labels: MetadataChange,
    /// The annotations.
    pub annotations: MetadataChange,
}

/// Returns what is wrong with a package for an app: takes the lifecycle of the app and the type of the package.
pub type LifecycleFault = fn(&str, &str) -> Option<&'static str>;

/// What a new package consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewContent {
    /// Files that will be uploaded.
    Bits,
    /// An image in a registry.
    Docker(DockerContent),
}

/// An image in a registry, and the credentials for it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DockerContent {
    /// The reference of the image. Empty if the request gave none, which `2015` accepts.
    pub image: String,
    /// Whether the image is to be copied to the foundation's registry.
    pub store_image: bool,
    /// The user at the registry.
    pub user: Option<String>,
    /// The password at the registry.
    pub password: Option<String>,
    /// The user's e-mail address.
    pub email: Option<String>,
    /// The login server of the registry.
    pub login_server: Option<String>,
}

impl std::fmt::Debug for DockerContent {
    /// Writes the image only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("DockerContent");
        debug.field("image", &self.image).finish_non_exhaustive()
    }
}

/// Stores the package and returns its id.
///
/// # Errors
///
/// Fails if the app is missing, if the caller may not write there, if the package does not fit the app, or if there are
/// too many labels or annotations.
pub fn create(change: &Change<'_, '_>, new: &CreatePackage) -> Result<i64, ApiError> {
    let app = change.find_app(new.app.as_deref(), &new.missing_app)?;
    change.require_writable(app.space_id)?;
    let r#type = match new.content {
        NewContent::Bits => package::BITS,
        NewContent::Docker(_) => package::DOCKER,
    };
    if let Some(fault) = (new.lifecycle_fault)(&app.lifecycle, r#type) {
        return Err(ApiError::Unprocessable(fault.into()));
    }
    let none = Metadata::default();
    let labels = new.labels.applied_to_labels(&none)?.to_json();
    let annotations = new.annotations.applied_to_annotations(&none)?.to_json();
    let guid = new_guid();
    let record = PackageRecord {
        guid: &guid,
        app_id: app.id,
        app_guid: &app.guid,
        space_id: app.space_id,
        r#type,
        labels: &labels,
        annotations: &annotations,
        created_at: change.now,
        ..PackageRecord::default()
    };
    let record = match &new.content {
        NewContent::Bits => PackageRecord {
            state: package::AWAITING_UPLOAD,
            ..record
        },
        NewContent::Docker(docker) => PackageRecord {
            state: package::READY,
            image: Some(&docker.image),
            store_image: Some(docker.store_image),
            docker_user: docker.user.as_deref(),
            docker_password: docker.password.as_deref().map(DockerPassword::new),
            docker_email: docker.email.as_deref(),
            docker_login_server: docker.login_server.as_deref(),
            ..record
        },
    };
    Ok(Package::insert(change.transaction, &record)?)
}

/// Returns a new random guid.
pub(super) fn new_guid() -> String {
    uuid::Uuid::new_v4().hyphenated().to_string()
}
