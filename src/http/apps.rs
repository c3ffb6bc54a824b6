//! Apps, as far as links of packages and droplets lead to them. `collections` serves those of `current`.

use std::convert::Infallible;
use std::sync::Arc;

use super::change::{authorize_with_body, carry_out};
use super::request::RequestBody;
use super::respond::{RenderContext, respond};
use super::{Request, Response};
use crate::changes;
use crate::edition::Edition;
use crate::error::ApiError;
use crate::listing;
use crate::records::App;
use crate::service::Service;

/// `GET /v3/apps/:guid`, in `2015`: one app, or 404 if the caller may not see it. The query is ignored.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = |_: Edition, _: &str| Ok(guid);
    respond(service, request, parse, |context, guid| app(context, guid)).await
}

fn app(context: &RenderContext<'_>, guid: &str) -> Result<Vec<u8>, ApiError> {
    let id = context.require::<App>(guid)?;
    let mut document = Vec::new();
    listing::rows::<App, ApiError>(context.snapshot, &[id], |record| {
        Ok(context
            .edition
            .app(context.base_url, &record, &mut document)?)
    })?;
    Ok(document)
}

/// `PATCH /v3/apps/:guid/relationships/current_droplet`; in `2015`, `PUT /v3/apps/:guid/current_droplet`. Nobody can assign a
/// droplet here. The body is not checked.
pub(super) async fn assign_droplet(
    service: Arc<Service>,
    request: Request,
    guid: String,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let (author, _) = authorize_with_body(&service, &request, body).await?;
    let refused: Infallible = carry_out(&service, author, move |change| {
        changes::refuse_droplet(change, &guid)
    })
    .await?;
    match refused {}
}
