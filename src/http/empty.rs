//! What this server has none of: the lists that are always empty, and the resources that are never found. Only in
//! `current`. `edition::current::empty` has one row for each route.

use std::sync::Arc;

use super::respond::{RenderContext, respond};
use super::{Request, Response};
use crate::edition::{Edition, EmptyRequest, EmptyRoute, Foundation, ParentKind};
use crate::error::ApiError;
use crate::records::{App, Organization, Process, Space};
use crate::service::Service;

/// `GET` of one of these routes: the empty list, or 404. `guid` is empty if the path holds none.
pub(super) async fn answer(
    service: Arc<Service>,
    request: Request,
    route: &'static EmptyRoute,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = move |edition: Edition, query: &str| {
        let foundation = edition.require_foundation()?;
        Ok((foundation, foundation.parse_empty(route, &guid, query)?))
    };
    respond(service, request, parse, page).await
}

fn page(
    context: &RenderContext<'_>,
    (foundation, request): &(Foundation, EmptyRequest),
) -> Result<Vec<u8>, ApiError> {
    if let Some((kind, guid)) = &request.parent {
        match kind {
            ParentKind::Organization => context.require::<Organization>(guid)?,
            ParentKind::Space => context.require::<Space>(guid)?,
            ParentKind::App => context.require::<App>(guid)?,
            ParentKind::Process => context.require::<Process>(guid)?,
        };
    }
    let list = request.list.as_ref().map_err(Clone::clone)?;
    Ok(foundation.empty_list(context.base_url, list))
}
