//! Processes: their lists, one by guid or by its app and type, and what runs of it, which is nothing. Only in `current`.
//!
//! One process is not cached: whether its command is shown depends on the caller in other ways than those that show the
//! app.

use std::sync::Arc;

use super::respond::{RenderContext, respond};
use super::{Request, Response, response};
use crate::caller::Downloader;
use crate::edition::{Edition, Foundation, ProcessListRequest, RecordSink, StartCommand};
use crate::error::ApiError;
use crate::listing;
use crate::records::process::WEB;
use crate::records::{App, Process, Resource};
use crate::service::Service;
use crate::store::{Snapshot, StoreError};

/// `GET /v3/processes`: the processes of the apps that the caller may see.
pub(super) async fn list(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| parse(edition, None, query);
    respond(service, request, parse, page).await
}

/// `GET /v3/apps/:guid/processes`: the process of one app, or 404 if the caller may not see the app.
pub(super) async fn of_app(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let parse = |edition: Edition, query: &str| parse(edition, Some(guid), query);
    respond(service, request, parse, page).await
}

fn parse(
    edition: Edition,
    app: Option<String>,
    query: &str,
) -> Result<(Foundation, ProcessListRequest), ApiError> {
    let foundation = edition.require_foundation()?;
    Ok((foundation, foundation.parse_process_list(app, query)?))
}

fn page(
    context: &RenderContext<'_>,
    (foundation, request): &(Foundation, ProcessListRequest),
) -> Result<Vec<u8>, ApiError> {
    if let Some(app) = &request.app {
        context.require::<App>(app)?;
    }
    let page = context.find_page::<Process>(&request.list)?;
    let rows = |each: &mut RecordSink<'_, Process>| {
        listing::rows::<Process, _>(context.snapshot, &page.ids, each)
    };
    Ok(foundation.process_list(context.base_url, request, page.total, rows)?)
}

/// `GET /v3/processes/:guid`.
pub(super) async fn one(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    show(service, request, move |snapshot, reader, edition| {
        find::<Process>(snapshot, reader, edition, &guid)
    })
    .await
}

/// `GET /v3/apps/:guid/processes/:type`.
pub(super) async fn of_type(
    service: Arc<Service>,
    request: Request,
    guid: String,
    r#type: String,
) -> Result<Response, ApiError> {
    show(service, request, move |snapshot, reader, edition| {
        let id = find::<App>(snapshot, reader, edition, &guid)?;
        require_web(&r#type)?;
        Ok(id)
    })
    .await
}

/// Responds with the process whose id `find` returns. Its command is shown to an admin, a read-only admin and a space
/// developer.
async fn show(
    service: Arc<Service>,
    request: Request,
    find: impl Fn(&Snapshot<'_>, &Downloader, Edition) -> Result<i64, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    // Those who may download the bits of a package may see the command, and nobody else.
    let identity = request.authenticate(&service)?;
    let caller_key = request.caller_key(&service, &identity);
    let reader = identity.into_downloader()?;
    let base_url = request.base_url(&service)?;
    let edition = service.edition;
    let foundation = edition.require_foundation()?;
    let instances = foundation.parse_process(request.query())?;
    let document = service
        .store
        .read(caller_key, move |snapshot| {
            let id = find(snapshot, &reader, edition)?;
            let mut document = Vec::new();
            listing::rows::<Process, StoreError>(snapshot, &[id], |app| {
                let command = start_command(snapshot, &reader, app.space_id)?;
                foundation.process(&base_url, &app, command, instances, &mut document);
                Ok(())
            })?;
            Ok::<_, ApiError>(document)
        })
        .await?;
    Ok(response::json(200, document))
}

fn find<R: Resource>(
    snapshot: &Snapshot<'_>,
    reader: &Downloader,
    edition: Edition,
    guid: &str,
) -> Result<i64, ApiError> {
    let suspended = edition.suspended_organizations();
    listing::find_one::<R>(snapshot, &reader.reader, guid, suspended)?
        .ok_or(ApiError::NotFound(R::NOT_FOUND))
}

fn start_command(
    snapshot: &Snapshot<'_>,
    reader: &Downloader,
    space_id: i64,
) -> Result<StartCommand, StoreError> {
    Ok(match &reader.needs_writing_role {
        Some(member) if !listing::has_writing_role(snapshot, member, space_id)? => {
            StartCommand::Hidden
        }
        _ => StartCommand::Shown,
    })
}

/// `GET /v3/processes/:guid/stats`. The query is ignored.
pub(super) async fn stats(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<Process>(&guid)?;
        Ok(foundation.process_stats())
    };
    respond(service, request, ignore_query, render).await
}

/// `GET /v3/apps/:guid/processes/:type/stats`. The query is ignored.
pub(super) async fn stats_of_type(
    service: Arc<Service>,
    request: Request,
    guid: String,
    r#type: String,
) -> Result<Response, ApiError> {
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<App>(&guid)?;
        require_web(&r#type)?;
        Ok(foundation.process_stats())
    };
    respond(service, request, ignore_query, render).await
}

/// `GET /v3/processes/:guid/process_instances`. The query is ignored.
pub(super) async fn instances(
    service: Arc<Service>,
    request: Request,
    guid: String,
) -> Result<Response, ApiError> {
    let render = move |context: &RenderContext<'_>, foundation: &Foundation| {
        context.require::<Process>(&guid)?;
        Ok(foundation.process_instances(context.base_url, &guid))
    };
    respond(service, request, ignore_query, render).await
}

fn require_web(r#type: &str) -> Result<(), ApiError> {
    match r#type {
        WEB => Ok(()),
        _ => Err(ApiError::NotFound(Process::NOT_FOUND)),
    }
}

fn ignore_query(edition: Edition, _: &str) -> Result<Foundation, ApiError> {
    edition.require_foundation()
}
