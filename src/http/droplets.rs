//! Lists of droplets: `GET /v3/droplets`, and those of one package or app. Only in `current`.

use std::sync::Arc;

use super::respond::{RenderContext, respond};
use super::{Request, Response};
use crate::edition::{DropletListRequest, DropletParent, Edition, Foundation, RecordSink};
use crate::error::ApiError;
use crate::listing;
use crate::records::{App, Droplet, Package};
use crate::service::Service;

/// `GET /v3/droplets`: the droplets that the caller may see.
pub(super) async fn list(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| parse(edition, None, query);
    respond(service, request, parse, page).await
}

/// `GET /v3/packages/:guid/droplets`: the droplets of one package, or 404 if the caller may not see the package.
pub(super) async fn of_package(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    of_parent(service, request, DropletParent::Package(guid)).await
}

/// `GET /v3/apps/:guid/droplets`: the droplets of one app, or 404 if the caller may not see the app.
pub(super) async fn of_app(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    of_parent(service, request, DropletParent::App(guid)).await
}

async fn of_parent(
    service: Arc<Service>,
    request: Request,
    parent: DropletParent,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| parse(edition, Some(parent), query);
    respond(service, request, parse, page).await
}

fn parse(
    edition: Edition,
    parent: Option<DropletParent>,
    query: &str,
) -> Result<(Foundation, DropletListRequest), ApiError> {
    let foundation = edition.require_foundation()?;
    Ok((foundation, foundation.parse_droplet_list(parent, query)?))
}

fn page(
    context: &RenderContext<'_>,
    (foundation, request): &(Foundation, DropletListRequest),
) -> Result<Vec<u8>, ApiError> {
    match &request.parent {
        Some(DropletParent::App(guid)) => {
            context.require::<App>(guid)?;
        }
        Some(DropletParent::Package(guid)) => {
            context.require::<Package>(guid)?;
        }
        None => {}
    }
    let page = context.find_page::<Droplet>(&request.list)?;
    let rows = |each: &mut RecordSink<'_, Droplet>| {
        listing::rows::<Droplet, _>(context.snapshot, &page.ids, each)
    };
    Ok(foundation.droplet_list(context.base_url, &request.list, page.total, rows)?)
}
