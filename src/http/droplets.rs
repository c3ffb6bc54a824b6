//! Lists of droplets: `GET /v3/droplets` and `GET /v3/packages/:guid/droplets`. Only in `current`.

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
    package: String,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| parse(edition, Some(&package), query);
    respond(service, request, parse, page).await
}

fn parse(
    edition: Edition,
    package: Option<&str>,
    query: &str,
) -> Result<(Foundation, DropletListRequest), ApiError> {
    let foundation = edition.require_foundation()?;
    Ok((foundation, foundation.parse_droplet_list(package, query)?))
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
