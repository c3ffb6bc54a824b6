//! Responses. A body is a stream of pieces; most bodies are one piece of shared bytes.

use bytes::Bytes;
use warp::http::{StatusCode, header};

use crate::error::ApiError;
use crate::service::Service;

/// A response. Its body may be shared bytes, a stream, or empty.
pub type Response = warp::reply::Response;

/// Returns a JSON response. The router adds the headers that every response has.
pub(super) fn json(status: u16, document: impl Into<Bytes>) -> Response {
    let mut response = Response::new(document.into().into());
    *response.status_mut() =
        StatusCode::from_u16(status).expect("every caller passes a status from 100 to 999");
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// Returns 204 without a body.
pub(super) fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Returns the response to a request that failed, as the edition presents it. Logs an internal error.
pub(super) fn error(service: &Service, error: &ApiError) -> Response {
    if let ApiError::Internal(text) = error {
        tracing::error!("a request failed: {text}");
    }
    json(error.status(), service.edition.error(error))
}
