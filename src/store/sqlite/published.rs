//! A file that this program serves and only other programs change: by renaming another file to its path, or in place.
//!
//! A file in the WAL mode is taken as immutable: once it changed, reads fail until it is opened again. A file with a
//! rollback journal is read with SQLite's locks, and each state of it is served. Its change counter is not enough to find a
//! new state: Litestream writes pages under SQLite's locks, but changes the counter only if the first page is among them.
//! So each read compares the length and the time of the file, which a write changes before it writes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_128;

use super::busy::Patience;
use super::open::check_contents;
use super::open_file::{OpenFile, Stamp};
use super::schema;
use crate::store::StoreError;
use crate::store::migrate::SCHEMA_VERSION;
use crate::store::version::Version;

/// How long a read waits at most for the end of the reads that keep another program from writing.
const LONGEST_TURN: Duration = Duration::from_millis(100);

/// An open file that other programs change.
#[derive(Debug)]
pub(in crate::store) struct PublishedFile {
    file: Arc<OpenFile>,
    /// What the file looked like when it was opened, if it is taken as immutable.
    immutable: Option<Stamp>,
    known: Mutex<Known>,
    /// The number of reads that hold SQLite's lock.
    reading: Mutex<u32>,
    read_ended: Condvar,
    numbers: Arc<AtomicU32>,
}

/// What is known of the last state that was read.
#[derive(Debug)]
struct Known {
    /// What the file looked like, if a later change must show.
    stamp: Option<Stamp>,
    state: State,
    /// Why the state cannot be served, if it cannot.
    fault: Option<String>,
}

/// A state of the file.
#[derive(Clone, Copy, Debug)]
struct State {
    /// Changes with the schema (<https://sqlite.org/pragma.html#pragma_schema_version>).
    schema_cookie: i64,
    /// A hash of the token keys, which differ between any two databases.
    keys: u128,
    /// The version as it is stored.
    stored: Version,
    /// The number of the database among those that the store read one after the other.
    number: u32,
}

/// A read that holds SQLite's lock until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'f>(&'f PublishedFile);

impl PublishedFile {
    /// Returns the file that `connection` opened, whose contents were checked. `immutable` is what it looked like before, if
    /// it is taken as immutable. `numbers` is shared with the files that the store opens later.
    pub(in crate::store) fn new(
        file: &Arc<OpenFile>,
        immutable: Option<Stamp>,
        connection: &Connection,
        number: u32,
        numbers: &Arc<AtomicU32>,
    ) -> Result<Self, StoreError> {
        let state = State::read(connection, number)?;
        Ok(Self {
            file: file.clone(),
            immutable,
            known: Mutex::new(Known {
                stamp: None,
                state,
                fault: None,
            }),
            reading: Mutex::default(),
            read_ended: Condvar::new(),
            numbers: numbers.clone(),
        })
    }

    /// Returns the counter of the databases that the store read.
    pub(in crate::store) fn numbers(&self) -> &Arc<AtomicU32> {
        &self.numbers
    }

    /// Returns whether this is the file that `seen` is of.
    pub(in crate::store) fn is_same_file(&self, seen: &Stamp) -> bool {
        self.file
            .stamp()
            .is_ok_and(|stamp| stamp.is_of_same_file(seen))
    }

    /// Returns why the file cannot be served without opening it again, if so.
    pub(in crate::store) fn fault(&self) -> Option<String> {
        let fault = self.known().fault.clone();
        fault.or_else(|| self.require_servable().err().map(|error| error.to_string()))
    }

    /// Fails with [`StoreError::Lost`] if the file is taken as immutable and has changed, or if it is not one that SQLite reads
    /// with its locks alone. Another program may be writing it.
    fn require_servable(&self) -> Result<Stamp, StoreError> {
        let stamp = self.file.stamp().map_err(|_| self.overwritten())?;
        let is_servable = match self.immutable {
            Some(opened) => stamp == opened,
            None => {
                let header = self.file.header();
                header.is_some_and(|header| header.is_ours() && !header.is_wal())
            }
        };
        if is_servable {
            Ok(stamp)
        } else {
            Err(self.overwritten())
        }
    }

    fn overwritten(&self) -> StoreError {
        self.lost("was overwritten, or is being overwritten")
    }

    fn lost(&self, what: impl std::fmt::Display) -> StoreError {
        StoreError::Lost(format!(
            "`{}` {what}, while it was served",
            self.file.given().display()
        ))
    }

    /// Runs `read` over one snapshot. `seen` is what the file looked like when `connection` cached pages of it. `read` gets
    /// the version of the snapshot, or `None` if the file is taken as immutable.
    ///
    /// # Errors
    ///
    /// Fails like `read`, and with [`StoreError::Lost`] if the file changed meanwhile, or cannot be served.
    pub(super) fn read<T, E: From<StoreError>>(
        &self,
        connection: &mut Connection,
        seen: &mut Option<Stamp>,
        read: impl FnOnce(&Connection, Option<Version>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.immutable.is_some() {
            let transaction = connection.transaction().map_err(StoreError::from)?;
            let answer = read(&transaction, None);
            self.require_servable()?;
            return answer;
        }
        let _turn = self.wait_for_turn();
        let deadline = Instant::now() + Patience::Request.duration();
        loop {
            let stamp = match *seen {
                Some(seen) if self.file.stamp().is_ok_and(|stamp| stamp == seen) => seen,
                _ => {
                    // The pages in its cache may be of an earlier state.
                    connection
                        .execute_batch("pragma shrink_memory")
                        .map_err(StoreError::from)?;
                    self.require_servable()?
                }
            };
            *seen = None;
            let transaction = connection.transaction().map_err(StoreError::from)?;
            let version = self.lock(&transaction, stamp)?;
            // Another program wrote before this read had the lock.
            let Some(version) = version else {
                if Instant::now() > deadline {
                    return Err(StoreError::Busy.into());
                }
                continue;
            };
            let answer = read(&transaction, Some(version));
            if !self.file.stamp().is_ok_and(|now| now == stamp) {
                // A program writes without SQLite's locks. Caches must not use what was read.
                let mut known = self.known();
                known.stamp = None;
                known.state.number = self.numbers.fetch_add(1, Ordering::Relaxed);
                return Err(self.overwritten().into());
            }
            if stamp.is_settled() {
                *seen = Some(stamp);
            }
            return answer;
        }
    }

    /// Takes SQLite's lock and returns the version of the file. Returns `None` if the file does not look like `stamp` any more.
    fn lock(&self, transaction: &Connection, stamp: Stamp) -> Result<Option<Version>, StoreError> {
        // The first statement that reads takes the lock, for which it waits.
        let schema_cookie = match schema_cookie(transaction) {
            Ok(cookie) => cookie,
            // For example, it is shorter than its header says, or a program was killed while it wrote.
            Err(
                error @ (StoreError::Damaged(_)
                | StoreError::CannotOpen(_)
                | StoreError::CannotWrite(_)),
            ) => {
                let lost = self.lost(format_args!("cannot be read ({error})"));
                self.known().fault = Some(lost.to_string());
                return Err(lost);
            }
            Err(error) => return Err(error),
        };
        if !self.file.stamp().is_ok_and(|now| now == stamp) {
            return Ok(None);
        }
        let mut known = self.known();
        if known.stamp != Some(stamp) {
            let version = schema::version(transaction)?;
            if known.state.schema_cookie != schema_cookie || version != SCHEMA_VERSION {
                match check_contents(self.file.given(), transaction) {
                    Err(error @ StoreError::File { .. }) => {
                        known.fault = Some(error.to_string());
                        return Err(StoreError::Lost(error.to_string()));
                    }
                    checked => checked?,
                }
            }
            known.fault = None;
            let former = known.state;
            let mut state = State::read(transaction, former.number)?;
            if !state.continues(&former) {
                state.number = self.numbers.fetch_add(1, Ordering::Relaxed);
            }
            known.state = state;
            known.stamp = stamp.is_settled().then_some(stamp);
        }
        Ok(Some(known.state.stored.of_history(known.state.number)))
    }

    /// Waits while another program waits to write, so that it gets its turn: within a process, SQLite lets a read begin as
    /// long as another one runs, whatever other programs wait for.
    fn wait_for_turn(&self) -> Turn<'_> {
        let deadline = Instant::now() + LONGEST_TURN;
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        while *reading > 0 && self.file.is_waited_for() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (reading, _) = self
                .read_ended
                .wait_timeout(reading, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *reading += 1;
        Turn(self)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let reading = self.0.reading.lock();
        *reading.unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.read_ended.notify_all();
    }
}

impl State {
    fn read(connection: &Connection, number: u32) -> Result<Self, StoreError> {
        let sql = "select coalesce(group_concat(hex(secret)), '') from (select secret from token_keys order by id)";
        let keys: String = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Self {
            schema_cookie: schema_cookie(connection)?,
            keys: xxh3_128(keys.as_bytes()),
            stored: Version::read(connection)?,
            number,
        })
    }

    /// Returns whether this can be a later state of the same database, whose version tells what changed.
    fn continues(&self, former: &Self) -> bool {
        self.keys == former.keys
            && (self.stored == former.stored || self.stored.is_after(&former.stored))
    }
}

fn schema_cookie(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("pragma schema_version", [], |row| row.get(0))?)
}
