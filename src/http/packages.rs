//! `GET /v3/packages`, `GET /v3/packages/:guid`, `GET /v3/apps/:guid/packages`.

use std::sync::Arc;

use super::document::{self, Scene};
use super::{Asked, Reply, Service};
use crate::edition::{Each, PackagesRequest};
use crate::error::ApiError;
use crate::listing;
use crate::resource::{App, Package, Resource};

/// All packages that the caller may see.
pub(super) async fn list(service: Arc<Service>, asked: Asked) -> Result<Reply, ApiError> {
    let parse = |service: &Service, query: &str| service.edition.packages_request(None, query);
    document::answer(service, asked, parse, page).await
}

/// One app's packages; an app that the caller may not see is not there.
pub(super) async fn of_app(
    service: Arc<Service>,
    asked: Asked,
    app: String,
) -> Result<Reply, ApiError> {
    let parse =
        move |service: &Service, query: &str| service.edition.packages_request(Some(&app), query);
    document::answer(service, asked, parse, page).await
}

fn page(
    scene: &Scene<'_>,
    service: &Service,
    request: PackagesRequest,
) -> Result<Vec<u8>, ApiError> {
    let Scene {
        db, caller, site, ..
    } = scene;
    if let Some(app) = &request.app
        && listing::find_one::<App>(db, caller, app)?.is_none()
    {
        return Err(ApiError::NotFound(App::NOT_FOUND));
    }
    let found = listing::find::<Package>(db, scene.landmarks, caller, &request.list)?;
    let rows = |each: &mut Each<'_, Package>| listing::rows::<Package, _>(db, &found.ids, each);
    Ok(service
        .edition
        .packages(site, &request.list, found.total, rows)?)
}

/// One package; one that the caller may not see is not there. The query is not looked at.
pub(super) async fn one(
    service: Arc<Service>,
    asked: Asked,
    guid: String,
) -> Result<Reply, ApiError> {
    let render = move |scene: &Scene<'_>, service: &Service, ()| {
        let id = listing::find_one::<Package>(scene.db, scene.caller, &guid)?;
        let id = id.ok_or(ApiError::NotFound(Package::NOT_FOUND))?;
        let mut document = Vec::new();
        listing::rows::<Package, ApiError>(scene.db, &[id], |row| {
            document = service.edition.package(scene.site, &row);
            Ok(())
        })?;
        Ok(document)
    };
    document::answer(service, asked, |_, _| Ok(()), render).await
}
