//! A request's body, read whole, up to a limit.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use serde::de::{DeserializeOwned, Error};
use tokio::time::timeout;
use warp::Buf;

use crate::error::ApiError;

/// How long a client may take to send a body.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The whole body; more than `limit` bytes are refused.
pub(super) async fn whole<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
) -> Result<Vec<u8>, ApiError> {
    let read = async {
        let mut bytes = Vec::new();
        let mut body = std::pin::pin!(body);
        while let Some(piece) = body.next().await {
            // The client broke off: nobody will read the answer.
            let mut piece = piece.map_err(|_| ApiError::InvalidRequest)?;
            if bytes.len() + piece.remaining() > limit {
                return Err(ApiError::TooLarge);
            }
            while piece.has_remaining() {
                let chunk = piece.chunk();
                bytes.extend_from_slice(chunk);
                let length = chunk.len();
                piece.advance(length);
            }
        }
        Ok(bytes)
    };
    timeout(TIMEOUT, read)
        .await
        .unwrap_or(Err(ApiError::InvalidRequest))
}

/// A body that is one object. serde alone would also take an array of the fields' values.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Error::custom("expected an object, not an array"));
    }
    serde_json::from_slice(body)
}
