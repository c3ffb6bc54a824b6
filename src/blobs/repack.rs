//! A zip archive with further files, whose contents are stored blobs.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use rawzip::{Crc32, ErrorKind, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::archive::ArchiveFault;
use super::zip_writer::{Entry, UTF_8, ZipWriter, without_zip64};
use super::{BlobError, ContentFile, OpenBlob, Spool};
use crate::store::StoreError;

/// The most entries of an archive to which files are added. Their paths are held in memory.
pub const MOST_ENTRIES: u64 = 65_535;
/// The largest directory of such an archive, in bytes.
const LARGEST_DIRECTORY: u64 = 16 << 20;
/// The longest path of a file in an archive, in bytes.
pub const LONGEST_PATH: usize = u16::MAX as usize;

/// The size of a header before data, without its name and extra fields, in bytes.
const LOCAL_HEADER: usize = 30;
/// The size of a header in the directory, without its name, extra fields and comment, in bytes.
const CENTRAL_HEADER: usize = 46;
/// `made_by` of a file whose attributes are a Unix mode, by version 2.0 of the format.
const MADE_BY_UNIX: u16 = (3 << 8) | 20;
/// 1980-01-01, the first date of MS-DOS.
const FIRST_DATE: u16 = (1 << 5) | 1;
/// The mode of a regular file.
const REGULAR_FILE: u32 = 0o100_000;

/// A file to add.
#[derive(Clone, Debug)]
pub struct AddedFile {
    /// The path in the archive, of at most [`LONGEST_PATH`] bytes.
    pub path: String,
    /// The permissions, such as `0o644`.
    pub mode: u32,
    /// The content.
    pub blob: OpenBlob,
}

/// Why files cannot be added to an archive.
#[derive(Debug)]
pub enum RepackError {
    /// The archive is no archive, or with the files it would be too large.
    Archive(ArchiveFault),
    /// The archive has more than [`MOST_ENTRIES`] entries, or a directory of more than 16 MiB.
    TooManyEntries,
    /// This path would be a file and a folder, so that the archive could not be unpacked.
    Conflict(String),
    /// The content of the file with that index was deleted meanwhile.
    Deleted(usize),
    /// A file or the database cannot be read or written.
    Blob(BlobError),
}

impl<E: Into<BlobError>> From<E> for RepackError {
    fn from(error: E) -> Self {
        Self::Blob(error.into())
    }
}

/// Writes the entries of `archive`, if there is one, and then `files` into `spool`. A file replaces an entry and an earlier
/// file of the same path. Entries are copied with their headers; the files are not compressed. The entries, as they are in
/// the archive and as they are unpacked, and the files may have `limit` bytes together. `read_piece` returns a piece of a
/// blob by SHA-256 and number. Blocks.
///
/// # Errors
///
/// See [`RepackError`]. Nothing is written unless all of it fits.
pub fn add_files(
    archive: Option<&ContentFile>,
    files: &[AddedFile],
    limit: u64,
    spool: Spool,
    mut read_piece: impl FnMut(&str, i64) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<ContentFile, RepackError> {
    let last_of_path: HashMap<_, _> = files
        .iter()
        .enumerate()
        .map(|(n, file)| (file.path.as_bytes(), n))
        .collect();
    let replaced: HashSet<_> = last_of_path.keys().copied().collect();
    let mut added: Vec<_> = last_of_path.values().copied().collect();
    added.sort_unstable();
    let added_size = added
        .iter()
        .fold(0, |size: u64, n| size.saturating_add(files[*n].blob.size));
    require_fit(archive, files, &replaced, added_size, limit)?;

    let mut writer = ZipWriter::new(spool);
    let mut comment = Vec::new();
    if let Some(archive) = archive {
        comment = copy_entries(archive, &replaced, &mut writer)?;
    }
    let mut checksums = HashMap::new();
    for n in added {
        let file = &files[n];
        let sha256 = file.blob.sha256.as_str();
        let mut for_each_piece = |each: &mut dyn FnMut(&[u8]) -> io::Result<()>| {
            let (mut number, mut size) = (0, 0);
            while size < file.blob.size {
                let piece = read_piece(sha256, number)?.ok_or(RepackError::Deleted(n))?;
                each(&piece)?;
                number += 1;
                size += piece.len() as u64;
            }
            Ok::<_, RepackError>(())
        };
        let crc32 = match checksums.get(sha256) {
            Some(crc32) => *crc32,
            None => {
                let mut crc32 = Crc32::new();
                for_each_piece(&mut |piece| {
                    crc32.update(piece);
                    Ok(())
                })?;
                checksums.insert(sha256, crc32.checksum());
                crc32.checksum()
            }
        };
        writer.entry(entry_of(file, crc32), |spool| {
            for_each_piece(&mut |piece| spool.write_all(piece))
        })?;
    }
    Ok(writer.finish(&comment)?)
}

/// Returns the entry of an added file.
fn entry_of(file: &AddedFile, crc32: u32) -> Entry {
    Entry {
        made_by: MADE_BY_UNIX,
        version_needed: 20,
        flags: if file.path.is_ascii() { 0 } else { UTF_8 },
        method: 0,
        time: 0,
        date: FIRST_DATE,
        crc32,
        compressed: file.blob.size,
        size: file.blob.size,
        internal_attributes: 0,
        external_attributes: (REGULAR_FILE | file.mode) << 16,
        name: file.path.as_bytes().to_vec(),
        comment: Vec::new(),
        local_extra: Vec::new(),
        central_extra: Vec::new(),
    }
}

/// Fails unless the archive can be made anew: see [`add_files`].
fn require_fit(
    archive: Option<&ContentFile>,
    files: &[AddedFile],
    replaced: &HashSet<&[u8]>,
    added_size: u64,
    limit: u64,
) -> Result<(), RepackError> {
    let mut paths: Vec<Vec<u8>> = replaced.iter().map(|path| path.to_vec()).collect();
    let (mut size, mut compressed) = (added_size, added_size);
    if let Some(archive) = archive {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = open(archive, &mut buffer)?;
        let directory = archive
            .eocd_offset()
            .saturating_sub(archive.directory_offset());
        if archive.entries_hint() > MOST_ENTRIES || directory > LARGEST_DIRECTORY {
            return Err(RepackError::TooManyEntries);
        }
        let mut ranges = Vec::new();
        let mut entries = archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().map_err(fault)? {
            let path = entry.file_path().as_bytes().to_owned();
            let data = archive.get_entry(entry.wayfinder()).map_err(fault)?;
            ranges.push((entry.local_header_offset(), data.compressed_data_range().1));
            if !replaced.contains(path.as_slice()) {
                size = size.saturating_add(entry.uncompressed_size_hint());
                compressed = compressed.saturating_add(entry.compressed_size_hint());
            }
            paths.push(path);
        }
        // Otherwise the same data would be copied for each of them, and a small file would become a large one.
        ranges.sort_unstable();
        if ranges.windows(2).any(|two| two[0].1 > two[1].0) {
            return Err(RepackError::Archive(ArchiveFault::Invalid));
        }
    }
    if let Some(path) = conflicting_path(paths) {
        return Err(RepackError::Conflict(path));
    }
    if size.max(compressed) > limit {
        return Err(RepackError::Archive(ArchiveFault::TooLarge { limit }));
    }
    debug_assert!(files.iter().all(|file| file.path.len() <= LONGEST_PATH));
    Ok(())
}

/// Returns a path that would be a file and a folder.
fn conflicting_path(mut paths: Vec<Vec<u8>>) -> Option<String> {
    // With `/` before all other bytes, what is in a folder follows its path at once.
    let key = |byte: &u8| (*byte != b'/', *byte);
    paths.sort_unstable_by(|a, b| a.iter().map(key).cmp(b.iter().map(key)));
    paths.dedup();
    let is_folder = |two: &&[Vec<u8>]| {
        let rest = two[1].strip_prefix(two[0].as_slice());
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    let conflict = paths.windows(2).find(is_folder)?;
    Some(String::from_utf8_lossy(&conflict[0]).into_owned())
}

/// Copies the entries except those of the paths `replaced`. Returns the comment of the archive.
fn copy_entries(
    from: &ContentFile,
    replaced: &HashSet<&[u8]>,
    to: &mut ZipWriter,
) -> Result<Vec<u8>, RepackError> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = open(from, &mut buffer)?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(fault)? {
        let name = entry.file_path().as_bytes().to_owned();
        if replaced.contains(name.as_slice()) {
            continue;
        }
        let mut central = [0; CENTRAL_HEADER];
        from.file()
            .read_exact_at(&mut central, entry.central_directory_offset())?;
        let field = |at: usize| u16::from_le_bytes([central[at], central[at + 1]]);
        let data = archive.get_entry(entry.wayfinder()).map_err(fault)?;
        let (mut offset, end) = data.compressed_data_range();
        let copied = Entry {
            made_by: field(4),
            version_needed: field(6),
            flags: field(8),
            method: field(10),
            time: field(12),
            date: field(14),
            crc32: entry.crc32(),
            compressed: entry.compressed_size_hint(),
            size: entry.uncompressed_size_hint(),
            internal_attributes: field(36),
            external_attributes: entry.external_attributes(),
            comment: entry.comment().as_bytes().to_vec(),
            local_extra: local_extra(from, entry.local_header_offset())?,
            central_extra: central_extra(from, &central, entry.central_directory_offset())?,
            name,
        };
        to.entry(copied, |spool| {
            let mut piece = vec![0; super::PIECE];
            while offset < end {
                let rest = usize::try_from(end - offset).unwrap_or(usize::MAX);
                let piece = &mut piece[..rest.min(super::PIECE)];
                from.file().read_exact_at(piece, offset)?;
                spool.write_all(piece)?;
                offset += piece.len() as u64;
            }
            Ok::<_, io::Error>(())
        })?;
    }
    let mut comment = Vec::new();
    archive.comment().read_to_end(&mut comment)?;
    Ok(comment)
}

/// Returns the extra fields of the header before data at `offset`.
fn local_extra(file: &ContentFile, offset: u64) -> io::Result<Vec<u8>> {
    let mut header = [0; LOCAL_HEADER];
    file.file().read_exact_at(&mut header, offset)?;
    let name = u64::from(u16::from_le_bytes([header[26], header[27]]));
    let length = u16::from_le_bytes([header[28], header[29]]);
    extra_at(file, offset + LOCAL_HEADER as u64 + name, length)
}

/// Returns the extra fields of a header in the directory, which begins with `header` at `offset`.
fn central_extra(
    file: &ContentFile,
    header: &[u8; CENTRAL_HEADER],
    offset: u64,
) -> io::Result<Vec<u8>> {
    let name = u64::from(u16::from_le_bytes([header[28], header[29]]));
    let length = u16::from_le_bytes([header[30], header[31]]);
    extra_at(file, offset + CENTRAL_HEADER as u64 + name, length)
}

fn extra_at(file: &ContentFile, offset: u64, length: u16) -> io::Result<Vec<u8>> {
    let mut extra = vec![0; usize::from(length)];
    file.file().read_exact_at(&mut extra, offset)?;
    Ok(without_zip64(&extra))
}

fn open(file: &ContentFile, buffer: &mut [u8]) -> Result<ZipArchive<FileReader>, RepackError> {
    ZipArchive::from_file(file.file().try_clone()?, buffer).map_err(fault)
}

/// Returns the error of an archive that was checked before.
fn fault(error: rawzip::Error) -> RepackError {
    match error.into_kind() {
        ErrorKind::IO(error) => error.into(),
        _ => RepackError::Archive(ArchiveFault::Invalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_whose_content_is_deleted_meanwhile_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str, sha256: &str| AddedFile {
            path: path.into(),
            mode: 0o644,
            blob: OpenBlob {
                sha256: sha256.into(),
                size: 3,
                piece_size: 3,
            },
        };
        let files = [file("a", "1"), file("b", "2")];
        let spool = Spool::in_folder(folder.path()).unwrap();
        let read_piece = |sha256: &str, _| Ok((sha256 == "1").then(|| b"abc".to_vec()));
        let added = add_files(None, &files, u64::MAX, spool, read_piece);
        assert!(matches!(added, Err(RepackError::Deleted(1))), "{added:?}");
    }

    #[test]
    fn path_that_is_a_file_and_a_folder_is_found() {
        let conflict = |paths: &[&str]| {
            let paths = paths.iter().map(|path| path.as_bytes().to_vec());
            conflicting_path(paths.collect())
        };
        assert_eq!(conflict(&["a/b", "a-b", "a!", "a"]), Some("a".into()));
        assert_eq!(conflict(&["lib/", "lib"]), Some("lib".into()));
        assert_eq!(conflict(&["a", "a", "ab/c", "b/", "b/c", "b/d"]), None);
    }
}
