//! How long a connection waits for the locks of others.
//!
//! SQLite gives a lock to the first one that asks when it is free, and its own time-out asks every 100 ms once it has
//! waited for long (<https://sqlite.org/c3ref/busy_timeout.html>). Beside programs that write without pause, a program
//! that has waited for long then gets the lock last. Here all ask often, at random moments.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use uuid::Uuid;

use crate::signals;

/// How long a connection waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Patience {
    /// 5 seconds, as long as a client waits.
    Request,
    /// 30 seconds, as long as a client waits that has sent a large file. Less than what is stored of an upload is kept.
    Upload,
    /// A minute, as long as the user of a command waits.
    Command,
}

impl Patience {
    /// Returns the time.
    pub(in crate::store) fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Request => REQUEST,
            Self::Upload => UPLOAD,
            Self::Command => COMMAND,
        })
    }

    /// Makes a connection wait that long.
    pub(in crate::store) fn set(self, connection: &Connection) -> rusqlite::Result<()> {
        connection.busy_handler(Some(match self {
            Self::Request => wait_for::<REQUEST>,
            Self::Upload => wait_for::<UPLOAD>,
            Self::Command => wait_for::<COMMAND>,
        }))
    }
}

/// Makes a connection wait until then. It must be used on this thread only, until it is to wait for another time.
pub(in crate::store) fn wait_until(
    connection: &Connection,
    deadline: Instant,
) -> rusqlite::Result<()> {
    DEADLINE.set(deadline);
    connection.busy_handler(Some(|_| wait_a_moment(DEADLINE.get())))
}

thread_local! {
    /// When the statement that runs on this thread began to wait.
    static BEGIN: Cell<Instant> = Cell::new(Instant::now());
    /// The last argument of [`wait_until`] on this thread.
    static DEADLINE: Cell<Instant> = Cell::new(Instant::now());
}

/// In seconds.
const REQUEST: u64 = 5;
/// In seconds.
const UPLOAD: u64 = 30;
/// In seconds.
const COMMAND: u64 = 60;
/// The longest time between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(4);

/// Waits a moment. Returns whether to try again. `tries` counts the tries of one statement, from 0.
fn wait_for<const SECONDS: u64>(tries: i32) -> bool {
    if tries == 0 {
        BEGIN.set(Instant::now());
    }
    wait_a_moment(BEGIN.get() + Duration::from_secs(SECONDS))
}

/// Waits a moment. Returns whether to try again: until `deadline`, or until a signal ends the work.
pub(in crate::store) fn wait_a_moment(deadline: Instant) -> bool {
    if Instant::now() >= deadline || signals::received().is_some() {
        return false;
    }
    let (random, _) = Uuid::new_v4().as_u64_pair();
    let share = (random >> 48) as u32;
    std::thread::sleep(LONGEST_PAUSE * share / (1 << 16));
    true
}
