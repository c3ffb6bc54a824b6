//! How a bundle is written.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::executable::{self, Piece};
use super::trailer::{Trailer, start_mark};
use super::{Bundle, Hashed};
use crate::error_text::os_error;
use crate::signals;
use crate::store::StoreError;

/// The sizes of what was written, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The whole file.
    pub file: u64,
    /// The compressed data in it.
    pub data: u64,
}

/// Writes the running program, the database at `database` and the flags to `out`. If the program carries data, the new data
/// takes its place. The database must have no token key, and no program may change it meanwhile.
///
/// The data is compressed: that of the demo to a sixth of its size, a million generated packages to two fifths. Unpacking
/// takes about 3 ms for each MiB of a database, and no time that is noticed for a small one.
///
/// # Errors
///
/// Fails if the program or the database cannot be read, if `out` cannot be written, or once a signal ends the work.
pub fn write(database: &Path, flags: &[OsString], out: &mut File) -> Result<Sizes, StoreError> {
    let (program, path) = executable::open().map_err(|error| {
        let cause = os_error(&error);
        StoreError::file(
            &executable::own_file(),
            format!("cannot be read: {cause}; a bundle is made of the running program, so let this user read its file"),
        )
    })?;
    let unreadable =
        |error: io::Error| StoreError::file(&path, format!("cannot be read: {}", os_error(&error)));
    let mut length = program.metadata().map_err(unreadable)?.len();
    if let Some(carried) = Bundle::in_file(program.try_clone().map_err(unreadable)?, path.clone())?
    {
        length = carried.trailer.program();
    }
    let written = write_parts(&program, length, database, flags, out);
    written.map_err(|error| match StoreError::require_no_signal() {
        Err(stopped) => stopped,
        Ok(()) => StoreError::CannotWrite(os_error(&error)),
    })
}

/// `length` is that of the program, in bytes.
pub(super) fn write_parts(
    program: &File,
    length: u64,
    database: &Path,
    flags: &[OsString],
    out: &mut File,
) -> io::Result<Sizes> {
    signals::copy(&mut Piece::new(program, 0, length), out)?;
    let mark = start_mark();
    out.write_all(&mark)?;
    let mut encoder = ZlibEncoder::new(Hashed::new(&mut *out), Compression::default());
    signals::copy(&mut File::open(database)?, &mut encoder)?;
    let raw = encoder.total_in();
    let hashed = encoder.finish()?;
    let (stored, sha256) = (hashed.length, hashed.sha256());
    let joined: Vec<u8> = flags
        .iter()
        .flat_map(|flag| flag.as_bytes().iter().copied().chain([0]))
        .collect();
    let trailer = Trailer {
        offset: length + mark.len() as u64,
        stored,
        raw,
        flags: joined.len() as u64,
        sha256,
    };
    out.write_all(&joined)?;
    let end = trailer.to_bytes(&joined);
    out.write_all(&end)?;
    Ok(Sizes {
        file: trailer.flags_at() + trailer.flags + end.len() as u64,
        data: trailer.stored,
    })
}
