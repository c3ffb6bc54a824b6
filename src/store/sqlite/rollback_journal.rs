//! A rollback journal (`-journal`), read before SQLite applies it to the file beside it
//! (<https://sqlite.org/fileformat2.html#the_rollback_journal>).
//!
//! SQLite applies any journal that has the right name. It cuts the file to the number of pages that the journal gives,
//! writes the pages of the journal into it, and removes the journal and the super-journal that it names. So a journal is
//! refused unless the file after the rollback is a database of this program, with as many pages as its first page says.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::connect::being_written;
use super::header::Header;
use super::identify::beside;
use super::read_only::is_being_written;
use crate::error_text::os_error;
use crate::store::StoreError;

const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// The number of records in the header of a journal that is as long as its records.
const ALL_RECORDS: u32 = u32::MAX;
/// Where SQLite locks a database. The page there is never written.
const LOCK_BYTE: u64 = 0x4000_0000;
/// How often a journal is read that seems to be of another file: another program may be writing both.
const TRIES: u32 = 3;

/// A file that begins as a rollback journal.
#[derive(Debug)]
pub(super) struct RollbackJournal {
    file: File,
    /// In bytes.
    length: u64,
    /// How many pages the database had before the transaction.
    pages_before: u32,
    sector_size: u64,
    page_size: u32,
}

/// The header of one part of a journal.
struct PartHeader {
    records: u32,
    nonce: u32,
}

/// Fails if a rollback journal lies beside the file at `path` that cannot be its own. Returns whether there is one that
/// can.
///
/// A file in the WAL mode has no rollback journal, except while its mode is changed, and then the journal is not needed.
pub(super) fn refuse_foreign_journal(path: &Path) -> Result<bool, StoreError> {
    let journal_path = beside(path, "-journal");
    // While a program is in its transaction, what it has written of the file and of the journal do not fit together.
    let refused = |fault: String| {
        if is_being_written(path) {
            being_written(path)
        } else {
            StoreError::file(path, fault)
        }
    };
    for _ in 0..TRIES {
        let Some(journal) = RollbackJournal::open(&journal_path) else {
            return Ok(false);
        };
        let error = |error: io::Error| {
            StoreError::file(
                &journal_path,
                format!("cannot be read: {}", os_error(&error)),
            )
        };
        if let Some(name) = journal.super_journal().map_err(error)? {
            return Err(refused(format!(
                "holds part of a transaction over several databases (`{}` names `{}`); open it once with the program that wrote it",
                journal_path.display(),
                name.display()
            )));
        }
        if journal.is_of(path).map_err(error)? {
            return Ok(true);
        }
    }
    Err(refused(format!(
        "lies beside `{}`, a rollback journal that is not its own and would overwrite it; remove the journal",
        journal_path.display()
    )))
}

impl RollbackJournal {
    /// Opens the journal at `path`. Returns `None` if there is no file, or one that SQLite does not take for a journal.
    pub fn open(path: &Path) -> Option<Self> {
        // The open of a pipe would wait.
        fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let file = File::open(path).ok()?;
        let mut header = [0; 28];
        file.read_exact_at(&mut header, 0).ok()?;
        header.starts_with(&MAGIC).then_some(())?;
        Some(Self {
            length: file.metadata().ok()?.len(),
            file,
            pages_before: number(&header, 16),
            sector_size: number(&header, 20).into(),
            page_size: number(&header, 24),
        })
    }

    /// Returns how many pages the database had before the transaction.
    pub fn pages_before(&self) -> u32 {
        self.pages_before
    }

    /// Returns whether the file at `path` is, after the rollback, one that this journal can be of.
    fn is_of(&self, path: &Path) -> io::Result<bool> {
        let database = File::open(path)?;
        let mut now = [0; 100];
        database.read_exact_at(&mut now, 0)?;
        let now = Header(now);
        let is_power = |size: u64| (32..=65_536).contains(&size) && size.is_power_of_two();
        if now.is_wal()
            || !is_power(self.sector_size)
            || u64::from(self.page_size) != now.page_size()
        {
            return Ok(false);
        }
        let restored = self.first_page()?;
        // A transaction raises the change counter by one when it writes the first page.
        let is_before = restored.is_none_or(|before| {
            let raised = now.change_counter().wrapping_sub(before.change_counter());
            now == before || raised == 1
        });
        let before = restored.unwrap_or(now);
        let pages_in_file = database.metadata()?.len().div_ceil(self.page_size.into());
        let has_right_size = before.pages().is_some_and(|pages| {
            // The file may have more pages than its header says, and SQLite keeps them.
            pages == self.pages_before
                || pages < self.pages_before && u64::from(self.pages_before) <= pages_in_file
        });
        Ok(
            is_before
                && has_right_size
                && before.is_ours()
                && before.page_size() == now.page_size(),
        )
    }

    /// Returns the header of the database as the rollback writes it, or `None` if the rollback does not write it.
    fn first_page(&self) -> io::Result<Option<Header>> {
        let mut first_page = None;
        let mut record = vec![0; self.page_size as usize + 8];
        let length = record.len() as u64;
        let mut at = 0;
        while let Some(part) = self.part(at)? {
            at += self.sector_size;
            let rest = self.length.saturating_sub(at) / length;
            let (records, is_complete) = match part.records {
                ALL_RECORDS => (rest, true),
                records => (rest.min(records.into()), rest >= records.into()),
            };
            for _ in 0..records {
                self.file.read_exact_at(&mut record, at)?;
                at += length;
                let page = number(&record, 0);
                let lock_page = LOCK_BYTE / u64::from(self.page_size) + 1;
                if page == 0 || u64::from(page) == lock_page {
                    return Ok(first_page);
                }
                if page > self.pages_before {
                    continue;
                }
                let (content, sum) = record[4..].split_at(self.page_size as usize);
                if checksum(part.nonce, content) != number(sum, 0) {
                    return Ok(first_page);
                }
                if page == 1 {
                    first_page = content.first_chunk().copied().map(Header);
                }
            }
            if !is_complete {
                break;
            }
            at = at.next_multiple_of(self.sector_size);
        }
        Ok(first_page)
    }

    /// Reads the header of the part of the journal that begins at `at`, if there is one.
    fn part(&self, at: u64) -> io::Result<Option<PartHeader>> {
        if at + self.sector_size > self.length {
            return Ok(None);
        }
        let mut header = [0; 16];
        self.file.read_exact_at(&mut header, at)?;
        Ok(header.starts_with(&MAGIC).then(|| PartHeader {
            records: number(&header, 8),
            nonce: number(&header, 12),
        }))
    }

    /// Returns the path of the super-journal that the end of the journal names
    /// (<https://sqlite.org/atomiccommit.html#_multi_file_commit>). SQLite removes the file at this path.
    fn super_journal(&self) -> io::Result<Option<PathBuf>> {
        let mut end = [0; 16];
        let Some(at) = self.length.checked_sub(16) else {
            return Ok(None);
        };
        self.file.read_exact_at(&mut end, at)?;
        let length = number(&end, 0);
        let Some(at) = at.checked_sub(length.into()) else {
            return Ok(None);
        };
        if !end.ends_with(&MAGIC) || length == 0 || length > u16::MAX.into() {
            return Ok(None);
        }
        let mut name = vec![0; length as usize];
        self.file.read_exact_at(&mut name, at)?;
        Ok(Some(std::ffi::OsString::from_vec(name).into()))
    }
}

/// Returns the checksum of a page in a journal: every 200th byte counts.
fn checksum(nonce: u32, page: &[u8]) -> u32 {
    let mut sum = nonce;
    let mut at = page.len().saturating_sub(200);
    while at > 0 {
        sum = sum.wrapping_add(page[at].into());
        at = at.saturating_sub(200);
    }
    sum
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
