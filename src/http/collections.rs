//! The resources other than packages: `GET /v3/organizations`, `/v3/spaces`, `/v3/apps`, and each by guid.
//! Only in `current`.
//!
//! The handlers are generic over the resource, whose record, parameters and presenter `Presented` names.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::respond::{RenderContext, respond};
use super::{Request, Response};
use crate::edition::{BaseUrl, Edition, Foundation, Presented, RecordSink, SingleRequest};
use crate::error::ApiError;
use crate::listing;
use crate::listing::request::{Include, ListRequest};
use crate::records::{Organization, Parent, Space};
use crate::service::Service;
use crate::store::StoreError;

/// `GET` of a list: the page of the resources that the caller may see.
pub(super) async fn list<R: Presented>(
    service: Arc<Service>,
    request: Request,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| {
        let foundation = edition.require_foundation()?;
        Ok((foundation, foundation.parse_list::<R>(query)?))
    };
    respond(service, request, parse, |context, (foundation, list)| {
        page::<R>(context, *foundation, list)
    })
    .await
}

fn page<R: Presented>(
    context: &RenderContext<'_>,
    foundation: Foundation,
    list: &ListRequest,
) -> Result<Vec<u8>, ApiError> {
    let page = context.find_page::<R>(list)?;
    let mut parents = Parents::default();
    let rows = |each: &mut RecordSink<'_, R>| parents.collect::<R>(context, &page.ids, each);
    let mut document = foundation.list::<R>(context.base_url, list, page.total, rows)?;
    parents.include(context, foundation, list.include, &mut document)?;
    Ok(document)
}

/// `GET` by guid: one resource, or 404 if the caller may not see it.
pub(super) async fn one<R: Presented>(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| {
        let foundation = edition.require_foundation()?;
        Ok((foundation, foundation.parse_single::<R>(query)?))
    };
    respond(
        service,
        request,
        parse,
        move |context, (foundation, single)| resource::<R>(context, *foundation, &guid, single),
    )
    .await
}

fn resource<R: Presented>(
    context: &RenderContext<'_>,
    foundation: Foundation,
    guid: &str,
    single: &SingleRequest,
) -> Result<Vec<u8>, ApiError> {
    let id = context.require::<R>(guid)?;
    let include = single.include()?;
    let mut document = Vec::new();
    let mut parents = Parents::default();
    parents.collect::<R>(context, &[id], &mut |record| {
        foundation.single::<R>(context.base_url, &record, &mut document)
    })?;
    parents.include(context, foundation, include, &mut document)?;
    Ok(document)
}

/// `GET` below one resource: what `present` makes of its guid, or 404 if the caller may not see it. The query is ignored.
pub(super) async fn about<R: Presented>(
    service: Arc<Service>,
    request: Request,
    guid: String,
    present: impl Fn(&Foundation, &BaseUrl, &str) -> Result<Vec<u8>, ApiError> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, _: &str| edition.require_foundation();
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<R>(&guid)?;
        present(foundation, context.base_url, &guid)
    };
    respond(service, request, parse, render).await
}

/// The ids of the parents of the resources in a document, each once.
#[derive(Default)]
struct Parents {
    spaces: BTreeSet<i64>,
    organizations: BTreeSet<i64>,
}

impl Parents {
    /// Passes the records with these ids to `each`, and collects the ids of their parents.
    fn collect<R: Presented>(
        &mut self,
        context: &RenderContext<'_>,
        ids: &[i64],
        each: &mut RecordSink<'_, R>,
    ) -> Result<(), StoreError> {
        listing::rows::<R, _>(context.snapshot, ids, |row| {
            match R::parent(&row) {
                Parent::None => {}
                Parent::Space(id) => {
                    self.spaces.insert(id);
                }
                Parent::Organization(id) => {
                    self.organizations.insert(id);
                }
            }
            each(row)
        })
    }

    /// Appends the parents that the parameter `include` names to the document: spaces before organizations, each
    /// ordered by `created_at` and `guid`.
    fn include(
        mut self,
        context: &RenderContext<'_>,
        foundation: Foundation,
        include: Include,
        document: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if include == Include::default() {
            return Ok(());
        }
        let snapshot = context.snapshot;
        let mut included = Vec::new();
        let spaces = listing::oldest_first::<Space>(snapshot, self.spaces.iter().copied())?;
        if include.spaces {
            let mut array = Vec::new();
            foundation.array::<Space>(
                context.base_url,
                |each| listing::rows::<Space, _>(snapshot, &spaces, each),
                &mut array,
            )?;
            included.push(("spaces", array));
        }
        if include.organizations {
            listing::rows::<Space, StoreError>(snapshot, &spaces, |space| {
                self.organizations.insert(space.organization_id);
                Ok(())
            })?;
            let organizations = listing::oldest_first::<Organization>(
                snapshot,
                self.organizations.iter().copied(),
            )?;
            let mut array = Vec::new();
            foundation.array::<Organization>(
                context.base_url,
                |each| listing::rows::<Organization, _>(snapshot, &organizations, each),
                &mut array,
            )?;
            included.push(("organizations", array));
        }
        foundation.insert_included(document, &included);
        Ok(())
    }
}
