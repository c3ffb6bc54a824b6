//! Roles: `GET /v3/roles`, and one by guid. Only in `current`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::respond::{UncachedContext, respond_uncached};
use super::{Request, Response};
use crate::edition::{Edition, Foundation, Presented, SingleRequest};
use crate::error::ApiError;
use crate::listing::members;
use crate::listing::request::{Include, ListRequest};
use crate::listing::{self, oldest_first};
use crate::records::role::HeldRole;
use crate::records::{Organization, Space};
use crate::service::Service;
use crate::store::StoreError;

/// `GET /v3/roles`: the roles in the organizations and spaces that the caller may see.
pub(super) async fn list(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| {
        let foundation = edition.require_foundation()?;
        Ok((foundation, foundation.parse_role_list(query)?))
    };
    let render = |context: &UncachedContext<'_>, (foundation, list): &(Foundation, ListRequest)| {
        let found = members::roles(context.snapshot, context.caller, list)?;
        let mut document = foundation.role_list(context.base_url, list, &found);
        include(
            context,
            *foundation,
            list.include,
            &found.page,
            &mut document,
        )?;
        Ok(document)
    };
    respond_uncached(service, request, parse, render).await
}

/// `GET /v3/roles/:guid`: one role, or 404 if the caller may not see it.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| {
        let foundation = edition.require_foundation()?;
        Ok((foundation, foundation.parse_role(query)?))
    };
    let render = move |context: &UncachedContext<'_>,
                       (foundation, single): &(Foundation, SingleRequest)| {
        let role = members::role(context.snapshot, context.caller, &guid)?;
        let role = role.ok_or(ApiError::NotFound("Role not found"))?;
        let mut document = foundation.role(context.base_url, &role);
        let roles = [role];
        include(
            context,
            *foundation,
            single.include()?,
            &roles,
            &mut document,
        )?;
        Ok(document)
    };
    respond_uncached(service, request, parse, render).await
}

/// Appends what the parameter `include` names to the document: users, then the organizations of roles in organizations,
/// then the spaces of roles in spaces.
fn include(
    context: &UncachedContext<'_>,
    foundation: Foundation,
    include: Include,
    roles: &[HeldRole],
    document: &mut Vec<u8>,
) -> Result<(), StoreError> {
    if include == Include::default() {
        return Ok(());
    }
    let mut included = Vec::new();
    if include.users {
        let ids: BTreeSet<i64> = roles.iter().map(|role| role.user_id).collect();
        let users = members::users_with_ids(context.snapshot, ids.into_iter())?;
        included.push(("users", foundation.user_array(context.base_url, &users)));
    }
    if include.organizations {
        let held = roles.iter().filter(|role| role.organization_guid.is_some());
        let array = parents::<Organization>(context, foundation, held)?;
        included.push(("organizations", array));
    }
    if include.spaces {
        let held = roles.iter().filter(|role| role.space_guid.is_some());
        included.push(("spaces", parents::<Space>(context, foundation, held)?));
    }
    foundation.insert_included(document, &included);
    Ok(())
}

/// Returns the documents of what the roles are held in, each once, as a JSON array.
fn parents<'r, R: Presented>(
    context: &UncachedContext<'_>,
    foundation: Foundation,
    roles: impl Iterator<Item = &'r HeldRole>,
) -> Result<Vec<u8>, StoreError> {
    let ids: BTreeSet<i64> = roles.map(|role| role.parent_id).collect();
    let ids = oldest_first::<R>(context.snapshot, ids.into_iter())?;
    let mut array = Vec::new();
    foundation.array::<R>(
        context.base_url,
        |each| listing::rows::<R, _>(context.snapshot, &ids, each),
        &mut array,
    )?;
    Ok(array)
}
