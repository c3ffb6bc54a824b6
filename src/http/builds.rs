//! Builds: `POST /v3/builds` and `GET /v3/builds/:guid` in `current`; in `2015`, which shows a build as a droplet, `POST
//! /v3/packages/:guid/droplets` and `GET /v3/droplets/:guid`.

use std::sync::Arc;

use super::change::{authorize_with_body, carry_out};
use super::request::RequestBody;
use super::respond::note_failure;
use super::{Request, Response, response};
use crate::changes;
use crate::edition::{BaseUrl, Edition};
use crate::error::ApiError;
use crate::listing;
use crate::records::Build;
use crate::service::Service;
use crate::store::Snapshot;

/// `POST /v3/builds`, in `current`: stages the package that the body names.
pub(super) async fn create(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    stage(service, request, String::new(), body).await
}

/// `POST /v3/packages/:guid/droplets`, in `2015`: stages the package.
pub(super) async fn stage(
    service: Arc<Service>,
    request: Request,
    package: String,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let (author, body) = authorize_with_body(&service, &request, body).await?;
    // In `current`, the body names the package, and `package` is empty.
    let new = service.edition.parse_staging(&package, &body)?;
    let base_url = request.base_url(&service)?;
    let edition = service.edition;
    let document = carry_out(&service, author, move |change| {
        let id = changes::stage(change, &new)?;
        document(change.transaction, edition, &base_url, id)
    })
    .await?;
    Ok(response::json(201, document))
}

/// `GET` of one build, or 404 if the caller may not see it. Builds are not cached: their changes have no data version.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let identity = request.authenticate(&service)?;
    let caller_key = request.caller_key(&service, &identity);
    let caller = identity.into_reader()?;
    let base_url = request.base_url(&service)?;
    let edition = service.edition;
    let read = service
        .store
        .read(caller_key, move |snapshot| {
            let suspended = edition.suspended_organizations();
            let id = listing::find_one::<Build>(snapshot, &caller, &guid, suspended)?;
            let id = id.ok_or_else(|| edition.missing_build())?;
            document(snapshot, edition, &base_url, id)
        })
        .await;
    note_failure(&service, &request, &read);
    Ok(response::json(200, read?))
}

/// Returns the document of the build with that id.
///
/// # Errors
///
/// Fails if the database cannot be read.
pub(super) fn document(
    snapshot: &Snapshot<'_>,
    edition: Edition,
    base_url: &BaseUrl,
    id: i64,
) -> Result<Vec<u8>, ApiError> {
    let mut document = Vec::new();
    listing::rows::<Build, ApiError>(snapshot, &[id], |record| {
        document = edition.build(base_url, &record)?;
        Ok(())
    })?;
    Ok(document)
}
