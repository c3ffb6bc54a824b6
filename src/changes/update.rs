//! Updates the metadata of a package and the credentials of a docker package. See `docs/reference/packages.md#update`.

use super::{Change, MetadataChange};
use crate::error::ApiError;
use crate::records::{Metadata, Package, Resource, Table};
use crate::store::StoreError;

/// What to change of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdatePackage {
    /// The labels to set and to remove.
    pub labels: MetadataChange,
    /// The annotations to set and to remove.
    pub annotations: MetadataChange,
    /// The new credentials for a docker registry.
    pub credentials: CredentialsChange,
}

/// The credentials that a request names. The outer `None` leaves one as it is; the inner one removes it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CredentialsChange {
    /// The user at the registry.
    pub user: Option<Option<String>>,
    /// The password at the registry.
    pub password: Option<Option<String>>,
}

impl std::fmt::Debug for CredentialsChange {
    /// Writes nothing of the credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialsChange").finish_non_exhaustive()
    }
}

/// Changes the package with that guid and returns its id. Only changed credentials move `updated_at`, as in a controller.
///
/// # Errors
///
/// Fails if the package is missing, if it has no docker credentials to change, if the caller may not write there, or if
/// there are too many labels or annotations.
pub fn update(
    change: &Change<'_, '_>,
    guid: &str,
    update: &UpdatePackage,
) -> Result<i64, ApiError> {
    let missing = ApiError::NotFound(Package::NOT_FOUND);
    let package = change.find_package(guid, &missing)?;
    let credentials = &update.credentials;
    let names_credentials = credentials.user.is_some() || credentials.password.is_some();
    if names_credentials && package.docker.is_none() {
        let text = "Cannot update Docker credentials for a buildpack app.";
        return Err(ApiError::Unprocessable(text.into()));
    }
    change.require_writable(package.space_id)?;

    let damaged = |error: serde_json::Error| {
        StoreError::Damaged(format!(
            "metadata of the package `{}`: {error}",
            package.guid
        ))
    };
    let stored = Metadata::parse(&package.labels).map_err(damaged)?;
    let labels = update.labels.applied_to_labels(&stored)?;
    let stored = Metadata::parse(&package.annotations).map_err(damaged)?;
    let annotations = update.annotations.applied_to_annotations(&stored)?;
    let docker = package.docker.as_ref();
    let stored_user = docker.and_then(|docker| docker.user.as_deref());
    let stored_password = docker.and_then(|docker| docker.password.as_deref());
    let user = credentials
        .user
        .as_ref()
        .map_or(stored_user, Option::as_deref);
    let password = credentials
        .password
        .as_ref()
        .map_or(stored_password, Option::as_deref);
    let is_moved = (user, password) != (stored_user, stored_password);
    let updated_at = is_moved.then_some(change.now);
    let sql =
        "update packages set labels = $1, annotations = $2, docker_user = $3, docker_password = $4,
                                   updated_at = coalesce($5, updated_at)
               where id = $6";
    let values = [
        labels.to_json().into_owned().into(),
        annotations.to_json().into_owned().into(),
        user.into(),
        password.into(),
        updated_at.into(),
        package.id.into(),
    ];
    change.transaction.execute(sql, &values)?;
    let index = Package::LABELS.expect("packages have labels");
    index.replace(change.transaction, package.id, &labels)?;
    Ok(package.id)
}
