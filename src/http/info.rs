//! The routes that describe the server: `/`, `/v3`, `/v3/info`, `/openapi.json`, `/healthz`. They need no token.

use std::sync::Arc;

use super::{Request, Response, response};
use crate::edition::Foundation;
use crate::error::ApiError;
use crate::service::Service;

/// `GET /` (`current`): the URLs of the API and of the login.
pub(super) async fn root(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let foundation = foundation(&service)?;
    let base_url = service.base_url(request.host())?;
    Ok(response::json(200, foundation.root(&base_url)))
}

/// `GET /v3` (`current`): the URL of each list.
pub(super) async fn v3(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let foundation = foundation(&service)?;
    let base_url = service.base_url(request.host())?;
    Ok(response::json(200, foundation.v3(&base_url)))
}

/// `GET /v3/info` (`current`): the version of the API.
pub(super) async fn info(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let foundation = foundation(&service)?;
    let base_url = service.base_url(request.host())?;
    Ok(response::json(200, foundation.info(&base_url)))
}

fn foundation(service: &Service) -> Result<Foundation, ApiError> {
    let foundation = service.edition.foundation();
    foundation.ok_or(ApiError::UnknownRequest)
}

/// `GET /openapi.json`: the OpenAPI 3.1 document of the edition.
pub(super) async fn openapi(service: Arc<Service>, _: Request) -> Result<Response, ApiError> {
    Ok(response::json(200, service.edition.openapi()))
}

/// `GET /healthz`: 200 `{"status":"ok"}` if the data can be read, else the error of the attempt.
pub(super) async fn healthz(service: Arc<Service>, _: Request) -> Result<Response, ApiError> {
    service
        .store
        .read(|snapshot| Ok::<_, ApiError>(snapshot.version()?))
        .await?;
    Ok(response::json(200, &b"{\"status\":\"ok\"}"[..]))
}
