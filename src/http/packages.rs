//! Packages: lists, one by guid, and what changes them.

use std::sync::Arc;

use super::change::{
    authorize, authorize_with_body, carry_out, package_document, respond_with_package,
};
use super::request::RequestBody;
use super::respond::{RenderContext, respond};
use super::{Request, Response, response};
use crate::changes;
use crate::edition::{Edition, PackageListRequest, RecordSink};
use crate::error::ApiError;
use crate::listing;
use crate::records::{App, Package};
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

/// `POST /v3/apps/:guid/packages`, in `2015`: a new package, or a copy of one.
pub(super) async fn create(
    service: Arc<Service>,
    request: Request,
    app: String,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let (author, body) = authorize_with_body(&service, &request, body).await?;
    // In `current`, the body names the app, and `app` is empty.
    let new = service
        .edition
        .parse_new_package(&app, request.query(), &body)?;
    respond_with_package(&service, &request, author, 201, move |change| {
        changes::add(change, &new)
    })
    .await
}

/// `POST /v3/packages`, in `current`.
pub(super) async fn create_at_root(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    create(service, request, String::new(), body).await
}

/// `PATCH /v3/packages/:guid`: changes metadata and docker credentials. Only in `current`.
pub(super) async fn update(
    service: Arc<Service>,
    request: Request,
    guid: String,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let (author, body) = authorize_with_body(&service, &request, body).await?;
    let foundation = service.edition.require_foundation()?;
    let update = foundation.parse_package_update(&body)?;
    respond_with_package(&service, &request, author, 200, move |change| {
        changes::update(change, &guid, &update)
    })
    .await
}

/// `DELETE /v3/packages/:guid`: 204, or 202 with the job that deletes the package.
pub(super) async fn delete(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let author = authorize(&service, &request)?;
    let base_url = request.base_url(&service)?;
    let deletion = service.edition.deletion();
    let job = carry_out(&service, author, move |change| {
        changes::delete(change, &guid, deletion)
    })
    .await?;
    Ok(match job {
        None => response::no_content(),
        Some(job) => response::accepted(&format!("{base_url}/v3/jobs/{job}")),
    })
}

fn page(context: &RenderContext<'_>, request: &PackageListRequest) -> Result<Vec<u8>, ApiError> {
    if let Some(app) = &request.app {
        context.require::<App>(app)?;
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
    let id = context.require::<Package>(guid)?;
    package_document(context.snapshot, context.edition, context.base_url, id)
}
