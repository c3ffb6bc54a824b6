//! The environment of an app: `GET /v3/apps/:guid/env` and `/environment_variables`. Only in `current`. No variable is
//! stored.
//!
//! The responses are not cached: they depend on the caller in other ways than those that show the app.

use std::sync::Arc;

use super::{Request, Response, response};
use crate::caller::Downloader;
use crate::edition::{AppOfSpace, Foundation, SystemEnvironment};
use crate::error::ApiError;
use crate::listing;
use crate::records::{App, Organization, Resource, Space};
use crate::service::Service;
use crate::store::Snapshot;

/// `GET /v3/apps/:guid/env`.
pub(super) async fn env(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let base_url = request.base_url(&service)?;
    show(service, request, guid, move |foundation, app, system| {
        foundation.app_env(&base_url, app, system)
    })
    .await
}

/// `GET /v3/apps/:guid/environment_variables`.
pub(super) async fn variables(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let base_url = request.base_url(&service)?;
    show(service, request, guid, move |foundation, app, _| {
        foundation.environment_variables(&base_url, &app.guid)
    })
    .await
}

/// Responds with what `present` makes of the app, if the caller may read its environment: an admin, a read-only admin, a
/// space developer, or a space supporter, who does not see that of the system.
async fn show(
    service: Arc<Service>,
    request: Request,
    guid: String,
    present: impl Fn(Foundation, &AppOfSpace, SystemEnvironment) -> Vec<u8> + Send + 'static,
) -> Result<Response, ApiError> {
    let identity = request.authenticate(&service)?;
    let caller_key = request.caller_key(&service, &identity);
    let foundation = service.edition.require_foundation()?;
    // Who may not read would be refused as a downloader with the same error.
    let reader = identity.into_downloader()?;
    let document = service
        .store
        .read(caller_key, move |snapshot| {
            let (app, space_id) = find(snapshot, &reader, &guid)?;
            let system = system_environment(snapshot, &reader, space_id)?;
            Ok::<_, ApiError>(present(foundation, &app, system))
        })
        .await?;
    Ok(response::json(200, document))
}

/// Returns the app with that guid and the id of its space.
fn find(
    snapshot: &Snapshot<'_>,
    reader: &Downloader,
    guid: &str,
) -> Result<(AppOfSpace, i64), ApiError> {
    let shown = listing::SuspendedOrganizations::Shown;
    let id = listing::find_one::<App>(snapshot, &reader.reader, guid, shown)?
        .ok_or(ApiError::NotFound(App::NOT_FOUND))?;
    let mut found = AppOfSpace::default();
    let (mut space_id, mut organization_id) = (0, 0);
    listing::rows::<App, ApiError>(snapshot, &[id], |app| {
        space_id = app.space_id;
        found.guid = app.guid.to_owned();
        found.name = app.name.to_owned();
        Ok(())
    })?;
    listing::rows::<Space, ApiError>(snapshot, &[space_id], |space| {
        organization_id = space.organization_id;
        found.space_guid = space.guid.to_owned();
        found.space_name = space.name.to_owned();
        Ok(())
    })?;
    listing::rows::<Organization, ApiError>(snapshot, &[organization_id], |organization| {
        found.organization_guid = organization.guid.to_owned();
        found.organization_name = organization.name.to_owned();
        Ok(())
    })?;
    Ok((found, space_id))
}

fn system_environment(
    snapshot: &Snapshot<'_>,
    reader: &Downloader,
    space_id: i64,
) -> Result<SystemEnvironment, ApiError> {
    let Some(member) = &reader.needs_writing_role else {
        return Ok(SystemEnvironment::Shown);
    };
    if listing::has_writing_role(snapshot, member, space_id)? {
        return Ok(SystemEnvironment::Shown);
    }
    if listing::has_staging_role(snapshot, member, space_id)? {
        return Ok(SystemEnvironment::Hidden);
    }
    Err(ApiError::NotAuthorized)
}
