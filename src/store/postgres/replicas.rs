//! The streaming standbys that pages are read from.
//!
//! A page is read from a standby only if the version that the page's own snapshot sees there is the one that the primary gave
//! for the request. A standby that is behind shows older data. One that is ahead shows a commit that the primary does not show
//! yet, so that the next page, from the primary, would be older. In both cases the page is read from the primary, and so it
//! is after every error: no request fails because of a standby.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

use super::connect::ServerAddress;
use super::link::Link;
use super::origin::{Origin, Position};
use super::readers::{FAST_TIME, spawn};
use super::session::PostgresSession;
use crate::caller::CallerKey;
use crate::store::sqlite::readers::Work;
use crate::store::turn_queue::{Turn, TurnLimits, TurnQueue};
use crate::store::{ReplicaCounters, Snapshot, StoreError};

/// The connections to each standby.
const THREADS: usize = 8;
/// The reads that do not fit are the primary's. A caller does not use all connections, so that there is one for others.
const LIMITS: TurnLimits = TurnLimits {
    running: THREADS - 2,
    waiting: 64,
    ..TurnLimits::NONE
};
/// How long a request waits for a standby, before the page is read from the primary.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the start of a server waits for a standby.
const PATIENCE_AT_START: Duration = Duration::from_secs(5);
/// How often a standby that is left out is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// A read of a request.
#[derive(Debug)]
pub(super) struct Read<F> {
    pub run: F,
    /// The queue of the background lane of the primary.
    pub background: Option<SyncSender<Work>>,
}

/// A read that a thread of a standby runs.
type Job = Box<dyn FnOnce(&mut Link) + Send>;

/// How a read ended at a standby.
enum Outcome<A> {
    /// It is the answer of the request.
    Answered(A),
    /// The standby shows another state, or cancelled the read, as it does when it must replay what conflicts with it
    /// (<https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT>).
    Unusable,
    /// The standby cannot be reached.
    Unreachable(StoreError),
}

/// The standbys of a database.
#[derive(Debug)]
pub(super) struct Replicas {
    replicas: Vec<Replica>,
    /// How many reads were given to standbys, which take turns.
    turns: AtomicUsize,
    /// The pages that were read from standbys.
    served: AtomicUsize,
    /// The pages that were read from the primary instead.
    refused: AtomicUsize,
}

#[derive(Debug)]
struct Replica {
    server: Arc<ServerAddress>,
    is_left_out: Arc<AtomicBool>,
    queue: Arc<TurnQueue<Job>>,
    /// Ends the thread that tries the standby again, when it is dropped.
    _closing: Sender<()>,
}

impl Replicas {
    /// Connects to the standbys of `server`, whose data is of `origin`. One that cannot be reached is left out until it can.
    ///
    /// # Errors
    ///
    /// Fails if one of them serves other data, or if the operating system starts no thread.
    pub(super) fn start(server: &ServerAddress, origin: Origin) -> Result<Self, StoreError> {
        let replicas = server.replicas().iter();
        Ok(Self {
            replicas: replicas
                .map(|replica| Replica::start(replica, server, origin))
                .collect::<Result<_, _>>()?,
            turns: AtomicUsize::default(),
            served: AtomicUsize::default(),
            refused: AtomicUsize::default(),
        })
    }

    /// Runs `read` over one snapshot of a standby that shows the state `wanted`. `None`: it must be run at the primary.
    pub(super) async fn read<T, E, F>(
        &self,
        wanted: Position,
        caller: CallerKey,
        read: &Arc<Read<F>>,
    ) -> Option<Result<T, E>>
    where
        F: Fn(&Snapshot<'_>) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = match self.next() {
            Some(replica) => replica.read(wanted, caller, read).await,
            None => None,
        };
        let counter = match answer {
            Some(_) => &self.served,
            None => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// Returns the standby whose turn it is.
    fn next(&self) -> Option<&Replica> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) % self.replicas.len();
        let (before, after) = self.replicas.split_at(turn);
        let mut in_turn = after.iter().chain(before);
        in_turn.find(|replica| !replica.is_left_out.load(Ordering::Relaxed))
    }

    /// Returns how many pages were read where.
    pub(super) fn counters(&self) -> ReplicaCounters {
        ReplicaCounters {
            served: self.served.load(Ordering::Relaxed) as u64,
            refused: self.refused.load(Ordering::Relaxed) as u64,
        }
    }
}

impl Replica {
    fn start(
        server: &Arc<ServerAddress>,
        primary: &ServerAddress,
        origin: Origin,
    ) -> Result<Self, StoreError> {
        let queue = Arc::new(TurnQueue::new(LIMITS));
        let (closing, closed) = channel();
        let (first, first_answer) = channel();
        let is_left_out = Arc::new(AtomicBool::new(false));
        // No thread is waited for at the end: one of them may wait for a server that does not answer.
        let (link, left_out) = (Link::new(server, None), is_left_out.clone());
        spawn("replica-check", move || {
            check(link, origin, &first, &closed, &left_out);
        })?;
        for _ in 0..THREADS {
            let (queue, link) = (queue.clone(), Link::new(server, Some(FAST_TIME)));
            spawn("replica-reader", move || run(&queue, link))?;
        }
        let replica = Self {
            server: server.clone(),
            is_left_out,
            queue,
            _closing: closing,
        };
        match first_answer.recv_timeout(PATIENCE_AT_START) {
            Ok(Ok(found)) if found.is_copy_of(&origin) => {}
            Ok(Ok(found)) if found.may_become_copy_of(&origin) => {
                replica.leave_out("it has no tables of cf-packages yet");
            }
            Ok(Ok(_)) => {
                return Err(StoreError::file(
                    server.shown(),
                    format!(
                        "is no streaming standby of `{}`; name a standby of that server, with the same database and `search_path`, or leave it out",
                        primary.shown().display()
                    ),
                ));
            }
            Ok(Err(error)) => replica.leave_out(&error.fault()),
            Err(_) => replica.leave_out("it does not answer"),
        }
        Ok(replica)
    }

    async fn read<T, E, F>(
        &self,
        wanted: Position,
        caller: CallerKey,
        read: &Arc<Read<F>>,
    ) -> Option<Result<T, E>>
    where
        F: Fn(&Snapshot<'_>) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        // A thread that waits for a server keeps nothing of the request.
        let read = Arc::downgrade(read);
        let job: Job = Box::new(move |link| {
            // Fails if the request no longer waits.
            let _ = sender.send(read_at(link, wanted, &read));
        });
        // The request of a read that is dropped goes to the primary.
        drop(self.queue.add(caller, job));
        match timeout(PATIENCE, receiver).await {
            Ok(Ok(Outcome::Answered(answer))) => return Some(answer),
            Ok(Ok(Outcome::Unreachable(error))) => self.leave_out(&error.fault()),
            // The read panicked or was dropped, or it is for the primary.
            Ok(Ok(Outcome::Unusable) | Err(_)) => {}
            Err(_) => self.leave_out("it does not answer"),
        }
        None
    }

    fn leave_out(&self, cause: &str) {
        if !self.is_left_out.swap(true, Ordering::Relaxed) {
            warn!(
                "the replica `{}` is left out: {cause}; pages are read from the other servers until it can be used",
                self.server.shown().display()
            );
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Runs `read` over a snapshot of a standby, if that shows the state `wanted`.
fn read_at<T, E, F>(
    link: &mut Link,
    wanted: Position,
    read: &Weak<Read<F>>,
) -> Outcome<Result<T, E>>
where
    F: Fn(&Snapshot<'_>) -> Result<T, E>,
{
    let session = match link.begin(PostgresSession::begin_read) {
        Ok(session) => session,
        Err(error @ StoreError::Unreachable(_)) => return Outcome::Unreachable(error),
        Err(_) => return Outcome::Unusable,
    };
    let answer = match (session.stored_version(), read.upgrade()) {
        (Ok((stored, origin)), Some(read))
            if stored.is_copy_of(&wanted.stored) && Some(origin) == wanted.origin =>
        {
            session.set_version(wanted.version);
            let snapshot = Snapshot::of_session(session, read.background.as_ref());
            Some((read.run)(&snapshot))
        }
        _ => None,
    };
    // A standby also ends connections to replay what conflicts with them. One that is gone is found by the next read.
    match answer {
        Some(answer) if session.failure().is_none() => Outcome::Answered(answer),
        _ => Outcome::Unusable,
    }
}

/// Runs reads until the queue is closed.
fn run(queue: &TurnQueue<Job>, mut link: Link) {
    queue.serve(|turn| {
        let Turn::Run(_, job) = turn else {
            return;
        };
        if catch_unwind(AssertUnwindSafe(|| job(&mut link))).is_err() {
            link.drop_connection();
        }
        link.finish();
    });
}

/// Asks a standby for the origin of its data once, and again while it is left out, until it can be used.
fn check(
    mut link: Link,
    origin: Origin,
    first: &Sender<Result<Origin, StoreError>>,
    closed: &Receiver<()>,
    is_left_out: &AtomicBool,
) {
    // The server may have stopped waiting.
    let _ = first.send(link.ask(PostgresSession::origin));
    // The next question goes to the server that answers then.
    link.drop_connection();
    while closed.recv_timeout(RETRY) == Err(RecvTimeoutError::Timeout) {
        if !is_left_out.load(Ordering::Relaxed) {
            continue;
        }
        let found = link.ask(PostgresSession::origin);
        link.drop_connection();
        if found.is_ok_and(|found| found.is_of_database(&origin)) {
            is_left_out.store(false, Ordering::Relaxed);
            info!(
                "the replica `{}` is used again",
                link.server().shown().display()
            );
        }
    }
}
