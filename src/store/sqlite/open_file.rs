//! Whether the path of an open database still leads to the file that was opened, and whether another program overwrote
//! that file. SQLite itself notices neither in the WAL mode (<https://sqlite.org/howtocorrupt.html>, §1 and §2.4).

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use rustix::process::{Flock, FlockType, fcntl_getlk};
use xxhash_rust::xxh3::xxh3_128;

use super::connect::connect;
use super::header::Header;
use super::identify::{beside, real_path};
use super::latest_version::{CheckpointState, LatestVersion};
use crate::error_text::os_error;
use crate::store::{OpenMode, StoreError};

/// The tables whose root pages differ between any two databases, and between any two states of one database. Together
/// with the first page they tell whether a file was overwritten.
const TELLING_TABLES: &str = "('versions', 'sqlite_sequence', 'token_keys')";

/// Two changes of a file that are further apart have different times, where times have fractions of a second.
const FINE_TIMES: Duration = Duration::from_millis(20);
/// The same, where times are whole seconds.
const COARSE_TIMES: Duration = Duration::from_secs(3);

/// An open database file.
#[derive(Debug)]
pub(in crate::store) struct OpenFile {
    /// The path as it was given, which may be a symbolic link.
    given: PathBuf,
    /// The path of the file.
    real: PathBuf,
    /// Closing it drops SQLite's locks on the file (<https://sqlite.org/howtocorrupt.html>, §2.2), so that it must stay
    /// open until the last connection is closed.
    handle: File,
    id: FileId,
    /// The `-wal` and the `-shm`, if the file has them.
    side_files: Vec<(PathBuf, FileId)>,
    /// Where the telling pages are: offset and length, in bytes.
    pages: Vec<(u64, usize)>,
    content: Mutex<Content>,
}

/// A file among all files of the machine, whatever its name.
type FileId = (u64, u64);

/// What the file held.
#[derive(Debug, Default)]
struct Content {
    /// The state of the checkpoints, and what the file looked like. Only a checkpoint may change the file.
    last: Option<(CheckpointState, Look)>,
    /// Whether the file changed without a checkpoint. Once true, it stays true.
    is_overwritten: bool,
}

/// What the file looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    /// A hash of the telling pages, and the length of the file.
    pages: (u128, u64),
    /// When it was written last. This tells that other pages changed, but a program can set it without a change.
    modified: Option<SystemTime>,
}

/// What happened to an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Loss {
    /// No file is at the path.
    Removed,
    /// Another file is at the path.
    Replaced,
    /// Another program wrote to the file.
    Overwritten,
    /// The `-wal` or the `-shm` is not the one that was opened.
    SideFile,
}

/// What a file that no program writes looked like. It differs once the file is replaced or overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Stamp {
    id: FileId,
    length: u64,
    modified: Option<SystemTime>,
}

/// What a file and its write-ahead log looked like. An empty log counts as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Stamps {
    pub(in crate::store) file: Stamp,
    log: Option<Stamp>,
}

impl OpenFile {
    /// Opens the file at `real`, before SQLite opens it.
    pub(in crate::store) fn open(given: &Path, real: &Path) -> Result<Self, StoreError> {
        let opened = File::open(real).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, handle) = opened.map_err(|error| {
            StoreError::file(real, format!("cannot be read: {}", os_error(&error)))
        })?;
        Ok(Self {
            given: given.to_owned(),
            real: real.to_owned(),
            handle,
            id: id(&metadata),
            side_files: Vec::new(),
            pages: Vec::new(),
            content: Mutex::default(),
        })
    }

    /// Records where the telling pages are, once `connection` has read the file, and, if they are to stay, the files beside
    /// it.
    ///
    /// # Errors
    ///
    /// Fails if another file has the path by now, which `connection` may have opened.
    pub(in crate::store) fn opened_by(
        mut self,
        connection: &Connection,
        keeps_side_files: bool,
    ) -> Result<Self, StoreError> {
        let suffixes: &[_] = if keeps_side_files {
            &["-wal", "-shm"]
        } else {
            &[]
        };
        for suffix in suffixes {
            let path = beside(&self.real, suffix);
            if let Ok(metadata) = fs::metadata(&path) {
                self.side_files.push((path, id(&metadata)));
            }
        }
        let size: u32 = connection.query_row("pragma page_size", [], |row| row.get(0))?;
        let sql = format!("select rootpage from sqlite_schema where name in {TELLING_TABLES}");
        let mut statement = connection.prepare(&sql)?;
        let roots = statement.query_map([], |row| row.get::<_, u32>(0))?;
        self.pages = vec![(0, size as usize)];
        for root in roots {
            let offset = u64::from(root?.saturating_sub(1)) * u64::from(size);
            self.pages.push((offset, size as usize));
        }
        self.require_unmoved()?;
        Ok(self)
    }

    /// Fails if another file has the path by now.
    pub(super) fn require_unmoved(&self) -> Result<(), StoreError> {
        match self.moved(&self.given) {
            None => Ok(()),
            Some(_) => Err(StoreError::file(
                &self.real,
                "was replaced while it was opened; run the command again",
            )),
        }
    }

    /// Returns the path as it was given.
    pub(in crate::store) fn given(&self) -> &Path {
        &self.given
    }

    /// Returns the stamp of the file, wherever its path leads by now.
    pub(in crate::store) fn stamp(&self) -> io::Result<Stamp> {
        self.handle.metadata().map(|metadata| Stamp::new(&metadata))
    }

    /// Reads the header of the file. Returns `None` if it is shorter.
    pub(super) fn header(&self) -> Option<Header> {
        let mut header = [0; 100];
        let read = self.handle.read_exact_at(&mut header, 0);
        read.is_ok().then_some(Header(header))
    }

    /// Returns whether another program waits until it can write the file, or writes it: it then has the lock on the pending
    /// byte (<https://sqlite.org/lockingv3.html>).
    pub(super) fn is_waited_for(&self) -> bool {
        let pending_byte = Flock {
            start: 0x4000_0000,
            length: 1,
            ..Flock::from(FlockType::ReadLock)
        };
        fcntl_getlk(&self.handle, &pending_byte).is_ok_and(|lock| lock.is_some())
    }

    /// Returns what happened to the file, if anything. Asks the operating system, and reads a few pages of the file.
    pub(in crate::store) fn loss(&self, latest: &LatestVersion) -> Option<Loss> {
        self.loss_at(&self.given, latest)
    }

    /// Like [`loss`](Self::loss), but a symbolic link through which the file was opened may lead elsewhere by now.
    pub(in crate::store) fn loss_behind_link(&self, latest: &LatestVersion) -> Option<Loss> {
        self.loss_at(&self.real, latest)
    }

    fn loss_at(&self, path: &Path, latest: &LatestVersion) -> Option<Loss> {
        let moved = self.moved(path);
        if matches!(moved, Some(Loss::Removed | Loss::Replaced)) {
            return moved;
        }
        if self.is_overwritten(latest) {
            return Some(Loss::Overwritten);
        }
        moved
    }

    /// Fails with [`StoreError::Lost`] if something happened to the file.
    pub(in crate::store) fn lost(&self, latest: &LatestVersion) -> Result<(), StoreError> {
        match self.loss(latest) {
            None => Ok(()),
            Some(loss) => Err(StoreError::Lost(self.sentence(loss))),
        }
    }

    /// Returns whether `path`, or that of a file beside the file, leads elsewhere.
    fn moved(&self, path: &Path) -> Option<Loss> {
        match file_id(path) {
            // Other programs look for `-wal` and `-shm` beside the file that a symbolic link leads to.
            Ok(id) if id == self.id && real_path(path) != self.real => return Some(Loss::Removed),
            Ok(id) if id == self.id => {}
            Ok(_) => return Some(Loss::Replaced),
            Err(error) if is_gone(&error) => return Some(Loss::Removed),
            // For example, a network file system does not answer. If that lasts, SQLite reports it.
            Err(_) => {}
        }
        let is_lost = |(path, opened): &(PathBuf, FileId)| match file_id(path) {
            Ok(id) => id != *opened,
            Err(error) => is_gone(&error),
        };
        self.side_files
            .iter()
            .any(is_lost)
            .then_some(Loss::SideFile)
    }

    /// Returns whether the files at the paths of the `-wal` and the `-shm` are those that were opened.
    pub(in crate::store) fn has_side_files(&self) -> bool {
        let is_own =
            |(path, opened): &(PathBuf, FileId)| file_id(path).is_ok_and(|id| id == *opened);
        self.side_files.iter().all(is_own)
    }

    /// Returns the sentence about a loss.
    pub(in crate::store) fn sentence(&self, loss: Loss) -> String {
        let name = self.given.display();
        match loss {
            Loss::Removed => format!(
                "`{name}` was removed or moved while it was open; put it back, or stop the program and restore it"
            ),
            Loss::Replaced => format!(
                "`{name}` was replaced while it was open; restart the program to use the new file"
            ),
            Loss::Overwritten => format!(
                "`{name}` was overwritten while it was open; stop the program, run `cf-packages check`, and restore the file if it is damaged"
            ),
            Loss::SideFile => format!(
                "the `-wal` or `-shm` of `{name}` was removed or replaced while the file was open; stop the program, and run `cf-packages check`"
            ),
        }
    }

    /// Returns whether the file changed although no checkpoint ran.
    fn is_overwritten(&self, latest: &LatestVersion) -> bool {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before and after the pages: a checkpoint may run in between.
        let before = latest.checkpoints();
        let look = self.look();
        let checkpoints = match (before, latest.checkpoints()) {
            (Some(before), Some(after)) if before == after && !before.is_running() => before,
            _ => return content.is_overwritten,
        };
        match content.last {
            Some((last, seen)) if last == checkpoints => {
                if seen.pages != look.pages {
                    content.is_overwritten = true;
                } else if seen.modified != look.modified {
                    self.check_contents(checkpoints, look, &mut content);
                }
            }
            _ => content.last = Some((checkpoints, look)),
        }
        content.is_overwritten
    }

    /// Finds out whether a file is damaged that was written, but not at the telling pages.
    fn check_contents(&self, checkpoints: CheckpointState, look: Look, content: &mut Content) {
        match is_damaged(&self.real) {
            Ok(true) => content.is_overwritten = true,
            Ok(false) => {
                tracing::warn!(
                    "another program wrote to `{}`, or set its time, while it was open; no damage was found",
                    self.given.display()
                );
                content.last = Some((checkpoints, look));
            }
            // For example, the file is locked. The next look tries again.
            Err(_) => {}
        }
    }

    fn look(&self) -> Look {
        let metadata = self.handle.metadata().ok();
        Look {
            pages: (self.hash(), metadata.as_ref().map_or(0, Metadata::len)),
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
        }
    }

    /// Returns a hash of the telling pages. Pages that the file does not have yet count as zeros.
    fn hash(&self) -> u128 {
        let mut bytes = Vec::new();
        for (offset, length) in &self.pages {
            let mut page = vec![0; *length];
            let _ = self.handle.read_exact_at(&mut page, *offset);
            bytes.extend(page);
        }
        xxh3_128(&bytes)
    }
}

/// Returns whether SQLite finds the file damaged, through a connection that has cached nothing of it.
fn is_damaged(path: &Path) -> Result<bool, StoreError> {
    let connection = connect(path, OpenMode::ReadOnly)?;
    let checked = connection.query_row("pragma quick_check(1)", [], |row| row.get::<_, String>(0));
    match checked.map_err(StoreError::from) {
        Ok(found) => Ok(found != "ok"),
        Err(StoreError::Damaged(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

impl Stamp {
    /// Returns the stamp of the file that `path` leads to.
    pub(in crate::store) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::new(&metadata))
    }

    fn new(metadata: &Metadata) -> Self {
        Self {
            id: id(metadata),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }

    /// Returns the length and the time in nanoseconds as bytes, or `None` if a later change may not show in them.
    pub(super) fn settled_bytes(&self) -> Option<[u8; 24]> {
        let modified = self.modified.filter(|_| self.is_settled())?;
        let nanoseconds = modified.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.length.to_ne_bytes());
        bytes[8..].copy_from_slice(&nanoseconds.to_ne_bytes());
        Some(bytes)
    }

    /// Whether each later change of the file must show in another stamp: times have the resolution of the system's timer, or
    /// on some file systems of one or two seconds.
    pub(in crate::store) fn is_settled(&self) -> bool {
        let since_epoch = self
            .modified
            .and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        since_epoch.is_some_and(|time| {
            let has_fraction = time.subsec_nanos() != 0;
            self.is_older_than(if has_fraction {
                FINE_TIMES
            } else {
                COARSE_TIMES
            })
        })
    }

    /// Whether both are of the same file, whatever its names.
    pub(in crate::store) fn is_of_same_file(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Whether the file was last changed longer than that ago.
    pub(in crate::store) fn is_older_than(&self, age: Duration) -> bool {
        let modified = self.modified.and_then(|modified| modified.elapsed().ok());
        modified.is_some_and(|elapsed| elapsed > age)
    }
}

impl Stamps {
    /// Returns the stamps of the file at `path` and of its log.
    pub(in crate::store) fn of(path: &Path) -> io::Result<Self> {
        let log = Stamp::of(&beside(path, "-wal")).ok();
        Ok(Self {
            file: Stamp::of(path)?,
            log: log.filter(|log| log.length > 0),
        })
    }

    /// Whether both were last changed longer than that ago.
    pub(in crate::store) fn are_older_than(&self, age: Duration) -> bool {
        let log = self.log.is_none_or(|log| log.is_older_than(age));
        log && self.file.is_older_than(age)
    }
}

/// Returns the error for a file that was taken as immutable, and changed while it was read.
pub(in crate::store) fn changed_meanwhile(path: &Path) -> StoreError {
    StoreError::file(
        path,
        "was changed by another program while it was read; run the command again, or let this user write the file and its folder",
    )
}

fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

fn file_id(path: &Path) -> io::Result<FileId> {
    fs::metadata(path).map(|metadata| id(&metadata))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
