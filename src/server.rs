//! The accept loop: how many connections, how long each may take, how it stops.
//!
//! warp's own server has no time-outs and cannot stop while a client has sent half a request.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::http::Router;

/// A client that asks for all pages at once has 256 in flight; there is room for a few of those.
const MAX_CONNECTIONS: usize = 1000;
/// How long a client may take to send a request's head; also how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest request head, in bytes; beyond it, 431.
const MAX_HEAD: usize = 32 * 1024;
/// How long answers in flight may take once the server stops, so that the exit lies within ten seconds.
const GRACE: Duration = Duration::from_secs(9);
/// How long to wait when the system has no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` completes, then lets the requests in flight end, for at most nine seconds.
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
        let (router, begun) = (router.clone(), Arc::new(AtomicBool::new(false)));
        let (mark, mut stopping) = (begun.clone(), stopping.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .title_case_headers(true)
            // A client that has said all it will say still wants its answer.
            .half_close(true)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    mark.store(true, Ordering::Relaxed);
                    router.clone().answer(request)
                }),
            );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Half of its first request, sent or not, is nothing to wait for; hyper would.
            let stopped_before_it_began = async {
                let _ = stopping.changed().await;
                if begun.load(Ordering::Relaxed) {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                ended = connection => if let Err(error) = ended {
                    debug!(%error, "a connection ended");
                },
                () = stopped_before_it_began => {}
            }
            drop(slot);
        });
    }
    drop((listener, running));
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// The next connection, once there is a slot for it. Safe to cancel.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed: there always is a permit in the end.
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
