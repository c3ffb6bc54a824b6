//! The header of a database, its first 100 bytes (<https://sqlite.org/fileformat2.html#the_database_header>).

use super::identify::MAGIC;
use crate::store::APPLICATION_ID;

/// The header of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header(pub [u8; 100]);

impl Header {
    /// Whether this is the header of a database of this program.
    pub fn is_ours(&self) -> bool {
        self.0.starts_with(MAGIC) && self.application() == APPLICATION_ID
    }

    pub fn application(&self) -> u32 {
        self.number(68)
    }

    /// Returns the version of the schema.
    pub fn schema(&self) -> u32 {
        self.number(60)
    }

    /// Whether the database is in the WAL mode.
    pub fn is_wal(&self) -> bool {
        self.0[18] == 2 || self.0[19] == 2
    }

    /// Returns the size of a page in bytes.
    pub fn page_size(&self) -> u64 {
        match u16::from_be_bytes([self.0[16], self.0[17]]) {
            1 => 65_536,
            size => size.into(),
        }
    }

    /// Returns the counter that each transaction in the rollback journal mode raises.
    pub fn change_counter(&self) -> u32 {
        self.number(24)
    }

    /// Returns the number of pages. `None` if it is not valid: a program wrote last that does not maintain it.
    pub fn pages(&self) -> Option<u32> {
        let pages = self.number(28);
        (pages > 0 && self.change_counter() == self.number(92)).then_some(pages)
    }

    fn number(&self, at: usize) -> u32 {
        let bytes = [self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]];
        u32::from_be_bytes(bytes)
    }
}
