//! The apps and packages that a change is about, and who may change them. See `docs/reference/access.md#writing`.

use super::{Change, DockerContent};
use crate::caller::{Member, Writer};
use crate::error::ApiError;
use crate::listing;
use crate::records::package::DOCKER;
use crate::records::{App, DockerPassword, Package, PackageRecord, Resource};
use crate::store::StoreError;

/// An app that the caller may read.
#[derive(Debug)]
pub(super) struct StoredApp {
    pub id: i64,
    pub guid: String,
    pub space_id: i64,
    pub lifecycle: String,
}

/// A package that the caller may read.
#[derive(Debug)]
pub(super) struct StoredPackage {
    pub id: i64,
    pub guid: String,
    pub app_id: i64,
    pub space_id: i64,
    pub r#type: String,
    pub state: String,
    pub sha1: Option<String>,
    pub sha256: Option<String>,
    pub blob_id: Option<i64>,
    /// The image, if the package is one.
    pub docker: Option<DockerContent>,
    pub labels: String,
    pub annotations: String,
}

impl StoredPackage {
    fn of(record: &PackageRecord<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let docker = DockerContent {
            image: record.image.unwrap_or_default().to_owned(),
            store_image: record.store_image.unwrap_or_default(),
            user: owned(record.docker_user),
            password: owned(record.docker_password.map(DockerPassword::reveal)),
            email: owned(record.docker_email),
            login_server: owned(record.docker_login_server),
        };
        Self {
            id: record.id,
            guid: record.guid.to_owned(),
            app_id: record.app_id,
            space_id: record.space_id,
            r#type: record.r#type.to_owned(),
            state: record.state.to_owned(),
            sha1: owned(record.sha1),
            sha256: owned(record.sha256),
            blob_id: record.blob_id,
            docker: (record.r#type == DOCKER).then_some(docker),
            labels: record.labels.to_owned(),
            annotations: record.annotations.to_owned(),
        }
    }
}

impl Change<'_, '_> {
    /// Returns the app with that guid. Fails with `missing` if there is none that the caller may read.
    pub(super) fn find_app(
        &self,
        guid: Option<&str>,
        missing: &ApiError,
    ) -> Result<StoredApp, ApiError> {
        let id = match guid {
            Some(guid) => self.find_readable::<App>(guid)?,
            None => None,
        };
        let mut found = None;
        listing::rows::<App, ApiError>(self.transaction, id.as_slice(), |app| {
            found = Some(StoredApp {
                id: app.id,
                guid: app.guid.to_owned(),
                space_id: app.space_id,
                lifecycle: app.lifecycle.to_owned(),
            });
            Ok(())
        })?;
        found.ok_or_else(|| missing.clone())
    }

    /// Returns the package with that guid. Fails with `missing` if there is none that the caller may read.
    pub(super) fn find_package(
        &self,
        guid: &str,
        missing: &ApiError,
    ) -> Result<StoredPackage, ApiError> {
        let id = self.find_readable::<Package>(guid)?;
        let mut found = None;
        listing::rows::<Package, ApiError>(self.transaction, id.as_slice(), |record| {
            found = Some(StoredPackage::of(&record));
            Ok(())
        })?;
        found.ok_or_else(|| missing.clone())
    }

    /// Returns the id of the record with that guid, if the caller may read it.
    fn find_readable<R: Resource>(&self, guid: &str) -> Result<Option<i64>, StoreError> {
        let reader = self.writer.reader();
        listing::find_one::<R>(self.transaction, &reader, guid, self.suspended)
    }

    /// Fails unless the caller may write in the space: with `NotAuthorized` without the role, then with
    /// `OrganizationSuspended`.
    pub(super) fn require_writable(&self, space_id: i64) -> Result<(), ApiError> {
        self.require_role(space_id, |member| {
            listing::has_writing_role(self.transaction, member, space_id)
        })
    }

    /// Fails unless the caller may stage packages of the space, with the same errors.
    pub(super) fn require_stageable(&self, space_id: i64) -> Result<(), ApiError> {
        self.require_role(space_id, |member| {
            listing::has_staging_role(self.transaction, member, space_id)
        })
    }

    fn require_role(
        &self,
        space_id: i64,
        has_role: impl Fn(&Member) -> Result<bool, StoreError>,
    ) -> Result<(), ApiError> {
        let member = match self.writer {
            Writer::Everything => return Ok(()),
            Writer::Member(member) | Writer::GlobalReader(member) => member,
        };
        if !has_role(member)? {
            return Err(ApiError::NotAuthorized);
        }
        if self.is_suspended(space_id)? {
            return Err(ApiError::OrganizationSuspended);
        }
        Ok(())
    }

    fn is_suspended(&self, space_id: i64) -> Result<bool, StoreError> {
        let sql =
            "select o.suspended from spaces s join organizations o on o.id = s.organization_id
                   where s.id = $1";
        Ok(self.transaction.int(sql, &[space_id.into()])? == Some(1))
    }
}
