//! `GET /openapi.json`, without a token: what is served, in the words of OpenAPI 3.1.

use std::sync::Arc;

use super::{Asked, Reply, Service, reply};
use crate::error::ApiError;

/// The edition's own document.
pub(super) async fn document(service: Arc<Service>, _: Asked) -> Result<Reply, ApiError> {
    Ok(reply(200, service.edition.openapi()))
}
