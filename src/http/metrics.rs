//! `GET /metrics`, on a listener of its own.

use std::sync::Arc;

use warp::http::header::{self, HeaderValue};

use super::{Request, Response};
use crate::error::ApiError;
use crate::service::{Service, metrics};

/// `GET /metrics`: the metrics as Prometheus reads them.
pub(super) async fn show(service: Arc<Service>, _: Request) -> Result<Response, ApiError> {
    let text = metrics::text(&service).await;
    let text = text.map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(metrics::MEDIA_TYPE),
    );
    Ok(response)
}
