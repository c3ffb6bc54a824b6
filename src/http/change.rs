//! How a request that changes something is answered: who sends it, what it says, and one transaction on a thread that may
//! block.

use std::sync::Arc;

use tokio::time::timeout_at;

use super::request::RequestBody;
use super::{Request, Response, response};
use crate::caller::Writer;
use crate::changes::{self, Change};
use crate::clock::{later, system_now_in_milliseconds};
use crate::edition::{BaseUrl, Body, Edition};
use crate::error::ApiError;
use crate::listing;
use crate::records::Package;
use crate::service::Service;
use crate::store::{OpenMode, QueuedWrite, Snapshot, Store, StoreError};

/// The caller of a request that changes something.
#[derive(Clone, Debug)]
pub(super) struct Author {
    /// The caller's guid.
    user: String,
    /// What they may write.
    writer: Writer,
}

/// Authenticates the caller of a request that changes something.
///
/// # Errors
///
/// Fails if the token is refused, if no scope of it allows writing, or if the server was started with `--read-only`.
pub(super) fn authorize(service: &Service, request: &Request) -> Result<Author, ApiError> {
    let identity = request.authenticate(service)?;
    let user = identity.user.clone();
    let writer = identity.into_writer()?;
    require_writable(service)?;
    Ok(Author { user, writer })
}

/// Authenticates the caller, and reads and parses the JSON body, in the order of the edition.
///
/// # Errors
///
/// Fails with the errors of [`authorize`], and if the body is not a JSON object.
pub(super) async fn authorize_with_body(
    service: &Service,
    request: &Request,
    body: RequestBody,
) -> Result<(Author, Body), ApiError> {
    if service.edition.parses_body_first() {
        let body = service
            .edition
            .parse_body(&body.read_whole(service.stopped()).await?)?;
        return Ok((authorize(service, request)?, body));
    }
    let author = authorize(service, request)?;
    let body = service
        .edition
        .parse_body(&body.read_whole(service.stopped()).await?)?;
    Ok((author, body))
}

/// Carries out `change` in one transaction, and finishes in it what is due at once. The commit is on disk when this
/// returns.
///
/// # Errors
///
/// Fails if `change` fails, or if the database cannot be written; then nothing of it is stored.
pub(super) async fn carry_out<T: Send + 'static>(
    service: &Arc<Service>,
    author: Author,
    change: impl FnOnce(&Change<'_, '_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let queued = service.store.queue_write();
    carry_out_queued(service, queued, author, change).await
}

/// Does the same as [`carry_out`] for a write that was queued before.
///
/// # Errors
///
/// Fails with the errors of [`carry_out`].
pub(super) async fn carry_out_queued<T: Send + 'static>(
    service: &Arc<Service>,
    queued: QueuedWrite,
    author: Author,
    change: impl FnOnce(&Change<'_, '_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let edition = service.edition;
    let (processing, staging) = (service.processing, service.staging);
    let now = service.clock.now();
    let changed = write_queued(service, queued, move |store, queued| {
        let at = system_now_in_milliseconds();
        store.write_queued(queued, |transaction| {
            let changed = change(&Change {
                transaction,
                writer: &author.writer,
                user: &author.user,
                suspended: edition.suspended_organizations(),
                now,
                due: later(at, processing),
                staged_at: staging.map(|staging| later(at, staging)),
            })?;
            changes::finish_due(transaction, at, now)?;
            Ok::<_, ApiError>(changed)
        })
    })
    .await;
    if !processing.is_zero() || staging.is_some() {
        service.something_is_due.notify_one();
    }
    changed
}

/// Runs a write, which blocks, outside the async threads. Writes run one after the other. `write` gets the store and the
/// write that was queued when this was called.
///
/// # Errors
///
/// Fails if `write` fails, or with [`StoreError::Busy`] if its turn does not come before the deadline.
pub(super) async fn write<T: Send + 'static>(
    service: &Arc<Service>,
    write: impl FnOnce(&Store, QueuedWrite) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let queued = service.store.queue_write();
    write_queued(service, queued, write).await
}

/// Does the same as [`write()`] for a write that was queued before.
///
/// # Errors
///
/// Fails with the errors of [`write()`].
pub(super) async fn write_queued<T: Send + 'static>(
    service: &Arc<Service>,
    queued: QueuedWrite,
    write: impl FnOnce(&Store, QueuedWrite) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let shared = service.clone();
    let turn = service.writes.clone().acquire_owned();
    let turn = timeout_at(queued.deadline().into(), turn)
        .await
        .map_err(|_| StoreError::Busy)?;
    let written = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        write(&shared.store, queued)
    });
    let written = service.store.while_it_answers(written).await?;
    written.unwrap_or_else(|_| Err(StoreError::Closed.into()))
}

/// Fails if the server was started with `--read-only`.
pub(super) fn require_writable(service: &Service) -> Result<(), ApiError> {
    if service.store.opened() == OpenMode::ReadWrite {
        return Ok(());
    }
    Err(ApiError::Refused(
        "The server was started with `--read-only`: nothing can be written".into(),
    ))
}

/// Returns the document of the package with that id.
///
/// # Errors
///
/// Fails if the database cannot be read.
pub(super) fn package_document(
    snapshot: &Snapshot<'_>,
    edition: Edition,
    base_url: &BaseUrl,
    id: i64,
) -> Result<Vec<u8>, ApiError> {
    let mut document = Vec::new();
    listing::rows::<Package, ApiError>(snapshot, &[id], |record| {
        Ok(edition.package(base_url, &record, &mut document)?)
    })?;
    Ok(document)
}

/// Carries out a change of one package and responds with its document, as it is before what is due is finished.
///
/// # Errors
///
/// Fails with the errors of [`carry_out`], and if the `Host` header is refused.
pub(super) async fn respond_with_package(
    service: &Arc<Service>,
    request: &Request,
    author: Author,
    status: u16,
    change: impl FnOnce(&Change<'_, '_>) -> Result<i64, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let queued = service.store.queue_write();
    respond_with_package_queued(service, queued, request, author, status, change).await
}

/// Does the same as [`respond_with_package`] for a write that was queued before.
///
/// # Errors
///
/// Fails with the errors of [`respond_with_package`].
pub(super) async fn respond_with_package_queued(
    service: &Arc<Service>,
    queued: QueuedWrite,
    request: &Request,
    author: Author,
    status: u16,
    change: impl FnOnce(&Change<'_, '_>) -> Result<i64, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let base_url = request.base_url(service)?;
    let edition = service.edition;
    let document = carry_out_queued(service, queued, author, move |context| {
        let id = change(context)?;
        package_document(context.transaction, edition, &base_url, id)
    })
    .await?;
    Ok(response::json(status, document))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::service::ServiceOptions;
    use crate::store::Durability;

    #[tokio::test]
    async fn write_whose_turn_does_not_come_in_time_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        Store::create(&path, |_| Ok::<_, StoreError>(())).unwrap();
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
        let service = Arc::new(Service::new(store, ServiceOptions::default()));
        // Nobody gets the permit: without a deadline the write would wait for ever.
        let _turn = service.writes.clone().acquire_owned().await;
        let called = write(&service, |_, _| Ok(Instant::now())).await;
        assert_eq!(called, Err(ApiError::Busy));
    }
}
