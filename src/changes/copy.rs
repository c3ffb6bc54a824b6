//! Copies a package to another app. The copy shares the stored bits. See `docs/reference/packages.md#copy`.

use super::Change;
use super::access::StoredPackage;
use super::create::new_guid;
use super::finish::Outcome;
use crate::error::ApiError;
use crate::records::package::{self, Package, PackageRecord};
use crate::records::{DockerPassword, Metadata, PackageOutcome, Table};
use crate::store::StoreError;

/// What a controller says about bits that are not in its store.
const NO_BITS: &str = "failed to copy - CloudController::Blobstore::FileNotFound";

/// A package to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyPackage {
    /// The guid of the app that gets the copy; `None` names no app.
    pub app: Option<String>,
    /// The answer if that app does not exist or the caller may not read it.
    pub missing_app: ApiError,
    /// The guid of the package.
    pub source: String,
    /// The answer if that package does not exist or the caller may not read it.
    pub missing_source: ApiError,
    /// Whether the credentials for a docker registry, and `store_image`, are copied too.
    pub copies_credentials: bool,
}

/// Stores the copy and returns its id.
///
/// # Errors
///
/// Fails if the app or the package is missing, if the caller may not write in the space of both, or if the package is one
/// of the app.
pub fn copy(change: &Change<'_, '_>, new: &CopyPackage) -> Result<i64, ApiError> {
    let app = change.find_app(new.app.as_deref(), &new.missing_app)?;
    change.require_writable(app.space_id)?;
    let source = change.find_package(&new.source, &new.missing_source)?;
    change.require_writable(source.space_id)?;
    if source.app_id == app.id {
        return Err(ApiError::Unprocessable(
            "Source and destination app cannot be the same".into(),
        ));
    }
    let guid = new_guid();
    let docker = source.docker.as_ref();
    let credentials = docker.filter(|_| new.copies_credentials);
    let record = PackageRecord {
        guid: &guid,
        app_id: app.id,
        app_guid: &app.guid,
        space_id: app.space_id,
        r#type: &source.r#type,
        state: match docker {
            Some(_) => package::READY,
            None => package::COPYING,
        },
        image: docker.map(|docker| docker.image.as_str()),
        store_image: docker.map(|docker| docker.store_image && new.copies_credentials),
        docker_user: credentials.and_then(|docker| docker.user.as_deref()),
        docker_password: credentials
            .and_then(|docker| docker.password.as_deref())
            .map(DockerPassword::new),
        docker_email: credentials.and_then(|docker| docker.email.as_deref()),
        docker_login_server: credentials.and_then(|docker| docker.login_server.as_deref()),
        labels: Metadata::EMPTY,
        annotations: Metadata::EMPTY,
        created_at: change.now,
        blob_id: source.blob_id,
        ..PackageRecord::default()
    };
    let id = Package::insert(change.transaction, &record)?;
    if docker.is_none() {
        change.set_outcome(id, &outcome(&when_due(change, source)?))?;
    }
    Ok(id)
}

/// Returns the package as it will be when a copy that is made now is due: the copy is carried out then.
fn when_due(change: &Change<'_, '_>, source: StoredPackage) -> Result<StoredPackage, StoreError> {
    if ![package::PROCESSING_UPLOAD, package::COPYING].contains(&source.state.as_str()) {
        return Ok(source);
    }
    let mut after = None;
    PackageOutcome::with_own_columns(change.transaction, source.id, |outcome| {
        if outcome.due <= change.due {
            after = Some((
                outcome.state.to_owned(),
                outcome.sha1.map(str::to_owned),
                outcome.sha256.map(str::to_owned),
            ));
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(match after {
        Some((state, sha1, sha256)) => StoredPackage {
            state,
            sha1,
            sha256,
            ..source
        },
        None => source,
    })
}

/// Returns what becomes of a copy of bits. Bits that a seed calls `READY` are copied by their checksums, whether they are
/// stored or not.
fn outcome(source: &StoredPackage) -> Outcome<'_> {
    if source.state == package::READY {
        return Outcome {
            state: package::READY,
            error: None,
            sha1: source.sha1.as_deref(),
            sha256: source.sha256.as_deref(),
        };
    }
    Outcome {
        state: package::FAILED,
        error: Some(NO_BITS),
        sha1: None,
        sha256: None,
    }
}
