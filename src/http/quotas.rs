//! Organization quotas: `GET /v3/organization_quotas`, and one by guid. Only in `current`. There is one, which limits
//! nothing and belongs to all organizations. It is not stored.

use std::sync::Arc;

use super::respond::{RenderContext, respond};
use super::{Request, Response};
use crate::caller::Caller;
use crate::edition::{Edition, Foundation};
use crate::error::ApiError;
use crate::listing;
use crate::listing::request::{Condition, ListRequest, Page};
use crate::records::{Organization, quota};
use crate::service::Service;
use crate::store::StoreError;

/// `GET` of the list.
pub(super) async fn list(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| {
        let foundation = edition.require_foundation()?;
        Ok((foundation, foundation.parse_quota_list(query)?))
    };
    respond(service, request, parse, page).await
}

/// `GET` by guid. The query is ignored.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, _: &str| edition.require_foundation();
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        let organizations = visible_organizations(context)?;
        if guid != quota::GUID || !is_visible(context, &organizations) {
            return Err(ApiError::NotFound("Organization quota not found"));
        }
        Ok(foundation.quota(context.base_url, &organizations))
    };
    respond(service, request, parse, render).await
}

fn page(
    context: &RenderContext<'_>,
    (foundation, list): &(Foundation, ListRequest),
) -> Result<Vec<u8>, ApiError> {
    let organizations = visible_organizations(context)?;
    let is_listed = is_visible(context, &organizations)
        && list
            .conditions
            .iter()
            .all(|condition| is_fulfilled(condition, &organizations));
    let is_on_page = is_listed && list.page.offset() == 0;
    let resources = is_on_page.then_some(organizations.as_slice());
    Ok(foundation.quota_list(context.base_url, list, u64::from(is_listed), resources))
}

/// Returns the guids of the organizations that the caller may see.
fn visible_organizations(context: &RenderContext<'_>) -> Result<Vec<String>, StoreError> {
    let all = ListRequest {
        path: String::new(),
        page: Page::new(1, u32::MAX).expect("the first page begins at row 0"),
        order: None,
        conditions: Vec::new(),
        echo: Default::default(),
        include: Default::default(),
    };
    let ids = context.find_page::<Organization>(&all)?.ids;
    let mut guids = Vec::with_capacity(ids.len());
    listing::rows::<Organization, StoreError>(context.snapshot, &ids, |organization| {
        guids.push(organization.guid.to_owned());
        Ok(())
    })?;
    Ok(guids)
}

/// Whether the caller may see the quota: that of an organization that they may see.
fn is_visible(context: &RenderContext<'_>, organizations: &[String]) -> bool {
    *context.caller == Caller::Everything || !organizations.is_empty()
}

/// Whether the quota fulfils a condition of a list.
fn is_fulfilled(condition: &Condition, organizations: &[String]) -> bool {
    match condition {
        Condition::OneOf(filter, values) => values.iter().any(|value| match filter.name {
            "guids" => value == quota::GUID,
            "names" => value.to_lowercase() == quota::NAME,
            _ => organizations.contains(value),
        }),
        Condition::At(_, seconds) => seconds.contains(&quota::CREATED_AT),
        Condition::Time(_, comparison, second) => comparison.holds(quota::CREATED_AT, *second),
        // The quota has no labels.
        Condition::Nothing | Condition::Label(..) => false,
    }
}
