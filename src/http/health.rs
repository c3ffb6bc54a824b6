//! `GET /healthz`, without a token: whether the data can be read. Whoever reaches the server finds it seeded.

use std::sync::Arc;

use super::{Asked, Reply, Service, reply};
use crate::error::ApiError;

/// 200 `{"status":"ok"}`, or the error that any other request would get.
pub(super) async fn healthz(service: Arc<Service>, _: Asked) -> Result<Reply, ApiError> {
    service
        .store
        .read(|db| Ok::<_, ApiError>(db.version()?))
        .await?;
    Ok(reply(200, &b"{\"status\":\"ok\"}"[..]))
}
