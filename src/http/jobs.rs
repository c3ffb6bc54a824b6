//! `GET /v3/jobs/:guid`. Only in `current`.

use std::sync::Arc;

use super::respond::note_failure;
use super::{Request, Response, response};
use crate::changes;
use crate::clock::system_now_in_milliseconds;
use crate::error::ApiError;
use crate::records::{Job, Table};
use crate::service::Service;

/// `GET /v3/jobs/:guid`: one job. Every caller who may read anything may read every job, as in a controller.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let identity = request.authenticate(&service)?;
    let caller_key = request.caller_key(&service, &identity);
    identity.into_reader()?;
    let base_url = request.base_url(&service)?;
    let foundation = service.edition.require_foundation()?;
    let read = service
        .store
        .read(caller_key, move |snapshot| {
            let id = changes::find_job(snapshot, &guid, system_now_in_milliseconds())?;
            let id = id.ok_or(ApiError::NotFound("Job not found"))?;
            let mut document = Vec::new();
            Job::with_own_columns(snapshot, id, |job| {
                let sql = "select 1 from packages where guid = $1";
                let package = snapshot.int(sql, &[job.package_guid.into()])?;
                document = foundation.job(&base_url, &job, package.is_some());
                Ok::<_, ApiError>(())
            })?;
            Ok::<_, ApiError>(document)
        })
        .await;
    note_failure(&service, &request, &read);
    Ok(response::json(200, read?))
}
