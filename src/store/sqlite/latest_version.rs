//! The data version at this moment, without a query.
//!
//! Each commit, by any program, changes the header of the WAL-index, the file `-shm`, before it returns
//! (<https://sqlite.org/walformat.html#the_wal_index_header>). A reader records which version it saw for which header.
//! While the header is unchanged, the version is too. Reading the header takes a tenth of the time of a query, and no
//! lock.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::identify::beside;
use super::open_file::{OpenFile, Stamp};
use crate::store::OpenMode;
use crate::store::version::Version;

/// The WAL-index header: a counter of commits, and the length and the checksums of the log.
pub(in crate::store) type Head = [u8; 48];

/// How far checkpoints have moved the log into the file (<https://sqlite.org/walformat.html#the_checkpoint_information>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct CheckpointState {
    /// Changes when the log starts anew.
    salts: [u8; 8],
    /// The number of frames that are in the file.
    moved: [u8; 4],
    /// The number of frames that will be in the file when the checkpoint that is running ends.
    attempted: [u8; 4],
}

impl CheckpointState {
    /// Whether a checkpoint is changing the file, or was broken off.
    pub(in crate::store) fn is_running(&self) -> bool {
        self.moved != self.attempted
    }
}

/// The version that a reader saw last, and how to find out whether it still holds.
#[derive(Debug)]
pub(in crate::store) struct LatestVersion {
    source: VersionSource,
    file_number: u32,
    recorded: RwLock<Option<(Head, Version)>>,
}

#[derive(Debug)]
enum VersionSource {
    /// No program writes the file: the version never changes.
    Immutable,
    /// The open file `-shm`. Closing it drops SQLite's locks on it (<https://sqlite.org/howtocorrupt.html>, §2.2), so
    /// that it must stay open until the last connection is closed.
    WalIndex(File),
    /// Other programs change the file, which has no WAL-index: its length and its time tell.
    Published {
        file: Arc<OpenFile>,
        /// What the file must look like, if it is taken as immutable.
        immutable: Option<Stamp>,
    },
    /// The file has no WAL-index, or it cannot be read: only a reader can tell.
    Unknown,
}

impl LatestVersion {
    /// Returns the version source of the database at `path`, to which a connection is open.
    ///
    /// `file_number` tells it from other files that the store opened before.
    pub(in crate::store) fn new(path: &Path, mode: OpenMode, file_number: u32) -> Self {
        let source = match mode {
            OpenMode::Immutable | OpenMode::ImmutableWithLog | OpenMode::Published => {
                VersionSource::Immutable
            }
            OpenMode::ReadWrite => File::open(beside(path, "-shm"))
                .map_or(VersionSource::Unknown, VersionSource::WalIndex),
            // No connection stays open, and the file may be removed and made again. An open one would keep its space, which a
            // full disk may lack for the next.
            OpenMode::ReadOnly => VersionSource::Unknown,
        };
        Self {
            source,
            file_number,
            recorded: RwLock::default(),
        }
    }

    /// Returns the version source of a file that other programs change. `immutable` is what it looked like when it was opened,
    /// if it is taken as immutable.
    pub(in crate::store) fn of_published(
        file: &Arc<OpenFile>,
        immutable: Option<Stamp>,
        file_number: u32,
    ) -> Self {
        Self {
            source: VersionSource::Published {
                file: file.clone(),
                immutable,
            },
            file_number,
            recorded: RwLock::default(),
        }
    }

    /// Returns the version at this moment, or `None` if no reader has seen the current state yet.
    pub(in crate::store) fn get(&self) -> Option<Version> {
        let (head, version) = self.recorded()?;
        (self.head()? == head).then_some(version)
    }

    /// Returns the current state of the WAL-index. `None` if there is none, or while a commit changes it.
    pub(in crate::store) fn head(&self) -> Option<Head> {
        match &self.source {
            VersionSource::Immutable => Some([0; 48]),
            VersionSource::WalIndex(file) => {
                // The header is stored twice. The copies differ while a commit writes them.
                let mut copies = [0; 96];
                file.read_exact_at(&mut copies, 0).ok()?;
                let (first, second) = copies.split_first_chunk::<48>()?;
                (first == second).then_some(*first)
            }
            VersionSource::Published { file, immutable } => {
                let stamp = file.stamp().ok()?;
                if immutable.is_some_and(|opened| opened != stamp) {
                    return None;
                }
                let mut head = [0; 48];
                head[..24].copy_from_slice(&stamp.settled_bytes()?);
                Some(head)
            }
            VersionSource::Unknown => None,
        }
    }

    /// Returns the state of the checkpoints. `None` if there is no WAL-index, or it cannot be read.
    pub(in crate::store) fn checkpoints(&self) -> Option<CheckpointState> {
        let VersionSource::WalIndex(file) = &self.source else {
            return None;
        };
        let mut state = CheckpointState::default();
        file.read_exact_at(&mut state.salts, 32).ok()?;
        file.read_exact_at(&mut state.moved, 96).ok()?;
        file.read_exact_at(&mut state.attempted, 128).ok()?;
        Some(state)
    }

    /// Returns the number of the file among those that the store opened one after the other.
    pub(in crate::store) fn file_number(&self) -> u32 {
        self.file_number
    }

    /// Records `version`, read in a snapshot that began after `head` was the state of the WAL-index.
    pub(in crate::store) fn record(&self, head: Head, version: Version) {
        if self
            .recorded()
            .is_some_and(|(recorded, _)| recorded == head)
        {
            return;
        }
        // If a commit came in between, the version may be of either state.
        if self.head() == Some(head) {
            let mut recorded = self
                .recorded
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *recorded = Some((head, version));
        }
    }

    fn recorded(&self) -> Option<(Head, Version)> {
        *self.recorded.read().unwrap_or_else(PoisonError::into_inner)
    }
}
