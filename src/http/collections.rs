//! Lists and single resources beside packages: `GET /v3/organizations`, `/v3/spaces`, `/v3/apps`, and each by guid.
//! Only in `current`.
//!
//! The handlers are generic. A resource differs by its record, its parameters and its presenter.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::respond::{Read, Render};
use super::{Request, Response};
use crate::edition::{Foundation, Presented, RecordSink};
use crate::error::ApiError;
use crate::listing;
use crate::listing::request::Include;
use crate::records::{Organization, Parent, Space};
use crate::service::Service;
use crate::store::StoreError;

/// `GET` of a list.
pub(super) async fn list<R: Presented>(
    service: Arc<Service>,
    request: Request,
) -> Result<Response, ApiError> {
    let read = Read::authenticate(service, request)?;
    if let Some(response) = read.cached() {
        return Ok(response);
    }
    let foundation = read.foundation()?;
    let request = foundation.parse_list::<R>(read.query())?;
    read.respond(move |render| {
        let page = listing::find::<R>(render.snapshot, render.list_cache, render.caller, &request)?;
        let mut parents = Parents::default();
        let rows = |each: &mut RecordSink<'_, R>| parents.collect::<R>(render, &page.ids, each);
        let mut document = foundation.list::<R>(render.base_url, &request, page.total, rows)?;
        parents.include(render, foundation, request.include, &mut document)?;
        Ok(document)
    })
    .await
}

/// `GET` by guid: one resource, or 404 if the caller may not see it.
pub(super) async fn one<R: Presented>(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let read = Read::authenticate(service, request)?;
    if let Some(response) = read.cached() {
        return Ok(response);
    }
    let foundation = read.foundation()?;
    let request = foundation.parse_single::<R>(read.query())?;
    read.respond(move |render| {
        let id = render
            .find_one::<R>(&guid)?
            .ok_or(ApiError::NotFound(R::NOT_FOUND))?;
        let include = request.include()?;
        let mut document = Vec::new();
        let mut parents = Parents::default();
        parents.collect::<R>(render, &[id], &mut |record| {
            foundation.single::<R>(render.base_url, &record, &mut document)
        })?;
        parents.include(render, foundation, include, &mut document)?;
        Ok(document)
    })
    .await
}

/// The ids of the parents of a page's resources, each once.
#[derive(Default)]
struct Parents {
    spaces: BTreeSet<i64>,
    organizations: BTreeSet<i64>,
}

impl Parents {
    /// Passes the records to `each`, and collects their parents.
    fn collect<R: Presented>(
        &mut self,
        render: &Render<'_>,
        ids: &[i64],
        each: &mut RecordSink<'_, R>,
    ) -> Result<(), StoreError> {
        listing::rows::<R, _>(render.snapshot, ids, |row| {
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

    /// Puts what is request for behind the document: whole, by `created_at` and `guid`, spaces before organizations.
    fn include(
        mut self,
        render: &Render<'_>,
        foundation: Foundation,
        include: Include,
        document: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if include == Include::default() {
            return Ok(());
        }
        let snapshot = render.snapshot;
        let mut included = Vec::new();
        let spaces = listing::oldest_first::<Space>(snapshot, self.spaces.iter().copied())?;
        if include.spaces {
            let mut array = Vec::new();
            foundation.array::<Space>(
                render.base_url,
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
                render.base_url,
                |each| listing::rows::<Organization, _>(snapshot, &organizations, each),
                &mut array,
            )?;
            included.push(("organizations", array));
        }
        foundation.insert_included(document, &included);
        Ok(())
    }
}
