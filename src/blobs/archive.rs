//! Whether a file is a zip archive that a package may consist of.
//!
//! The structure is checked: the central directory, and that each of its entries has a local header and its data in the
//! file. The data is not decompressed; sizes are what the central directory says, as a Cloud Controller takes them.

use std::io;

use rawzip::{ErrorKind, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::ContentFile;

/// What is wrong with the file of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFault {
    /// It is not a zip archive, or a damaged one.
    Invalid,
    /// It is a zip archive without entries.
    Empty,
    /// Its entries are too large together.
    TooLarge {
        /// How many bytes they may have, uncompressed.
        limit: u64,
    },
}

/// Returns what is wrong with `content` as the file of a package whose entries may have `limit` bytes together,
/// uncompressed. Blocks.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub fn check(content: &ContentFile, limit: u64) -> io::Result<Result<(), ArchiveFault>> {
    let size = match uncompressed_size(content) {
        Ok(size) => size,
        Err(error) => {
            return match error.into_kind() {
                // The offset of a part is beyond the end of the file.
                ErrorKind::IO(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Ok(Err(ArchiveFault::Invalid))
                }
                ErrorKind::IO(error) => Err(error),
                _ => Ok(Err(ArchiveFault::Invalid)),
            };
        }
    };
    Ok(match size {
        Some(size) if size > limit => Err(ArchiveFault::TooLarge { limit }),
        Some(_) => Ok(()),
        None => Err(ArchiveFault::Empty),
    })
}

/// Returns the size of all entries, or `None` if there is none.
fn uncompressed_size(content: &ContentFile) -> Result<Option<u64>, rawzip::Error> {
    let file = content.file().try_clone()?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer)?;
    let (mut count, mut size) = (0, 0_u64);
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry()? {
        let wayfinder = entry.wayfinder();
        size = size.saturating_add(entry.uncompressed_size_hint());
        count += 1;
        let (_, end) = archive.get_entry(wayfinder)?.compressed_data_range();
        if end > content.size() {
            return Err(ErrorKind::Eof.into());
        }
    }
    if count != archive.entries_hint() {
        return Err(ErrorKind::InvalidEndOfCentralDirectory.into());
    }
    Ok((count > 0).then_some(size))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::blobs::Spool;

    /// Returns a zip archive with one stored entry of each size.
    fn archive_of(sizes: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        for (number, size) in sizes.iter().enumerate() {
            let name = format!("file-{number}");
            let file = archive.new_file(&name);
            let (mut entry, config) = file
                .compression_method(rawzip::CompressionMethod::STORE)
                .start()
                .unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(&vec![b'x'; *size]).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        bytes
    }

    fn checked(bytes: &[u8], limit: u64) -> Result<(), ArchiveFault> {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_folder(folder.path()).unwrap();
        spool.write_all(bytes).unwrap();
        check(&spool.finish(), limit).unwrap()
    }

    #[test]
    fn entries_may_have_exactly_the_limit_together() {
        let archive = archive_of(&[7, 0, 3]);
        assert_eq!(checked(&archive, 10), Ok(()));
        let too_large = Err(ArchiveFault::TooLarge { limit: 9 });
        assert_eq!(checked(&archive, 9), too_large);
        assert_eq!(checked(&archive_of(&[]), 10), Err(ArchiveFault::Empty));
    }

    #[test]
    fn file_that_is_not_a_whole_archive_is_invalid() {
        let archive = archive_of(&[100, 200]);
        let invalid = Err(ArchiveFault::Invalid);
        assert_eq!(checked(b"", u64::MAX), invalid);
        assert_eq!(checked(b"not a zip archive", u64::MAX), invalid);
        for length in 0..archive.len() {
            assert_eq!(checked(&archive[..length], u64::MAX), invalid, "{length}");
        }
        // Without the data of its first entry, so that its offsets lead elsewhere.
        assert_eq!(checked(&archive[150..], u64::MAX), invalid);
    }

    #[test]
    fn archive_may_follow_other_bytes() {
        let program = [b"#!/bin/sh\n".to_vec(), archive_of(&[5])].concat();
        assert_eq!(checked(&program, 5), Ok(()));
    }
}
