//! One connection: from the first byte to the close.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Body;
use hyper::header::{CONNECTION, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::timeout;
use tracing::debug;

use super::activity::Activity;
use super::client_stream::ClientStream;
use super::listener::Stream;
use super::refusal::Refusal;
use super::slots::Slot;
use crate::http::{CLOSE, DropConnection, Router, UnreadBody};

/// The size of the largest request head, in bytes; a larger one gets 431.
const MAX_HEAD: usize = 32 * 1024;
/// How many bytes are buffered for reading and for writing.
const BUFFER: usize = 2 * MAX_HEAD;
/// How long after a stop requests that have arrived may still be read.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// The time-outs of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeOuts {
    /// How long the client may take to send the head of a request, and how long the connection may be idle.
    pub head: Duration,
    /// How long the client may leave a response unread.
    pub write: Duration,
}

/// A connection that was accepted.
#[derive(Debug)]
pub(super) struct Connection {
    pub stream: Stream,
    pub router: Router,
    pub activity: Arc<Activity>,
    pub time_outs: TimeOuts,
    /// Whether the connection ends after one response.
    pub is_single: bool,
    /// Changes when the server stops. The server waits until every connection has dropped it.
    pub stopping: watch::Receiver<bool>,
    /// Freed when the connection has ended.
    pub slot: Slot,
}

impl Connection {
    /// Serves the connection until it ends.
    pub async fn serve(self) {
        let Self {
            stream,
            router,
            activity,
            time_outs,
            is_single,
            mut stopping,
            slot,
        } = self;
        let refusing = Arc::new(router.clone());
        let of_stream = refusing.clone();
        let io = TokioIo::new(ClientStream::new(
            stream,
            activity.clone(),
            time_outs.write,
            Refusal::new(move |status| of_stream.malformed(status)),
        ));
        let (answering, of_request, stopped) = (router.clone(), activity.clone(), stopping.clone());
        let slots = slot.slots().clone();
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(time_outs.head)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER)
            .title_case_headers(true)
            .keep_alive(!is_single)
            // A client may close its sending half after the request and still read the response.
            .half_close(true)
            .serve_connection(
                io,
                service_fn(move |request| {
                    let (router, activity) = (answering.clone(), of_request.clone());
                    let (stopped, slots) = (stopped.clone(), slots.clone());
                    let refusing = refusing.clone();
                    activity.begin_request();
                    Box::pin(async move {
                        let mut response = router.answer(request).await?;
                        if *stopped.borrow() {
                            activity.stop();
                            // Meanwhile the stream looks for a further request, which is answered too.
                            yield_now().await;
                            if !activity.is_followed() {
                                response.headers_mut().insert(CONNECTION, CLOSE);
                            }
                        }
                        if activity.is_evicted() && response.status() == StatusCode::BAD_REQUEST {
                            // The rest of the request was not read.
                            refusing.refuse_place(&mut response);
                        }
                        if activity.is_evicted() || slots.are_wanted() {
                            response.headers_mut().insert(CONNECTION, CLOSE);
                        }
                        if !is_json(&response) {
                            activity.send_bytes();
                        }
                        activity.end_request(response.extensions().get::<UnreadBody>().is_some());
                        Ok::<_, DropConnection>(response)
                    })
                }),
            );
        // A server that stopped before this connection was accepted still answers what the client has sent.
        let is_stopping = *stopping.borrow_and_update();
        let stop = async {
            if !is_stopping {
                let _ = stopping.changed().await;
            }
            activity.stop();
        };
        let ended = tokio::select! {
            biased;
            ended = &mut connection => Some(ended),
            () = stop => None,
            () = activity.eviction() => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            // It is not closed before its client knows why.
            None if is_single && activity.is_evicted() => {
                let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
                let mut stream = connection.into_parts().io.into_inner();
                let is_answered =
                    activity.has_requested() || ended.as_ref().is_err_and(|error| error.is_parse());
                if is_answered {
                    let _ = stream.shutdown().await;
                } else {
                    send_last(stream, &router.overloaded()).await;
                }
                return;
            }
            // Polled again, the connection notices that it has to end.
            None => match timeout(LAST_REQUESTS, &mut connection).await {
                Ok(ended) => ended,
                Err(_) => {
                    Pin::new(&mut connection).graceful_shutdown();
                    (&mut connection).await
                }
            },
        };
        let Err(error) = ended else { return };
        debug!(%error, "a connection ended");
        if error.is_timeout() {
            let parts = connection.into_parts();
            if is_single || !parts.read_buf.is_empty() {
                send_last(parts.io.into_inner(), &router.head_timeout()).await;
            }
        }
    }
}

/// Returns whether the body is JSON, or there is none. The JSON of this server holds no carriage returns.
fn is_json<B: Body>(response: &hyper::Response<B>) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    response.body().is_end_stream()
        || content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

/// Sends a response to a request that has not arrived, and closes the connection.
async fn send_last(mut stream: ClientStream<Stream>, response: &[u8]) {
    let sent = async {
        stream.write_all(response).await?;
        stream.shutdown().await
    };
    if let Err(error) = sent.await {
        debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::server::slots::Slots;
    use crate::service::{Service, ServiceOptions};
    use crate::store::{Durability, OpenMode, Store, StoreError};

    /// Sends `head` on a connection that waits 50 ms for heads, and nothing more. Returns what is received.
    async fn received(head: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        Store::create(&path, |_| Ok::<_, StoreError>(())).unwrap();
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
        let service = Arc::new(Service::new(store, ServiceOptions::default()));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let activity = Arc::default();
        let stop = watch::Sender::new(false);
        let connection = Connection {
            stream: Stream::Tcp(stream),
            router: Router::new(service).of_client(address.ip(), false),
            slot: Slots::new(1).take(&activity).unwrap(),
            activity,
            time_outs: TimeOuts {
                head: Duration::from_millis(50),
                write: Duration::from_secs(60),
            },
            is_single: false,
            stopping: stop.subscribe(),
        };
        let client = async {
            client.write_all(head.as_bytes()).await.unwrap();
            let mut received = String::new();
            client.read_to_string(&mut received).await.unwrap();
            received
        };
        let ((), received) = tokio::join!(connection.serve(), client);
        received
    }

    #[tokio::test]
    async fn head_that_does_not_arrive_in_time_gets_408() {
        let answer = received("GET /healthz HTTP/1.1\r\nHos").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nConnection: close"), "{head}");
        assert!(body.contains("did not arrive in time"), "{body}");
    }

    #[tokio::test]
    async fn idle_connection_is_closed_without_a_response() {
        assert_eq!(received("").await, "");
        let answer = received("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    }
}
