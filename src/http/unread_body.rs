//! The body of a request on the connection: read by a handler, or else to its end if that is near.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Buf, Frame, SizeHint};
use tokio::time::timeout;

/// How many bytes of a body that no handler has read are read, so that the connection can be used again.
const MAX_REST: u64 = 64 * 1024;
/// How long reading them may take.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// What became of the rest of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It was read to its end.
    Ended,
    /// It is long, or does not arrive.
    Unread,
    /// It is not valid, or its client has gone.
    Malformed,
}

/// A body that is still there when the handler that got it has dropped it.
#[derive(Debug)]
pub(super) struct SharedBody<B>(Arc<Mutex<Inner<B>>>);

#[derive(Debug)]
struct Inner<B> {
    body: B,
    /// Whether reading it has failed. A body may seem to end after that.
    has_failed: bool,
}

impl<B> Clone for SharedBody<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B> SharedBody<B> {
    fn lock(&self) -> MutexGuard<'_, Inner<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Body + Unpin> SharedBody<B> {
    pub fn new(body: B) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            body,
            has_failed: false,
        })))
    }

    /// Reads the rest of the body, if it is short and arrives soon.
    pub async fn read_rest(mut self) -> Rest {
        if self.lock().has_failed {
            return Rest::Malformed;
        }
        if self.is_end_stream() {
            return Rest::Ended;
        }
        if self.size_hint().lower() > MAX_REST {
            return Rest::Unread;
        }
        let rest = async {
            let mut length = 0;
            while length <= MAX_REST {
                let frame = std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context));
                match frame.await {
                    None => return Rest::Ended,
                    Some(Err(_)) => return Rest::Malformed,
                    Some(Ok(frame)) => {
                        length += frame.data_ref().map_or(0, |data| data.remaining() as u64);
                    }
                }
            }
            Rest::Unread
        };
        timeout(REST_TIMEOUT, rest).await.unwrap_or(Rest::Unread)
    }
}

impl<B: Body + Unpin> Body for SharedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut inner = self.lock();
        let polled = Pin::new(&mut inner.body).poll_frame(context);
        inner.has_failed |= matches!(polled, Poll::Ready(Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        let inner = self.lock();
        !inner.has_failed && inner.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().body.size_hint()
    }
}
