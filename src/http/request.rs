//! A request as handlers see it, and its body.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::time::timeout;
use warp::Buf;
use warp::http::header::{self, HeaderName, HeaderValue};
use warp::http::{HeaderMap, Uri};

use crate::error::ApiError;

/// The target and the headers of a request. The router has normalized the path.
#[derive(Clone, Debug)]
pub struct Request {
    uri: Uri,
    headers: Arc<HeaderMap>,
}

impl Request {
    pub(super) fn new(uri: Uri, headers: HeaderMap) -> Self {
        Self {
            uri,
            headers: Arc::new(headers),
        }
    }

    /// Returns the normalized path.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Returns the query as it was sent; empty if there is none.
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// Returns the value of a header, the first if there are several.
    pub fn header(&self, name: HeaderName) -> Option<&[u8]> {
        self.headers.get(name).map(HeaderValue::as_bytes)
    }

    /// Returns the values of all headers of that name.
    pub fn headers(&self, name: HeaderName) -> Vec<&[u8]> {
        self.headers
            .get_all(name)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect()
    }

    /// Returns the values of all `Authorization` headers.
    pub fn authorization(&self) -> Vec<&[u8]> {
        self.headers(header::AUTHORIZATION)
    }

    /// Returns the value of the `Host` header.
    pub fn host(&self) -> Option<&[u8]> {
        self.header(header::HOST)
    }
}

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
