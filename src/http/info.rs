//! The routes that describe the server: `/`, `/v3`, `/v3/info`, `/openapi.json`, `/healthz`. They need no token.

use std::sync::Arc;

use warp::http::header;

use super::change::package_document;
use super::{Request, Response, compression, response};
use crate::caller::CallerKey;
use crate::edition::BaseUrl;
use crate::error::ApiError;
use crate::listing::response_cache::Coding;
use crate::service::Service;

/// `GET /` (`current`): the URLs of the API and of the login.
pub(super) async fn root(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let foundation = service.edition.require_foundation()?;
    let base_url = request.base_url(&service)?;
    Ok(response::json(200, foundation.root(&base_url)))
}

/// `GET /v3` (`current`): the URL of each list.
pub(super) async fn v3(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let foundation = service.edition.require_foundation()?;
    let base_url = request.base_url(&service)?;
    Ok(response::json(200, foundation.v3(&base_url)))
}

/// `GET /v3/info` (`current`): the version of the API.
pub(super) async fn info(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let foundation = service.edition.require_foundation()?;
    let base_url = request.base_url(&service)?;
    Ok(response::json(200, foundation.info(&base_url)))
}

/// `GET /openapi.json`: the OpenAPI 3.1 document of the edition.
pub(super) async fn openapi(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let plain = service.edition.openapi();
    let in_gzip = match compression::preferred(&request) {
        Coding::Identity => None,
        Coding::Gzip => service
            .openapi_in_gzip
            .get_or_init(|| compression::gzip(plain))
            .clone(),
    };
    let mut response = match in_gzip {
        None => response::json(200, plain),
        Some(body) => {
            let mut response = response::json(200, body);
            response::note_coding(&mut response, Coding::Gzip);
            response
        }
    };
    response
        .headers_mut()
        .insert(header::VARY, response::ACCEPT_ENCODING);
    Ok(response)
}

/// `GET /healthz`: 200 `{"status":"ok"}` if the first package can be read and presented, and no document failed by a fault
/// of the database since the data changed last and was not read since, else 503.
pub(super) async fn healthz(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let edition = service.edition;
    let read = service.store.read(CallerKey::SERVER, move |snapshot| {
        let version = snapshot.version()?;
        let first = snapshot.int("select min(id) from packages", &[])?;
        if let Some(first) = first {
            package_document(snapshot, edition, &BaseUrl(String::new()), first)?;
        }
        Ok::<_, ApiError>(version)
    });
    match read.await {
        Ok(version) if service.failures.exist(version) => Err(ApiError::Unhealthy),
        Ok(_) => Ok(response::json(200, &b"{\"status\":\"ok\"}"[..])),
        Err(ApiError::Internal(cause)) => {
            tracing::error!(
                request_id = request.id(),
                "the data cannot be read: {cause}"
            );
            Err(ApiError::Unhealthy)
        }
        Err(error) => Err(error),
    }
}
