//! The features of apps and spaces. Only in `current`. None is enabled: no app runs here, and no revision is kept.

use std::sync::Arc;

use super::collections::about;
use super::{Request, Response};
use crate::error::ApiError;
use crate::records::{App, Space};
use crate::service::Service;

const NO_FEATURE: ApiError = ApiError::NotFound("Feature not found");

/// `GET /v3/apps/:guid/features`.
pub(super) async fn of_app(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    about::<App>(service, request, guid, |foundation, base_url, guid| {
        Ok(foundation.app_features(base_url, guid))
    })
    .await
}

/// `GET /v3/apps/:guid/features/:name`.
pub(super) async fn one_of_app(
    service: Arc<Service>,
    request: Request,
    guid: String,
    name: String,
) -> Result<Response, ApiError> {
    about::<App>(service, request, guid, move |foundation, _, _| {
        foundation.app_feature(&name).ok_or(NO_FEATURE)
    })
    .await
}

/// `GET /v3/apps/:guid/ssh_enabled`.
pub(super) async fn ssh_of_app(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    about::<App>(service, request, guid, |foundation, _, _| {
        Ok(foundation.ssh_status())
    })
    .await
}

/// `GET /v3/spaces/:guid/features`.
pub(super) async fn of_space(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    about::<Space>(service, request, guid, |foundation, _, _| {
        Ok(foundation.space_features())
    })
    .await
}

/// `GET /v3/spaces/:guid/features/:name`.
pub(super) async fn one_of_space(
    service: Arc<Service>,
    request: Request,
    guid: String,
    name: String,
) -> Result<Response, ApiError> {
    about::<Space>(service, request, guid, move |foundation, _, _| {
        foundation.space_feature(&name).ok_or(NO_FEATURE)
    })
    .await
}
