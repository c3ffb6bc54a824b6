//! The accept loop: how many connections are served, how long each step of one may take, and how the server stops.
//!
//! warp's own server has no time-outs and does not stop while a client has sent half a request.

mod activity;
mod client_stream;
mod connection;
mod framing;
mod limits;
mod listener;
mod refusal;
mod slots;
mod stop_signal;

use std::fs::File;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::warn;

use crate::http::Router;
use activity::Activity;
use connection::{Connection, TimeOuts};
pub use limits::raise_file_limit;
pub use listener::{Address, Listener};
use listener::{BACKLOG, Stream};
use slots::Slots;
pub use stop_signal::stop_signal;

/// How many connections the listener of `--metrics` serves. Further ones get 503.
const METRICS_CONNECTIONS: usize = 8;
/// How many more connections it accepts, to answer them with 503.
const METRICS_RESERVED: usize = 2;
/// The time-outs of a connection.
const TIME_OUTS: TimeOuts = TimeOuts {
    head: Duration::from_secs(60),
    write: Duration::from_secs(60),
};
/// The time-outs of a connection beyond the limit.
const RESERVED_TIME_OUTS: TimeOuts = TimeOuts {
    head: Duration::from_secs(2),
    write: Duration::from_secs(2),
};
/// How long after a stop the running reads and the running write are broken off. Their clients are then answered.
const BREAK_OFF_AFTER: Duration = Duration::from_secs(8);
/// How long requests in flight may take after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(9);
/// How often a running write is interrupted. An interrupt between two statements has no effect.
const INTERRUPT_EVERY: Duration = Duration::from_millis(10);
/// How long to wait before the next connection is accepted if one could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` completes. Then breaks off the uploads that have not arrived, answers the requests that have, and
/// returns once that is done, or after nine seconds. What runs for eight seconds more is broken off.
pub async fn serve(listener: Listener, router: Router, shutdown: impl Future<Output = ()>) {
    let (places, reserved) = limits::connections();
    let acceptor = Acceptor::new(router.clone(), places, reserved);
    let finisher = tokio::spawn(router.clone().finish_what_is_due());
    acceptor.accept_until(&listener, shutdown).await;
    let end = Instant::now() + GRACE;
    // Clients whose connection is established may have sent a request.
    acceptor.accept_waiting(&listener);
    drop(listener);
    let stop = acceptor.stop;
    stop.send_replace(true);
    router.stop_uploads();
    let break_off = async {
        sleep_until(end - (GRACE - BREAK_OFF_AFTER)).await;
        loop {
            router.break_off();
            sleep(INTERRUPT_EVERY).await;
        }
    };
    let ended = async {
        tokio::select! {
            () = stop.closed() => {}
            () = break_off => {}
        }
    };
    let _ = timeout_at(end, ended).await;
    finisher.abort();
    // It may be reading. The runtime must not end before that.
    let _ = finisher.await;
}

/// Serves the metrics until the runtime ends, also while the server stops.
pub async fn serve_metrics(listener: Listener, router: Router) {
    let acceptor = Acceptor::new(router, METRICS_CONNECTIONS, METRICS_RESERVED);
    acceptor
        .accept_until(&listener, std::future::pending())
        .await;
}

/// Accepts connections.
#[derive(Debug)]
struct Acceptor {
    router: Router,
    slots: Arc<Slots>,
    reserved: Arc<Slots>,
    stop: watch::Sender<bool>,
}

impl Acceptor {
    /// Serves `places` connections, and answers `reserved` others with `/healthz` or 503.
    fn new(router: Router, places: usize, reserved: usize) -> Self {
        Self {
            router,
            slots: Slots::new(places),
            reserved: Slots::reserve(reserved),
            stop: watch::Sender::new(false),
        }
    }

    /// Accepts connections until `shutdown` completes.
    async fn accept_until(&self, listener: &Listener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        // Closed when there is no other descriptor for a connection, which is then refused.
        let mut spare = spare_file();
        loop {
            let accept = async {
                let _ = timeout(ACCEPT_PAUSE, self.reserved.let_leave()).await;
                listener.accept().await
            };
            let accepted = tokio::select! {
                accepted = accept => accepted,
                () = &mut shutdown => return,
            };
            match accepted {
                Ok((stream, address)) => self.start(stream, address),
                Err(error) if limits::is_out_of_files(&error) && spare.is_some() => {
                    drop(spare.take());
                    if let Ok(Ok((stream, _))) = timeout(ACCEPT_PAUSE, listener.accept()).await {
                        self.refuse(&stream);
                    }
                    spare = spare_file();
                }
                Err(error) => {
                    warn!(%error, "no connection could be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    spare = spare.or_else(spare_file);
                }
            }
        }
    }

    /// Accepts the connections that are established, without waiting for others.
    fn accept_waiting(&self, listener: &Listener) {
        for _ in 0..BACKLOG {
            let Ok((stream, address)) = listener.accept_now() else {
                return;
            };
            self.start(stream, address);
        }
    }

    /// Serves a connection, or refuses it if there are too many.
    fn start(&self, stream: Stream, address: IpAddr) {
        let activity = Arc::new(Activity::default());
        let (slot, is_single) = match self.slots.take(&activity) {
            Some(slot) => (slot, false),
            None => match self.reserved.take(&activity) {
                Some(slot) => (slot, true),
                None => return self.refuse(&stream),
            },
        };
        let connection = Connection {
            stream,
            router: self.router.of_client(address, is_single),
            activity,
            time_outs: if is_single {
                RESERVED_TIME_OUTS
            } else {
                TIME_OUTS
            },
            is_single,
            stopping: self.stop.subscribe(),
            slot,
        };
        tokio::spawn(connection.serve());
    }

    /// Answers 503 without reading the request.
    fn refuse(&self, stream: &Stream) {
        // The buffer of a new connection has space for it. If the request has arrived, it is read, so that the close does
        // not reset the connection.
        let _ = send(stream, &self.router.overloaded(), SendFlags::DONTWAIT);
        let _ = recv(stream, &mut [0; 4096], RecvFlags::DONTWAIT);
    }
}

fn spare_file() -> Option<File> {
    File::open("/dev/null").ok()
}
