//! The responses to requests that hyper does not understand.
//!
//! hyper answers them itself, without a body and without the headers that each response has. Such a response is the last
//! one on its connection. It is recognized among the bytes that hyper writes, and another one is written instead. A
//! connection on which a response was not JSON is left alone: its body may hold the same bytes.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// How the responses of hyper begin. Each response of a handler has other headers, and no JSON text holds these bytes.
const STATUSES: [(u16, &[u8]); 3] = [
    (400, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n"),
    (414, b"HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Length: 0\r\n"),
    (431, b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n"),
];

/// Returns the whole response for a status.
type Respond = dyn Fn(u16) -> Vec<u8> + Send;

/// Replaces the responses of hyper.
#[derive(Default)]
pub(super) struct Refusal {
    /// `None` leaves them as they are.
    respond: Option<Box<Respond>>,
    /// What is still to be written instead of the response of hyper.
    rest: Option<Vec<u8>>,
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").finish_non_exhaustive()
    }
}

impl Refusal {
    /// Writes the response that `respond` returns for the status.
    pub fn new(respond: impl Fn(u16) -> Vec<u8> + Send + 'static) -> Self {
        Self {
            respond: Some(Box::new(respond)),
            rest: None,
        }
    }

    /// Writes `slices` to `stream`, up to a response of hyper, or instead of it. Returns how many bytes of `slices` are done.
    pub fn poll_write<S: AsyncWrite>(
        &mut self,
        mut stream: Pin<&mut S>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(respond) = &self.respond else {
            return stream.poll_write_vectored(context, slices);
        };
        let last = slices.iter().rposition(|slice| !slice.is_empty());
        let Some((last, (start, status))) = last.and_then(|at| Some((at, find(&slices[at])?)))
        else {
            return stream.poll_write_vectored(context, slices);
        };
        // What comes before it is written first.
        if let Some(first) = slices[..last].iter().find(|slice| !slice.is_empty()) {
            return stream.poll_write(context, first);
        }
        if start > 0 {
            return stream.poll_write(context, &slices[last][..start]);
        }
        let rest = self.rest.get_or_insert_with(|| respond(status));
        while !rest.is_empty() {
            let written = ready!(stream.as_mut().poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.drain(..written);
        }
        Poll::Ready(Ok(slices[last].len()))
    }
}

/// Returns where the response of hyper begins that ends `bytes`, and its status.
fn find(bytes: &[u8]) -> Option<(usize, u16)> {
    // Its last header is `Date: Thu, 01 Jan 1970 00:00:00 GMT`.
    const DATE_AND_END: usize = 37 + 2;
    STATUSES.into_iter().find_map(|(status, begin)| {
        let start = bytes.len().checked_sub(begin.len() + DATE_AND_END)?;
        bytes[start..].starts_with(begin).then_some((start, status))
    })
}
