//! What can go wrong with the database, each in one sentence that says what to do.

use std::path::{Path, PathBuf};

use rusqlite::ffi;

use crate::signals::{self, Signal};

/// Why the database could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not what it must be.
    #[error("`{}` {fault}", path.display())]
    File {
        /// The path of the file, as it was given.
        path: PathBuf,
        /// What is wrong with it, and what to do: a clause that follows the path in the message.
        fault: String,
    },
    /// Another connection kept the file locked for longer than the busy time-out.
    #[error("another program keeps the database locked; end it, or wait and try again")]
    Busy,
    /// The operating system does not let SQLite open the file, or create the files that it needs beside it.
    #[error("the database cannot be opened: {0}")]
    CannotOpen(String),
    /// The disk is full, a limit on the size of files is reached, or the disk fails. Nothing was changed.
    #[error("the database cannot be written: {0}; nothing was changed")]
    CannotWrite(String),
    /// SQLite found that the file is damaged.
    #[error("the database is damaged ({0}); restore it from a copy or an export")]
    Damaged(String),
    /// Any other error of SQLite.
    #[error("SQLite reports an error: {0}")]
    Sqlite(String),
    /// The server of the database cannot be reached, or refuses connections.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The connection was lost during a commit.
    #[error(
        "the connection to the database was lost during the commit ({0}), so that it is unknown whether the change was stored; look before you repeat it"
    )]
    OutcomeUnknown(String),
    /// The server of the database refuses what this program needs, until somebody changes something there. Nothing was
    /// changed.
    #[error("the database cannot be used: {0}")]
    Unusable(String),
    /// Any other error of a PostgreSQL server. Nothing was changed.
    #[error("PostgreSQL reports an error: {0}")]
    Postgres(String),
    /// The file was removed, replaced or overwritten while it was open. The text is a whole sentence.
    #[error("{0}")]
    Lost(String),
    /// A signal ended the work. What was begun is rolled back.
    #[error("stopped by {}; nothing was changed", .0.name())]
    Stopped(Signal),
    /// The store is closing and takes no more work.
    #[error("the database is being closed")]
    Closed,
    /// The read takes more steps than one read may take.
    #[error("the request needs too many steps")]
    TooExpensive,
    /// Too many reads that take many steps wait already, or this one has waited for too long.
    #[error("too many expensive requests wait; wait and try again")]
    TooManyExpensive,
}

impl StoreError {
    /// Returns the error for what is wrong with the file at `path`: `fault` is a clause that follows the path.
    pub fn file(path: &Path, fault: impl Into<String>) -> Self {
        Self::File {
            path: path.to_owned(),
            fault: fault.into(),
        }
    }

    /// Returns the error for a file that another program created at the same time as this one, after this one has read
    /// input that it cannot read again.
    pub fn made_meanwhile(path: &Path) -> Self {
        Self::file(
            path,
            "was created by another program at the same time; run the command again",
        )
    }

    /// Fails if a signal ends the work of this process.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Stopped`].
    pub fn require_no_signal() -> Result<(), Self> {
        signals::received().map_or(Ok(()), |signal| Err(Self::Stopped(signal)))
    }

    /// Returns this error with the path of the file, unless it has one.
    pub fn at(self, path: &Path) -> Self {
        match self {
            Self::File { .. }
            | Self::Lost(_)
            | Self::Stopped(_)
            | Self::Closed
            | Self::OutcomeUnknown(_) => self,
            other => Self::file(path, other.fault()),
        }
    }

    /// Returns this error with `path`, as the file was given, also if it has the path that a symbolic link leads to.
    pub(super) fn at_given(self, path: &Path, real: &Path) -> Self {
        match self {
            Self::File { path: named, fault } if named == real => Self::file(path, fault),
            other => other.at(path),
        }
    }

    /// Returns the clause that follows the path of the file in the message.
    pub(super) fn fault(&self) -> String {
        match self {
            Self::File { fault, .. } => fault.clone(),
            Self::Busy => "is kept locked by another program; end it, or wait and try again".into(),
            Self::CannotOpen(text) => {
                format!("cannot be opened: {text}; let this user write the file and its folder")
            }
            Self::CannotWrite(text) => {
                format!(
                    "cannot be written: {text}; nothing was changed; free space on the disk, or raise the limit on the size of files"
                )
            }
            Self::Damaged(text) => {
                format!("is damaged ({text}); restore it from a copy or an export")
            }
            Self::Sqlite(text) | Self::Postgres(text) | Self::Unusable(text) => {
                format!("cannot be used: {text}")
            }
            Self::Unreachable(text) => format!("cannot be reached: {text}"),
            Self::OutcomeUnknown(_) => self.to_string(),
            Self::Lost(text) => text.clone(),
            Self::Stopped(_) => self.to_string(),
            Self::Closed => "is being closed".into(),
            Self::TooExpensive => {
                "cannot answer this request: it needs too many steps; ask for less".into()
            }
            Self::TooManyExpensive => {
                "is read by too many expensive requests; wait and try again".into()
            }
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let code = error.sqlite_error_code();
        // SQLite quotes statements of the schema with their line breaks. A message is one line.
        let text = error.to_string();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy) = code
            && let Some(signal) = signals::received()
        {
            return Self::Stopped(signal);
        }
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::CannotOpen(text)
            }
            Some(ErrorCode::DiskFull) => Self::CannotWrite(text),
            Some(ErrorCode::SystemIoFailure) if has_code(&error, OF_WRITES) => {
                Self::CannotWrite(text)
            }
            Some(ErrorCode::SystemIoFailure) if has_code(&error, OF_SHARED_MEMORY) => {
                Self::CannotOpen(text)
            }
            _ => Self::Sqlite(text),
        }
    }
}

/// The I/O errors of writes (<https://sqlite.org/rescode.html#extrc>).
const OF_WRITES: &[i32] = &[
    ffi::SQLITE_IOERR_WRITE,
    ffi::SQLITE_IOERR_FSYNC,
    ffi::SQLITE_IOERR_DIR_FSYNC,
    ffi::SQLITE_IOERR_TRUNCATE,
    ffi::SQLITE_IOERR_DELETE,
    ffi::SQLITE_IOERR_SHMSIZE,
];
/// The I/O errors of a file system on which the WAL mode does not work.
const OF_SHARED_MEMORY: &[i32] = &[
    ffi::SQLITE_IOERR_SHMOPEN,
    ffi::SQLITE_IOERR_SHMLOCK,
    ffi::SQLITE_IOERR_SHMMAP,
];

fn has_code(error: &rusqlite::Error, codes: &[i32]) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| codes.contains(&error.extended_code))
}
