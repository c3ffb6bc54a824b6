//! Files with known checksums: an upload that was written to a temporary file, or a file of the user.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::PIECE;
use super::checksums::{Checksums, Hasher};

/// A temporary file that takes in an upload while its checksums are computed.
///
/// It lies on the disk of the database, so that its size is limited by what the upload needs there anyway, and has no
/// name. Only this process can open it, and the operating system frees its space when it is dropped or the process ends.
#[derive(Debug)]
pub struct Spool {
    file: File,
    hasher: Hasher,
    size: u64,
}

/// A file whose checksums are known.
#[derive(Debug)]
pub struct ContentFile {
    file: File,
    checksums: Checksums,
    size: u64,
    /// Whether other programs can change it.
    may_change: bool,
}

impl Spool {
    /// Creates an empty spool in `folder`.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be written.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            hasher: Hasher::new(),
            size: 0,
        })
    }

    /// Returns how many bytes were written.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the file with its checksums.
    pub fn finish(self) -> ContentFile {
        ContentFile {
            file: self.file,
            checksums: self.hasher.finish(),
            size: self.size,
            may_change: false,
        }
    }
}

/// Blocks.
impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.hasher.update(&bytes[..length]);
        self.size += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ContentFile {
    /// Opens a file and computes its checksums.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        // To open a pipe would wait for another program.
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let file = File::open(path)?;
        let mut hasher = Hasher::new();
        let mut size = 0;
        let mut buffer = vec![0; PIECE];
        loop {
            let length = match (&file).read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[..length]);
            size += length as u64;
        }
        let checksums = hasher.finish();
        Ok(Self {
            file,
            checksums,
            size,
            may_change: true,
        })
    }

    /// Returns the checksums.
    pub fn checksums(&self) -> &Checksums {
        &self.checksums
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the open file. Its position may be anywhere.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Passes the numbers and the contents of the pieces of the file to `each`, in order.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `each`, or if the file cannot be read. Fails too if another program changed it since
    /// its checksums were computed.
    pub(super) fn for_each_piece<E: From<io::Error>>(
        &self,
        mut each: impl FnMut(i64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut hasher = self.may_change.then(Hasher::new);
        self.for_each_piece_in(0..self.size, |number, piece| {
            if let Some(hasher) = &mut hasher {
                hasher.update(piece);
            }
            each(number, piece)
        })?;
        if hasher.is_some_and(|hasher| hasher.finish() != self.checksums) {
            return Err(io::Error::other("it changed while it was read").into());
        }
        Ok(())
    }

    /// Does the same for the pieces in a range of bytes, which begins where a piece begins. That the file was not changed is
    /// not checked.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `each`, or if the file cannot be read.
    pub(super) fn for_each_piece_in<E: From<io::Error>>(
        &self,
        range: Range<u64>,
        mut each: impl FnMut(i64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = vec![0; PIECE];
        let mut offset = range.start;
        while offset < range.end {
            let rest = usize::try_from(range.end - offset).unwrap_or(PIECE);
            let piece = &mut buffer[..rest.min(PIECE)];
            self.file.read_exact_at(piece, offset)?;
            let number = i64::try_from(offset / PIECE as u64).expect("no file has 8 EiB");
            each(number, piece)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spool_leaves_no_name_and_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_folder(folder.path()).unwrap();
        spool.write_all(b"abc").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let content = spool.finish();
        assert_eq!(content.size(), 3);
        let mut pieces = Vec::new();
        content
            .for_each_piece(|number, piece| {
                pieces.push((number, piece.to_vec()));
                Ok::<_, io::Error>(())
            })
            .unwrap();
        assert_eq!(pieces, [(0, b"abc".to_vec())]);
    }

    #[test]
    fn file_that_changes_between_two_reads_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.zip");
        std::fs::write(&path, vec![b'x'; PIECE + 1]).unwrap();
        let content = ContentFile::open(&path).unwrap();
        assert_eq!(content.size(), PIECE as u64 + 1);
        std::fs::write(&path, vec![b'y'; PIECE + 1]).unwrap();
        let read = || content.for_each_piece(|_, _| Ok::<_, io::Error>(()));
        let error = read().unwrap_err();
        assert_eq!(error.to_string(), "it changed while it was read");
        std::fs::write(&path, b"y").unwrap();
        assert!(read().is_err());
    }
}
