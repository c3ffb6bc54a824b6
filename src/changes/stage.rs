//! Stages a package: makes a build. There is no stager: a build stays as it is until the admin API says how it ended, or
//! until it is due with `serve --staging`. See `docs/reference/packages.md#stage-in-2015` and `#builds`.

use super::Change;
use super::create::new_guid;
use super::metadata::MetadataChange;
use crate::error::ApiError;
use crate::records::build::{Build, BuildRecord, STAGING};
use crate::records::package::READY;
use crate::records::{Metadata, Table};
use crate::store::{StoreError, Transaction};

/// A package to stage.
#[derive(Clone, Debug)]
pub struct NewBuild {
    /// The guid of the package.
    pub package: String,
    /// The answer if the package does not exist or the caller may not read it.
    pub missing_package: ApiError,
    /// Whether that is also the answer if the caller may not stage there.
    pub hides_packages: bool,
    /// How to stage it, or the error to report once the package is known to exist.
    pub staging: Result<Staging, ApiError>,
    /// The answer if the package cannot be staged.
    pub not_ready: ApiError,
    /// The answer if another package of the app is being staged; `None` if that does not matter.
    pub in_progress: Option<ApiError>,
    /// Whether docker packages can be staged.
    pub takes_docker: bool,
    /// Whether the droplet gets the guid of the build.
    pub is_droplet: bool,
}

/// How to stage a package.
#[derive(Clone, Debug, Default)]
pub struct Staging {
    /// The lifecycle; `None` means that of the app.
    pub lifecycle: Option<String>,
    /// The buildpacks.
    pub buildpacks: Vec<String>,
    /// The stack, for lifecycles that have one.
    pub stack: String,
    /// What is wrong with buildpacks or stack, to be reported once the caller is known to be allowed to write.
    pub fault: Option<String>,
    /// Memory in MiB.
    pub memory_limit: i64,
    /// Disk space in MiB.
    pub disk_limit: i64,
    /// Log rate in bytes a second; -1 means unlimited.
    pub log_rate_limit: Option<i64>,
    /// A JSON object of environment variables, if the request gave one and the edition shows it.
    pub environment_variables: Option<String>,
    /// The labels of the build.
    pub labels: MetadataChange,
    /// The annotations of the build.
    pub annotations: MetadataChange,
}

/// How a build ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEnd {
    /// It made a droplet.
    Staged,
    /// It made none, for this reason.
    Failed(String),
}

const DOCKER: &str = "docker";

/// Stores a build of the package and returns its id.
///
/// # Errors
///
/// Fails if the package is missing, if the caller may not stage there, or if the package cannot be staged.
pub fn stage(change: &Change<'_, '_>, new: &NewBuild) -> Result<i64, ApiError> {
    let package = change.find_package(&new.package, &new.missing_package)?;
    let staging = new.staging.as_ref().map_err(Clone::clone)?;
    let allowed = change.require_stageable(package.space_id);
    allowed.map_err(|error| match error {
        ApiError::NotAuthorized if new.hides_packages => new.missing_package.clone(),
        error => error,
    })?;
    if let Some(fault) = &staging.fault {
        return Err(ApiError::Unprocessable(fault.clone()));
    }
    let in_progress = "select 1 from builds where app_id = $1 and state = 'STAGING'";
    if let Some(error) = &new.in_progress
        && change
            .transaction
            .int(in_progress, &[package.app_id.into()])?
            .is_some()
    {
        return Err(error.clone());
    }
    let is_docker = package.docker.is_some();
    if package.state != READY || (is_docker && !new.takes_docker) {
        return Err(new.not_ready.clone());
    }
    let lifecycle = match &staging.lifecycle {
        Some(lifecycle) => lifecycle.clone(),
        None if is_docker => DOCKER.to_owned(),
        None => change.lifecycle_of(package.app_id)?,
    };
    let is_built = lifecycle != DOCKER;
    let buildpacks: &[String] = if is_built { &staging.buildpacks } else { &[] };
    let buildpacks =
        serde_json::to_string(buildpacks).expect("an array of text is always valid JSON");
    let none = Metadata::default();
    let labels = staging.labels.applied_to_labels(&none)?.to_json();
    let annotations = staging.annotations.applied_to_annotations(&none)?.to_json();
    let user_name = change.user_name()?;
    let guid = new_guid();
    let droplet_guid = if new.is_droplet {
        guid.clone()
    } else {
        new_guid()
    };
    let record = BuildRecord {
        guid: &guid,
        app_id: package.app_id,
        space_id: package.space_id,
        package_guid: &package.guid,
        droplet_guid: &droplet_guid,
        state: STAGING,
        lifecycle: &lifecycle,
        buildpacks: &buildpacks,
        stack: is_built.then_some(staging.stack.as_str()),
        memory_limit: Some(staging.memory_limit),
        disk_limit: Some(staging.disk_limit),
        log_rate_limit: staging.log_rate_limit,
        environment_variables: staging.environment_variables.as_deref(),
        user_guid: change.user,
        user_name: user_name.as_deref(),
        labels: &labels,
        annotations: &annotations,
        created_at: change.now,
        due: change.staged_at,
        ..BuildRecord::default()
    };
    Ok(Build::insert(change.transaction, &record)?)
}

impl Change<'_, '_> {
    fn lifecycle_of(&self, app_id: i64) -> Result<String, StoreError> {
        self.text("select lifecycle from apps where id = $1", app_id.into())
            .map(Option::unwrap_or_default)
    }

    fn user_name(&self) -> Result<Option<String>, StoreError> {
        let sql = "select name from users where guid = $1 and name is not null";
        self.text(sql, self.user.into())
    }

    fn text(&self, sql: &str, value: crate::store::Value) -> Result<Option<String>, StoreError> {
        let mut found = None;
        self.transaction.rows(sql, &[value], |row| {
            found = Some(row.text(0)?.to_owned());
            Ok::<_, StoreError>(())
        })?;
        Ok(found)
    }
}

/// Ends the build with that guid and returns its id. `now` is the server's time, in seconds since 1970.
///
/// # Errors
///
/// Fails if there is no such build, or if it has ended already.
pub fn end_build(
    transaction: &Transaction<'_>,
    guid: &str,
    end: &BuildEnd,
    now: i64,
) -> Result<i64, ApiError> {
    let id = transaction.int("select id from builds where guid = $1", &[guid.into()])?;
    let id = id.ok_or(ApiError::NotFound("Build not found"))?;
    let ended = match end {
        BuildEnd::Staged => {
            make_droplets(transaction, "b.id = $2", now, id)?;
            let sql = "update builds set state = 'STAGED', updated_at = $1 where id = $2 and state = 'STAGING'";
            transaction.execute(sql, &[now.into(), id.into()])?
        }
        BuildEnd::Failed(error) => {
            let sql = "update builds set state = 'FAILED', error = $1, updated_at = $2
                       where id = $3 and state = 'STAGING'";
            transaction.execute(sql, &[error.as_str().into(), now.into(), id.into()])?
        }
    };
    if ended == 0 {
        let text = format!("The build `{guid}` has ended already");
        return Err(ApiError::Unprocessable(text));
    }
    Ok(id)
}

/// Ends the builds that are due at `at`, in milliseconds since 1970 by the system's clock.
pub(super) fn finish_builds(
    transaction: &Transaction<'_>,
    at: i64,
    now: i64,
) -> Result<(), StoreError> {
    make_droplets(transaction, "b.due <= $2", now, at)?;
    let sql =
        "update builds set state = 'STAGED', updated_at = $1 where state = 'STAGING' and due <= $2";
    transaction.execute(sql, &[now.into(), at.into()]).map(drop)
}

/// Makes the droplets of the builds that are being staged and fulfil `condition`, whose parameter `$2` is `value`.
fn make_droplets(
    transaction: &Transaction<'_>,
    condition: &str,
    now: i64,
    value: i64,
) -> Result<(), StoreError> {
    let sql = format!(
        "insert into droplets (guid, app_id, space_id, package_guid, lifecycle, buildpacks, stack, image, created_at)
         select b.droplet_guid, b.app_id, b.space_id, b.package_guid, b.lifecycle, b.buildpacks, b.stack, p.image, $1
         from builds b left join packages p on p.guid = b.package_guid
         where b.state = 'STAGING' and {condition} order by b.id"
    );
    transaction
        .execute(&sql, &[now.into(), value.into()])
        .map(drop)
}

/// Makes every build that waits for the admin API due at `at`, in milliseconds since 1970 by the system's clock.
///
/// # Errors
///
/// Fails if the database cannot be written.
pub fn stage_waiting(transaction: &Transaction<'_>, at: i64) -> Result<(), StoreError> {
    let sql = "update builds set due = $1 where state = 'STAGING' and due is null";
    transaction.execute(sql, &[at.into()]).map(drop)
}
