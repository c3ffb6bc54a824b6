//! The features of apps and spaces. Only in `current`. None is enabled: no app runs here, and no revision is kept.

use std::sync::Arc;

use super::respond::{RenderContext, respond};
use super::{Request, Response};
use crate::edition::{Edition, Foundation};
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
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<App>(&guid)?;
        Ok(foundation.app_features(context.base_url, &guid))
    };
    respond(service, request, parse, render).await
}

/// `GET /v3/apps/:guid/features/:name`.
pub(super) async fn one_of_app(
    service: Arc<Service>,
    request: Request,
    guid: String,
    name: String,
) -> Result<Response, ApiError> {
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<App>(&guid)?;
        foundation.app_feature(&name).ok_or(NO_FEATURE)
    };
    respond(service, request, parse, render).await
}

/// `GET /v3/apps/:guid/ssh_enabled`.
pub(super) async fn ssh_of_app(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<App>(&guid)?;
        Ok(foundation.ssh_status())
    };
    respond(service, request, parse, render).await
}

/// `GET /v3/spaces/:guid/features`.
pub(super) async fn of_space(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<Space>(&guid)?;
        Ok(foundation.space_features())
    };
    respond(service, request, parse, render).await
}

/// `GET /v3/spaces/:guid/features/:name`.
pub(super) async fn one_of_space(
    service: Arc<Service>,
    request: Request,
    guid: String,
    name: String,
) -> Result<Response, ApiError> {
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<Space>(&guid)?;
        foundation.space_feature(&name).ok_or(NO_FEATURE)
    };
    respond(service, request, parse, render).await
}

fn parse(edition: Edition, _: &str) -> Result<Foundation, ApiError> {
    edition.require_foundation()
}
