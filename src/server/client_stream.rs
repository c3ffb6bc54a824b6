//! The stream of one connection: time-outs, the last read before a stop, and how it is closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::activity::Activity;
use super::framing::{Framing, Refused};
use super::listener::Stream;
use super::refusal::Refusal;

/// How long a client may leave a response unread once the server stops.
const STOP_WRITE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long what a client still sends is read and discarded after the last response. A connection that is closed with
/// bytes unread is reset, and the client may then not see the response (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);

/// A stream that can be read without waiting, whatever the async runtime knows of it.
pub(super) trait TryRead {
    /// Reads what has arrived.
    ///
    /// # Errors
    ///
    /// Fails with `WouldBlock` if nothing has arrived.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Returns whether something has arrived that was not read.
    fn has_more(&self) -> bool;
}

impl TryRead for Stream {
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self, buffer, RecvFlags::DONTWAIT)?.0)
    }

    fn has_more(&self) -> bool {
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        recv(self, &mut [0], flags).is_ok_and(|(length, _)| length > 0)
    }
}

/// The stream of a client.
#[derive(Debug)]
pub(super) struct ClientStream<S> {
    stream: S,
    activity: Arc<Activity>,
    framing: Framing,
    /// Whether bytes were refused, so that nothing is read any more.
    is_refused: bool,
    /// Replaces the responses to requests that hyper does not understand.
    refusal: Refusal,
    write_timeout: Duration,
    /// Runs while a write waits for the client.
    write_ends: Option<Pin<Box<Sleep>>>,
    /// Runs while the stream is being closed.
    linger_ends: Option<Pin<Box<Sleep>>>,
}

impl<S> ClientStream<S> {
    /// Wraps `stream`. A write fails if the client has accepted no byte for `write_timeout`.
    pub fn new(
        stream: S,
        activity: Arc<Activity>,
        write_timeout: Duration,
        refusal: Refusal,
    ) -> Self {
        Self {
            stream,
            activity,
            framing: Framing::default(),
            is_refused: false,
            refusal,
            write_timeout,
            write_ends: None,
            linger_ends: None,
        }
    }

    /// Passes on the result of a write. Starts the time-out if the write has to wait.
    fn limit<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.activity.proceed();
            self.write_ends = None;
            return written;
        }
        self.activity.wait();
        let write_timeout = self.write_timeout;
        let ends = self
            .write_ends
            .get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        if self.activity.is_stopping() {
            let stop_ends = Instant::now() + STOP_WRITE_TIMEOUT;
            if ends.deadline() > stop_ends {
                ends.as_mut().reset(stop_ends);
            }
        }
        if !self.activity.is_evicted() {
            ready!(ends.as_mut().poll(context));
        }
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read",
        )))
    }
}

impl<S: TryRead> ClientStream<S> {
    /// Reads when the runtime says that nothing has arrived. While the connection is open, that is so. If it is to end, the
    /// operating system is asked, and the stream ends here unless a request is being answered.
    fn read_last(&self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let activity = &self.activity;
        if !activity.is_stopping() && !activity.is_evicted() {
            activity.wait();
            return Poll::Pending;
        }
        if activity.in_request() {
            activity.wait();
            if activity.is_evicted() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            return Poll::Pending;
        }
        match self.stream.try_read(buffer.initialize_unfilled()) {
            Ok(length) => buffer.advance(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + TryRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_refused {
            return Poll::Ready(Err(refused()));
        }
        let before = buffer.filled().len();
        let mut read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending() {
            read = this.read_last(buffer);
        }
        if read.is_ready() && buffer.filled().len() > before {
            this.activity.receive();
            let checked = this.framing.check(&mut buffer.filled_mut()[before..]);
            this.activity.arrive(this.framing.heads());
            if let Err(Refused::Head(length) | Refused::Body(length)) = checked {
                this.is_refused = true;
                buffer.set_filled(before + length);
                if length == 0 {
                    return Poll::Ready(Err(refused()));
                }
            }
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + TryRead + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let stream = Pin::new(&mut this.stream);
        let written = match this.activity.sends_bytes() {
            true => stream.poll_write_vectored(context, slices),
            false => this.refusal.poll_write(stream, context, slices),
        };
        self.limit(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper calls it at each turn, also while a request is being answered.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.activity.is_stopping() {
            self.activity.set_more(self.stream.has_more());
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Ends the sending half. If the client may still be sending, waits until it stops, for [`LINGER`] at most.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger_ends.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        if !this.activity.has_unread() || this.activity.is_evicted() {
            return Poll::Ready(Ok(()));
        }
        let ends = this
            .linger_ends
            .get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut discarded = [0; 8192];
        while ends.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut discarded);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns the error of a read after bytes that were refused.
fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the end of the request is not clear",
    )
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// Nothing arrives but what the runtime knows of.
    impl TryRead for DuplexStream {
        fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn has_more(&self) -> bool {
            false
        }
    }

    fn client_stream(near: DuplexStream, write_timeout: Duration) -> ClientStream<DuplexStream> {
        ClientStream::new(near, Arc::default(), write_timeout, Refusal::default())
    }

    #[tokio::test]
    async fn write_fails_if_the_other_side_does_not_read() {
        let (near, _far) = duplex(4);
        let mut near = client_stream(near, Duration::from_millis(20));
        let error = near.write_all(b"12345").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn write_fails_at_once_if_the_connection_is_evicted() {
        let (near, _far) = duplex(4);
        let mut near = client_stream(near, Duration::from_secs(3600));
        near.activity.evict();
        near.activity.eviction().await;
        let error = near.write_all(b"12345").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn every_accepted_byte_starts_the_time_out_anew() {
        let (near, mut far) = duplex(1);
        let mut near = client_stream(near, Duration::from_secs(3600));
        assert!(matches!(write_once(&mut near).await, Poll::Ready(Ok(1))));
        assert!(write_once(&mut near).await.is_pending());
        assert!(near.write_ends.is_some());
        far.read_u8().await.unwrap();
        assert!(matches!(write_once(&mut near).await, Poll::Ready(Ok(1))));
        assert!(near.write_ends.is_none());
    }

    async fn write_once(stream: &mut ClientStream<DuplexStream>) -> Poll<io::Result<usize>> {
        let mut stream = Pin::new(stream);
        poll_fn(|context| Poll::Ready(stream.as_mut().poll_write(context, b"x"))).await
    }

    #[tokio::test]
    async fn stream_ends_between_requests_once_the_server_stops() {
        let (near, mut far) = duplex(16);
        let mut near = client_stream(near, Duration::from_secs(3600));
        far.write_all(b"sent before").await.unwrap();
        near.activity.stop();
        let mut received = Vec::new();
        near.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"sent before");
    }

    #[tokio::test]
    async fn body_of_a_request_is_read_although_the_server_stops() {
        let (near, mut far) = duplex(16);
        let mut near = client_stream(near, Duration::from_secs(3600));
        near.activity.begin_request();
        near.activity.stop();
        let (sent, received) = tokio::join!(
            async {
                tokio::task::yield_now().await;
                far.write_all(b"x").await
            },
            near.read_u8()
        );
        sent.unwrap();
        assert_eq!(received.unwrap(), b'x');
    }

    #[tokio::test]
    async fn close_reads_what_the_client_still_sends() {
        let (near, mut far) = duplex(16);
        let mut near = client_stream(near, Duration::from_secs(3600));
        near.activity.end_request(true);
        let sent = async {
            far.write_all(&[0; 100_000]).await.unwrap();
            drop(far);
        };
        let (closed, ()) = tokio::join!(near.shutdown(), sent);
        closed.unwrap();
    }

    #[tokio::test]
    async fn response_of_hyper_is_replaced_unless_a_body_may_hold_the_same_bytes() {
        let of_hyper = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
        for sends_bytes in [false, true] {
            let (near, mut far) = duplex(1024);
            let refusal = Refusal::new(|status| format!("instead of {status}").into_bytes());
            let mut near = ClientStream::new(near, Arc::default(), Duration::MAX, refusal);
            if sends_bytes {
                near.activity.send_bytes();
            }
            let sent = format!("before {of_hyper}");
            near.write_all(sent.as_bytes()).await.unwrap();
            drop(near);
            let mut received = String::new();
            far.read_to_string(&mut received).await.unwrap();
            let expected = match sends_bytes {
                true => sent.as_str(),
                false => "before instead of 400",
            };
            assert_eq!(received, expected);
        }
    }
}
