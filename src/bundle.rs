//! Executables that carry a database: this program, the database without token keys, and default flags of `serve`, in one
//! file.
//!
//! ```text
//! program │ start mark │ database in zlib │ flags, each ended by a NUL │ trailer
//! ```
//!
//! The trailer says where the data is, and holds its checksum. A program looks for it at the end of its own file, so that
//! the data is read only where it is used.

mod executable;
mod trailer;
mod write;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;
use ring::digest::{Context, SHA256};

use crate::error_text::os_error;
use crate::store::StoreError;
use executable::{After, Piece};
use trailer::Trailer;
pub use write::{Sizes, write};

/// What is said of data whose checksum is wrong.
const DAMAGED: &str = "is damaged or was changed after it was bundled, so that its data cannot be used; copy it again, or make it again with `bundle`";
/// What is said of a file in which the end of the program is missing.
const INCOMPLETE: &str =
    "was cut short, so that even the end of the program is missing; copy it again";
/// What is said of a file whose trailer is not there.
const CUT_SHORT: &str = "carries data, but the end of it is not found: the file was cut short, or more than 64 KiB were added to its end; copy it again, or make it again with `bundle`";

/// The data that an executable carries. Its place is known, and its checksum is not verified yet.
pub struct Bundle {
    file: File,
    path: PathBuf,
    trailer: Trailer,
    flags: Vec<OsString>,
}

impl Bundle {
    /// Returns what the running program carries: `None` if it is an ordinary one, or if its file cannot be opened.
    ///
    /// # Errors
    ///
    /// Fails if there is data whose trailer is damaged or missing, or if the file cannot be read.
    pub fn of_this_program() -> Result<Option<Self>, StoreError> {
        match executable::open() {
            Ok((file, path)) => Self::in_file(file, path),
            // It can be run without the permission to be read, or where `/proc` is not mounted.
            Err(_) => Ok(None),
        }
    }

    fn in_file(file: File, path: PathBuf) -> Result<Option<Self>, StoreError> {
        let unreadable = |error: io::Error| {
            StoreError::file(&path, format!("cannot be read: {}", os_error(&error)))
        };
        let length = file.metadata().map_err(unreadable)?.len();
        let after = executable::after_program(&file, length).map_err(unreadable)?;
        if after == After::Nothing {
            return Ok(None);
        }
        let Some((at, bytes)) = trailer::find(&file, length).map_err(unreadable)? else {
            return match after {
                After::StartMark => Err(StoreError::file(&path, CUT_SHORT)),
                After::CutShort => Err(StoreError::file(&path, INCOMPLETE)),
                After::Nothing | After::Other => Ok(None),
            };
        };
        let damaged = || StoreError::file(&path, DAMAGED);
        let trailer = Trailer::parse(&bytes, at).ok_or_else(damaged)?;
        let mut flags = Vec::new();
        Piece::new(&file, trailer.flags_at(), trailer.flags)
            .read_to_end(&mut flags)
            .map_err(unreadable)?;
        if !trailer.matches(&bytes, &flags) {
            return Err(damaged());
        }
        Ok(Some(Self {
            flags: split_flags(&flags),
            file,
            path,
            trailer,
        }))
    }

    /// Returns the path of the executable.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the default flags of `serve`, each as one argument: `--flag` or `--flag=value`.
    pub fn flags(&self) -> &[OsString] {
        &self.flags
    }

    /// Writes the database to `out`. It has no token key. What was written counts only if this succeeds: the checksum is
    /// verified at the end.
    ///
    /// # Errors
    ///
    /// Fails if the data is damaged or cannot be read, if `out` cannot be written, or once a signal ends the work.
    pub fn write_database(&self, mut out: impl Write) -> Result<(), StoreError> {
        let damaged = || StoreError::file(&self.path, DAMAGED);
        let stored = Piece::new(&self.file, self.trailer.offset, self.trailer.stored);
        let mut decoder = ZlibDecoder::new(Hashed::new(stored));
        let mut buffer = vec![0; 1 << 17];
        let mut left = self.trailer.raw;
        loop {
            StoreError::require_no_signal()?;
            let length = match decoder.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(damaged()),
            };
            left = left.checked_sub(length as u64).ok_or_else(damaged)?;
            out.write_all(&buffer[..length])
                .map_err(|error| StoreError::CannotWrite(os_error(&error)))?;
        }
        let mut stored = decoder.into_inner();
        // What follows the end of the compressed data would not be verified.
        let rest = io::copy(&mut stored, &mut io::sink()).map_err(|_| damaged())?;
        if rest > 0 || left > 0 || stored.sha256() != self.trailer.sha256 {
            return Err(damaged());
        }
        Ok(())
    }
}

impl fmt::Debug for Bundle {
    /// Flags may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Returns the flags that are each ended by a NUL.
fn split_flags(bytes: &[u8]) -> Vec<OsString> {
    let flags = bytes.split_inclusive(|byte| *byte == 0);
    flags
        .map(|flag| OsStr::from_bytes(flag.strip_suffix(&[0]).unwrap_or(flag)).to_owned())
        .collect()
}

/// A reader or writer that computes the SHA-256 of what passes through it, and counts it.
struct Hashed<T> {
    inner: T,
    context: Context,
    length: u64,
}

impl<T> Hashed<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            context: Context::new(&SHA256),
            length: 0,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
        self.length += bytes.len() as u64;
    }

    fn sha256(&self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.context.clone().finish().as_ref());
        sha256
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.update(&buffer[..length]);
        Ok(length)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.update(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
