//! Which isolation segment an organization or a space uses: none. Only in `current`.

use std::sync::Arc;

use super::collections::about;
use super::{Request, Response};
use crate::edition::Presented;
use crate::error::ApiError;
use crate::records::{Organization, Space};
use crate::service::Service;

/// `GET /v3/organizations/:guid/relationships/default_isolation_segment`.
pub(super) async fn of_organization(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    none::<Organization>(service, request, guid, "default_isolation_segment").await
}

/// `GET /v3/spaces/:guid/relationships/isolation_segment`.
pub(super) async fn of_space(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    none::<Space>(service, request, guid, "isolation_segment").await
}

async fn none<R: Presented>(
    service: Arc<Service>,
    request: Request,
    guid: String,
    relationship: &'static str,
) -> Result<Response, ApiError> {
    about::<R>(service, request, guid, move |foundation, base_url, guid| {
        Ok(foundation.no_relationship::<R>(base_url, guid, relationship))
    })
    .await
}
