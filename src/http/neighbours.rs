//! `GET /v3/organizations`, `/v3/spaces`, `/v3/apps`, and each by guid. Only in `current`.
//!
//! They are lists like any other: what differs is a table, its parameters and its presenter.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::document::{self, Scene};
use super::{Asked, Reply, Service};
use crate::edition::Each;
use crate::edition::current::{self, Listed, Show};
use crate::error::ApiError;
use crate::listing;
use crate::listing::request::Include;
use crate::resource::{App, AppRow, Organization, OrganizationRow, Space, SpaceRow};
use crate::store::StoreError;

/// A resource that stands beside packages.
pub(super) trait Neighbour: Listed {
    /// What the row lies in.
    fn lies_in(row: &Self::Row<'_>) -> Parent;
}

/// The id of what a row lies in.
pub(super) enum Parent {
    Nothing,
    Space(i64),
    Organization(i64),
}

impl Neighbour for Organization {
    fn lies_in(_: &OrganizationRow<'_>) -> Parent {
        Parent::Nothing
    }
}

impl Neighbour for Space {
    fn lies_in(row: &SpaceRow<'_>) -> Parent {
        Parent::Organization(row.organization_id)
    }
}

impl Neighbour for App {
    fn lies_in(row: &AppRow<'_>) -> Parent {
        Parent::Space(row.space_id)
    }
}

/// The list.
pub(super) async fn list<R: Neighbour>(
    service: Arc<Service>,
    asked: Asked,
) -> Result<Reply, ApiError> {
    let parse = |_: &Service, query: &str| current::request::list::<R>(R::ACCEPTED, R::PATH, query);
    document::answer(service, asked, parse, |scene, _, request| {
        let Scene {
            db, caller, site, ..
        } = scene;
        let found = listing::find::<R>(db, scene.landmarks, caller, &request)?;
        let mut parents = Parents::default();
        let rows = |each: &mut Each<'_, R>| parents.note::<R>(scene, &found.ids, each);
        let mut document = current::list::<R>(site, &request, found.total, rows)?;
        parents.include(scene, request.include, &mut document)?;
        Ok(document)
    })
    .await
}

/// One by its guid; one that the caller may not see is not there.
pub(super) async fn one<R: Neighbour>(
    service: Arc<Service>,
    asked: Asked,
    guid: String,
) -> Result<Reply, ApiError> {
    let parse = |_: &Service, query: &str| {
        let include = || current::request::show_include(R::ACCEPTED, query);
        Ok(match R::SHOW {
            Show::Ignored => Ok(Include::default()),
            Show::IncludeFirst => Ok(include()?),
            Show::IncludeLast => include(),
        })
    };
    document::answer(service, asked, parse, move |scene, _, include| {
        let id = listing::find_one::<R>(scene.db, scene.caller, &guid)?;
        let id = id.ok_or(ApiError::NotFound(R::NOT_FOUND))?;
        let include = include?;
        let mut document = Vec::new();
        let mut parents = Parents::default();
        parents.note::<R>(scene, &[id], &mut |row| {
            R::show(&row, scene.site, &mut document);
            Ok(())
        })?;
        parents.include(scene, include, &mut document)?;
        Ok(document)
    })
    .await
}

/// What the resources of a page lie in, each once.
#[derive(Default)]
struct Parents {
    spaces: BTreeSet<i64>,
    organizations: BTreeSet<i64>,
}

impl Parents {
    /// Lends the rows to `each`, and notes what they lie in.
    fn note<R: Neighbour>(
        &mut self,
        scene: &Scene<'_>,
        ids: &[i64],
        each: &mut Each<'_, R>,
    ) -> Result<(), StoreError> {
        listing::rows::<R, _>(scene.db, ids, |row| {
            match R::lies_in(&row) {
                Parent::Nothing => {}
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

    /// Puts what is asked for behind the document: whole, by `created_at` and `guid`, spaces before organizations.
    fn include(
        mut self,
        scene: &Scene<'_>,
        include: Include,
        document: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if include == Include::default() {
            return Ok(());
        }
        let db = scene.db;
        let mut included = Vec::new();
        let spaces = listing::oldest_first::<Space>(db, self.spaces.iter().copied())?;
        if include.spaces {
            let mut array = Vec::new();
            current::array::<Space>(&mut array, scene.site, |each| {
                listing::rows::<Space, _>(db, &spaces, each)
            })?;
            included.push(("spaces", array));
        }
        if include.organizations {
            listing::rows::<Space, StoreError>(db, &spaces, |space| {
                self.organizations.insert(space.organization_id);
                Ok(())
            })?;
            let organizations =
                listing::oldest_first::<Organization>(db, self.organizations.iter().copied())?;
            let mut array = Vec::new();
            current::array::<Organization>(&mut array, scene.site, |each| {
                listing::rows::<Organization, _>(db, &organizations, each)
            })?;
            included.push(("organizations", array));
        }
        current::include(document, &included);
        Ok(())
    }
}
