//! Names that SQLite and this program give to files beside a database. A file with such a name is removed or overwritten
//! when the database is opened or closed.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::draft::has_name_of_draft;
use super::identify::{MAGIC, SIDE_FILES};
use crate::store::StoreError;

/// The end of the name of a copy that is kept when a database is migrated, before the number of its schema.
pub(in crate::store) const KEPT_COPY: &str = ".before-";
/// The end of the name of a file while it is written.
pub(super) const UNFINISHED: &str = ".new";
/// The end of the name of a write-ahead log of a file that was overwritten.
pub(super) const OLD_LOG: &str = "-wal.old";

/// Fails if the file at `path` would have the name of a file beside a database, whether that database is there or not, and
/// by whatever path it is reached.
///
/// # Errors
///
/// The sentence names the file.
pub fn refuse_reserved_name(path: &Path) -> Result<(), StoreError> {
    let name = path.file_name().unwrap_or_default().as_bytes();
    // Some file systems do not distinguish cases.
    if !is_reserved(&name.to_ascii_lowercase()) {
        return Ok(());
    }
    Err(StoreError::file(
        path,
        "has a name that SQLite or cf-packages gives to a file beside a database, and would be removed or overwritten; name another file",
    ))
}

/// Fails if `path` has a name that [`refuse_reserved_name`] refuses, or leads to an SQLite database. For files that are
/// replaced.
///
/// # Errors
///
/// The sentence names the file.
pub fn refuse_database(path: &Path) -> Result<(), StoreError> {
    refuse_reserved_name(path)?;
    let mut start = [0; MAGIC.len()];
    // The open of a pipe would wait.
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut read = || File::open(path).and_then(|mut file| file.read_exact(&mut start));
    if is_file && read().is_ok() && start == *MAGIC {
        return Err(StoreError::file(
            path,
            "is an SQLite database; name another file",
        ));
    }
    Ok(())
}

fn is_reserved(name: &[u8]) -> bool {
    let ends_so = |suffix: &&str| name.ends_with(suffix.as_bytes());
    SIDE_FILES.iter().chain([&OLD_LOG]).any(ends_so)
        || has_name_of_draft(name)
        || is_kept_copy(name)
}

/// Returns whether the name is one of a copy that a migration keeps, or of the draft of such a copy.
fn is_kept_copy(name: &[u8]) -> bool {
    let name = name.strip_suffix(UNFINISHED.as_bytes()).unwrap_or(name);
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let (before, number) = name.split_at(name.len() - digits.count());
    !number.is_empty() && before.ends_with(KEPT_COPY.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_beside_a_database_are_refused() {
        let id = "0123456789abcdef0123456789abcdef";
        for name in [
            "x.db-wal",
            "x.db-shm",
            "x.db-journal",
            "X.DB-WAL",
            "-wal",
            "x.db-wal.old",
            "x.db.before-1",
            "x.db.before-12.new",
            &format!("x.db.{id}.new"),
            &format!("x.db.{id}.lock"),
            &format!("x.db.{id}.new-wal"),
        ] {
            for folder in ["", "/a/", "../", "./a/../"] {
                let path = format!("{folder}{name}");
                assert!(refuse_reserved_name(Path::new(&path)).is_err(), "{path}");
            }
        }
        assert!(refuse_reserved_name(Path::new("x.db-wal/")).is_err());
    }

    #[test]
    fn other_names_are_allowed() {
        for name in [
            "x.db",
            "x.db.new",
            "x.db.lock",
            "x.db.before-upgrade",
            "x.db-wal.bak",
            "wal",
            "before-1",
            "x-wal/y.db",
        ] {
            assert!(refuse_reserved_name(Path::new(name)).is_ok(), "{name}");
        }
    }
}
