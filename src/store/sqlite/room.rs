//! How many bytes a database can still take in.

use std::path::Path;

use rusqlite::Connection;
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use crate::store::StoreError;

/// Room that is left for the write-ahead log and for the pages of tables and indexes, in bytes.
const MARGIN: u64 = 16 << 20;

/// Fails unless the file of `connection` can take in `bytes` more bytes: in its free pages and on the disk, within the limit
/// on the size of files (`ulimit -f`).
pub(in crate::store) fn require(connection: &Connection, bytes: u64) -> Result<(), StoreError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let page_size = number("select page_size from pragma_page_size")?;
    let free_pages = number("select freelist_count from pragma_freelist_count")?;
    let free = u64::try_from(page_size * free_pages).unwrap_or(0);
    let Some(path) = connection.path().map(Path::new) else {
        return Ok(());
    };
    let growth = bytes.saturating_sub(free);
    let needed = growth.saturating_add(MARGIN);
    // What the operating system does not tell is no reason to refuse.
    if let Ok(disk) = statvfs(path) {
        let room = disk.f_bavail.saturating_mul(disk.f_frsize);
        if room < needed {
            return Err(StoreError::CannotWrite(format!(
                "it needs {needed} bytes of the disk, which has {room}"
            )));
        }
    }
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    if let Some(limit) = getrlimit(Resource::Fsize).current
        && size.saturating_add(growth) > limit
    {
        return Err(StoreError::CannotWrite(format!(
            "it would get larger than {limit} bytes, the limit on the size of files"
        )));
    }
    Ok(())
}
