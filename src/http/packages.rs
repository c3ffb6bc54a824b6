//! `GET /v3/packages`, `GET /v3/packages/:guid`, `GET /v3/apps/:guid/packages`.

use std::sync::Arc;

use super::respond::{RenderContext, respond};
use super::{Request, Response};
use crate::edition::{Edition, PackageListRequest, RecordSink};
use crate::error::ApiError;
use crate::listing;
use crate::records::{App, Package, Resource};
use crate::service::Service;

/// `GET /v3/packages`: the packages that the caller may see.
pub(super) async fn list(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| edition.parse_package_list(None, query);
    respond(service, request, parse, page).await
}

/// `GET /v3/apps/:guid/packages`: the packages of one app, or 404 if the caller may not see the app.
pub(super) async fn of_app(
    service: Arc<Service>,
    request: Request,
    app: String,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| edition.parse_package_list(Some(&app), query);
    respond(service, request, parse, page).await
}

/// `GET /v3/packages/:guid`: one package, or 404 if the caller may not see it. The query is ignored.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = |_: Edition, _: &str| Ok(guid);
    respond(service, request, parse, |context, guid| {
        package(context, guid)
    })
    .await
}

fn page(context: &RenderContext<'_>, request: &PackageListRequest) -> Result<Vec<u8>, ApiError> {
    if let Some(app) = &request.app
        && context.find_one::<App>(app)?.is_none()
    {
        return Err(ApiError::NotFound(App::NOT_FOUND));
    }
    let page = context.find_page::<Package>(&request.list)?;
    let rows = |each: &mut RecordSink<'_, Package>| {
        listing::rows::<Package, _>(context.snapshot, &page.ids, each)
    };
    Ok(context
        .edition
        .package_list(context.base_url, &request.list, page.total, rows)?)
}

fn package(context: &RenderContext<'_>, guid: &str) -> Result<Vec<u8>, ApiError> {
    let id = context
        .find_one::<Package>(guid)?
        .ok_or(ApiError::NotFound(Package::NOT_FOUND))?;
    let mut document = Vec::new();
    listing::rows::<Package, ApiError>(context.snapshot, &[id], |record| {
        Ok(context
            .edition
            .package(context.base_url, &record, &mut document)?)
    })?;
    Ok(document)
}
