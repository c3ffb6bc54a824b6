//! `GET /v3/packages`, `GET /v3/packages/:guid`, `GET /v3/apps/:guid/packages`.

use std::sync::Arc;

use super::respond::{Read, Render};
use super::{Request, Response};
use crate::edition::{PackageListRequest, RecordSink};
use crate::error::ApiError;
use crate::listing;
use crate::records::{App, Package, Resource};
use crate::service::Service;

/// `GET /v3/packages`: the packages that the caller may see.
pub(super) async fn list(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let read = Read::authenticate(service, request)?;
    if let Some(response) = read.cached() {
        return Ok(response);
    }
    let list = read.edition().parse_package_list(None, read.query())?;
    read.respond(move |render| page(render, &list)).await
}

/// `GET /v3/apps/:guid/packages`: the packages of one app, or 404 if the caller may not see the app.
pub(super) async fn of_app(
    service: Arc<Service>,
    request: Request,
    app: String,
) -> Result<Response, ApiError> {
    let read = Read::authenticate(service, request)?;
    if let Some(response) = read.cached() {
        return Ok(response);
    }
    let list = read
        .edition()
        .parse_package_list(Some(&app), read.query())?;
    read.respond(move |render| page(render, &list)).await
}

/// `GET /v3/packages/:guid`: one package, or 404 if the caller may not see it. The query is ignored.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let read = Read::authenticate(service, request)?;
    if let Some(response) = read.cached() {
        return Ok(response);
    }
    read.respond(move |render| {
        let id = render
            .find_one::<Package>(&guid)?
            .ok_or(ApiError::NotFound(Package::NOT_FOUND))?;
        let mut document = Vec::new();
        listing::rows::<Package, ApiError>(render.snapshot, &[id], |record| {
            let edition = render.edition;
            Ok(edition.package(render.base_url, &record, &mut document)?)
        })?;
        Ok(document)
    })
    .await
}

fn page(render: &Render<'_>, request: &PackageListRequest) -> Result<Vec<u8>, ApiError> {
    if let Some(app) = &request.app
        && render.find_one::<App>(app)?.is_none()
    {
        return Err(ApiError::NotFound(App::NOT_FOUND));
    }
    let page = listing::find::<Package>(
        render.snapshot,
        render.list_cache,
        render.caller,
        &request.list,
    )?;
    let rows = |each: &mut RecordSink<'_, Package>| {
        listing::rows::<Package, _>(render.snapshot, &page.ids, each)
    };
    Ok(render
        .edition
        .package_list(render.base_url, &request.list, page.total, rows)?)
}
