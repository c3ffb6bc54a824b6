//! `GET /`, `GET /v3`, `GET /v3/info`: where everything is, without a token. Only in `current`.

use std::sync::Arc;

use super::{Asked, Reply, Service, reply};
use crate::edition::current;
use crate::error::ApiError;

/// `GET /`.
pub(super) async fn root(service: Arc<Service>, asked: Asked) -> Result<Reply, ApiError> {
    Ok(reply(200, current::root(&service.site(&asked)?)))
}

/// `GET /v3`.
pub(super) async fn v3(service: Arc<Service>, asked: Asked) -> Result<Reply, ApiError> {
    Ok(reply(200, current::v3(&service.site(&asked)?)))
}

/// `GET /v3/info`.
pub(super) async fn info(service: Arc<Service>, asked: Asked) -> Result<Reply, ApiError> {
    Ok(reply(200, current::info(&service.site(&asked)?)))
}
