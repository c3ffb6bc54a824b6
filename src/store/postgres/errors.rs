//! What the errors of a server mean.

use std::error::Error as _;

use ::postgres::Error;
use ::postgres::error::SqlState;

use crate::store::StoreError;

/// Why a server gave no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It answered with an error, or the connection to it failed.
    Server(Error),
    /// It has stopped without closing its connections.
    Silence,
}

impl Failure {
    /// Returns what it means.
    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Self::Server(error) => meaning(error),
            Self::Silence => Meaning::Lost,
        }
    }

    /// Returns the error of the store.
    pub(super) fn store_error(&self) -> StoreError {
        match self {
            Self::Server(error) => store_error(error),
            Self::Silence => silence(),
        }
    }

    /// Returns the error of the store, for a connection that could not be made.
    pub(super) fn connect_error(&self) -> StoreError {
        match self {
            Self::Server(error) => StoreError::Unreachable(sentence(error)),
            Self::Silence => silence(),
        }
    }
}

/// Returns the error of a server that has stopped without closing its connections.
pub(super) fn silence() -> StoreError {
    StoreError::Unreachable("its server does not answer".into())
}

/// What the program does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The connection is gone.
    Lost,
    /// The statement took longer than it may, or was cancelled.
    Cancelled,
    /// The lock of another session kept the statement waiting for longer than it may.
    Locked,
    /// Anything else.
    Other,
}

/// Returns what an error means.
fn meaning(error: &Error) -> Meaning {
    match error.code() {
        None if error.is_closed() || is_io(error) => Meaning::Lost,
        Some(code) if *code == SqlState::QUERY_CANCELED => Meaning::Cancelled,
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Meaning::Locked,
        Some(code) if ends_connection(code) => Meaning::Lost,
        _ => Meaning::Other,
    }
}

/// Returns the error of the store for an error of a server.
pub(super) fn store_error(error: &Error) -> StoreError {
    let Some(code) = error.code() else {
        let text = sentence(error);
        return match meaning(error) {
            Meaning::Lost => StoreError::Unreachable(text),
            _ => StoreError::Postgres(text),
        };
    };
    let text = sentence(error);
    match *code {
        SqlState::QUERY_CANCELED => StoreError::TooExpensive,
        SqlState::LOCK_NOT_AVAILABLE
        | SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED => StoreError::Busy,
        SqlState::DISK_FULL => StoreError::CannotWrite(text),
        SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Unusable(format!(
            "the server is a standby, or read-only ({text}); name its primary"
        )),
        SqlState::INSUFFICIENT_PRIVILEGE => StoreError::Unusable(format!(
            "{text}; grant its user all rights on the tables and sequences, or name their owner"
        )),
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN => StoreError::Unusable(format!(
            "{text}; another program changed the tables: restore them from a copy"
        )),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Damaged(text),
        _ if ends_connection(code) || refuses_connection(code) => StoreError::Unreachable(text),
        _ => StoreError::Postgres(text),
    }
}

/// Whether the server ends the connection after this error.
fn ends_connection(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code)
}

fn refuses_connection(code: &SqlState) -> bool {
    code.code().starts_with("28")
        || [
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::INVALID_CATALOG_NAME,
        ]
        .contains(code)
}

fn is_io(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Returns the message of the server, or what went wrong on the way to it, on one line.
fn sentence(error: &Error) -> String {
    let text = match error.as_db_error() {
        // Its message names the user.
        Some(error) if error.code().code().starts_with("28") => {
            "the server refused the user, the password or connections from here (`pg_hba.conf`)"
                .to_owned()
        }
        Some(error) => {
            let of = error.constraint().or(error.table());
            let of = of.map_or_else(String::new, |of| format!(" (`{of}`)"));
            format!("{}{of}", error.message())
        }
        None => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                let more = error.to_string();
                if !text.contains(&more) {
                    text.push_str(": ");
                    text.push_str(&more);
                }
                cause = error.source();
            }
            match text.split_once(" (os error") {
                Some((text, _)) => text.to_owned(),
                None => text,
            }
        }
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
