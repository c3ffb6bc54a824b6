//! Users: `GET /v3/users`, and one by guid. Only in `current`.

use std::sync::Arc;

use super::respond::{UncachedContext, respond_uncached};
use super::{Request, Response};
use crate::edition::{Edition, Foundation};
use crate::error::ApiError;
use crate::listing::members;
use crate::listing::request::ListRequest;
use crate::service::Service;

/// `GET /v3/users`: the users that the caller may see.
pub(super) async fn list(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| {
        let foundation = edition.require_foundation()?;
        Ok((foundation, foundation.parse_user_list(query)?))
    };
    let render = |context: &UncachedContext<'_>, (foundation, list): &(Foundation, ListRequest)| {
        let found = members::users(context.snapshot, context.caller, list)?;
        Ok(foundation.user_list(context.base_url, list, &found))
    };
    respond_uncached(service, request, parse, render).await
}

/// `GET /v3/users/:guid`: one user, or 404 if the caller may not see them. The query is ignored.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, _: &str| edition.require_foundation();
    let render = move |context: &UncachedContext<'_>, foundation: &Foundation| {
        let user = members::user(context.snapshot, context.caller, &guid)?;
        let user = user.ok_or(ApiError::NotFound("User not found"))?;
        Ok(foundation.user(context.base_url, &user))
    };
    respond_uncached(service, request, parse, render).await
}
