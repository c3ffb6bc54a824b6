//! The accept loop: how many connections are served, how long each step of one may take, and how the server stops.
//!
//! warp's own server has no time-outs and does not stop while a client has sent half a request.

mod stop_signal;
mod write_timeout;

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::http::Router;
pub use stop_signal::stop_signal;
use write_timeout::WriteTimeout;

/// How many connections are served at a time; further ones wait. A client that requests all pages at once opens 256.
const MAX_CONNECTIONS: usize = 1000;
/// How many connections may wait to be accepted. A client whose connection does not fit tries again after a second.
const BACKLOG: u32 = 1024;
/// How long a client may take to send the head of a request, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may leave a response unread before its connection is closed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// The size of the largest request head, in bytes; a larger one gets 431.
const MAX_HEAD: usize = 32 * 1024;
/// How long requests in flight may take after the server was asked to stop. The process has to exit within ten seconds.
const GRACE: Duration = Duration::from_secs(9);
/// How long to wait before the next connection is accepted if the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on `address`; port 0 means any free port. Must be called within a Tokio runtime.
///
/// # Errors
///
/// Fails if the address is in use, or is not an address of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // Without this option, connections of a server that has just stopped would block the port for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `shutdown` completes. Then accepts no more connections, and returns once the requests in flight are
/// answered, or after nine seconds.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let (running, stopping) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut shutdown => break,
        };
        let (router, has_request) = (router.clone(), Arc::new(AtomicBool::new(false)));
        let (set_has_request, mut stopping) = (has_request.clone(), stopping.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .title_case_headers(true)
            // A client may close its sending half after the request and still read the response.
            .half_close(true)
            .serve_connection(
                TokioIo::new(WriteTimeout::new(stream, WRITE_TIMEOUT)),
                service_fn(move |request| {
                    set_has_request.store(true, Ordering::Relaxed);
                    router.clone().answer(request)
                }),
            );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // hyper's graceful shutdown waits for the first request of a connection. We do not.
            let stopped_before_first_request = async {
                let _ = stopping.changed().await;
                if has_request.load(Ordering::Relaxed) {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                ended = connection => if let Err(error) = ended {
                    debug!(%error, "a connection ended");
                },
                () = stopped_before_first_request => {}
            }
            drop(slot);
        });
    }
    drop((listener, running));
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// Accepts the next connection, once fewer than [`MAX_CONNECTIONS`] are open. Safe to cancel.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Fails only if the semaphore is closed, which it never is.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                return (stream, slot);
            }
            Err(error) => {
                warn!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
