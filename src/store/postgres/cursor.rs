//! A cursor of a server: the rows of a long result, a part at a time.

use ::postgres::Row;

use super::session::PostgresSession;
use crate::store::StoreError;

/// The rows of a statement. It is closed with its transaction.
#[derive(Debug)]
pub(in crate::store) struct Cursor<'s> {
    session: &'s PostgresSession,
    name: String,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(session: &'s PostgresSession, name: String) -> Self {
        Self { session, name }
    }

    /// Returns the next rows: fewer than `count` at the end.
    pub(in crate::store) fn fetch(&self, count: u32) -> Result<Vec<Row>, StoreError> {
        self.session
            .rows_of(&format!("fetch forward {count} from {}", self.name))
    }

    /// Closes the cursor before its transaction ends.
    pub(in crate::store) fn close(self) -> Result<(), StoreError> {
        self.session.run(&format!("close {}", self.name))
    }
}
