//! What can go wrong with the SQLite file, each in one sentence that says what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why the file could not be opened, read or written.
#[derive(Debug)]
pub enum StoreError {
    /// The file itself is not what it must be; nothing was changed. The sentence names it.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        fault: String,
    },
    /// Another connection kept the file locked for longer than the busy time-out.
    Busy,
    /// SQLite may not open the file, or not make beside it what it needs.
    CannotOpen(String),
    /// SQLite met damage while reading.
    Damaged(String),
    /// Anything else SQLite says.
    Sqlite(String),
    /// The store is closing and takes no more work.
    Closed,
    /// The read takes more steps than one read may take.
    TooExpensive,
}

impl StoreError {
    /// A fault of the file at `path`.
    pub fn file(path: &Path, fault: impl Into<String>) -> Self {
        Self::File {
            path: path.to_owned(),
            fault: fault.into(),
        }
    }

    /// The file at `path` was not there, and was before it could be made; what was to be read for it is read already.
    pub fn made_meanwhile(path: &Path) -> Self {
        Self::file(
            path,
            "was made by another program meanwhile; run this again",
        )
    }

    /// The same as a fault of the file at `path`.
    pub(super) fn at(self, path: &Path) -> Self {
        match self {
            Self::File { .. } | Self::Closed => self,
            other => Self::file(path, other.fault()),
        }
    }

    /// The sentence as it goes on after the file's name.
    pub(super) fn fault(&self) -> String {
        match self {
            Self::File { fault, .. } => fault.clone(),
            Self::Busy => "is kept locked by another program; end it, or wait and try again".into(),
            Self::CannotOpen(text) => {
                format!("cannot be opened: {text}; let this user write the file and its folder")
            }
            Self::Damaged(text) => {
                format!("is damaged ({text}); restore it from a copy or an export")
            }
            Self::Sqlite(text) => format!("cannot be opened: {text}"),
            Self::Closed => "is being closed".into(),
            Self::TooExpensive => "cannot be read so: the request needs too many steps".into(),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, fault } => write!(f, "`{}` {fault}", path.display()),
            Self::Busy => f.write_str(
                "another program keeps the database locked; end it, or wait and try again",
            ),
            Self::CannotOpen(text) => write!(f, "the database cannot be opened: {text}"),
            Self::Damaged(text) => write!(
                f,
                "the database is damaged ({text}); restore it from a copy or an export"
            ),
            Self::Sqlite(text) => write!(f, "the database refuses: {text}"),
            Self::Closed => f.write_str("the database is being closed"),
            Self::TooExpensive => f.write_str("the request needs too many steps"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let code = error.sqlite_error_code();
        // What SQLite quotes of a schema has lines of its own.
        let text = error.to_string();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::CannotOpen(text)
            }
            _ => Self::Sqlite(text),
        }
    }
}
