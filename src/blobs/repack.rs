//! A zip archive with further files, whose contents are stored blobs.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use rawzip::path::EntryPath;
use rawzip::time::{UtcDateTime, ZipDateTimeKind};
use rawzip::{
    CompressionMethod, DataDescriptorOutput, ErrorKind, RECOMMENDED_BUFFER_SIZE, ZipArchive,
    ZipArchiveWriter,
};

use super::{BlobError, ContentFile, OpenBlob, Spool};
use crate::store::StoreError;

/// A file to add.
#[derive(Clone, Debug)]
pub struct AddedFile {
    /// The path in the archive.
    pub path: String,
    /// The permissions, such as `0o644`.
    pub mode: u32,
    /// The content.
    pub blob: OpenBlob,
}

/// Returns a path that would be a file and a folder in an archive with the entries of `archive` and `files`, so that it could
/// not be unpacked. Blocks.
///
/// # Errors
///
/// Fails if the archive cannot be read.
pub fn conflicting_path(
    archive: Option<&ContentFile>,
    files: &[AddedFile],
) -> io::Result<Option<String>> {
    let mut paths: Vec<Vec<u8>> = match archive {
        Some(archive) => entry_paths(archive).map_err(io_error)?,
        None => Vec::new(),
    };
    paths.extend(files.iter().map(|file| file.path.as_bytes().to_owned()));
    let mut folders = HashSet::new();
    for path in &paths {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        folders.extend(slashes.map(|(at, _)| &path[..at]));
    }
    let conflict = paths.iter().find(|path| folders.contains(path.as_slice()));
    Ok(conflict.map(|path| String::from_utf8_lossy(path).into_owned()))
}

fn entry_paths(archive: &ContentFile) -> Result<Vec<Vec<u8>>, rawzip::Error> {
    let file = archive.file().try_clone()?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer)?;
    let mut entries = archive.entries(&mut buffer);
    let mut paths = Vec::new();
    while let Some(entry) = entries.next_entry()? {
        paths.push(entry.file_path().as_bytes().to_owned());
    }
    Ok(paths)
}

/// Writes the entries of `archive`, if there is one, and then `files` into `spool`. A file replaces an entry and an earlier
/// file of the same path. Compressed entries are copied as they are; the files are not compressed. `read_piece` returns a piece of a blob by SHA-256 and number. Blocks.
///
/// # Errors
///
/// Fails if the archive or a piece cannot be read, or if the spool cannot be written.
pub fn add_files(
    archive: Option<&ContentFile>,
    files: &[AddedFile],
    spool: Spool,
    mut read_piece: impl FnMut(&str, i64) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<ContentFile, BlobError> {
    let last_of_path: HashMap<_, _> = files
        .iter()
        .enumerate()
        .map(|(n, file)| (file.path.as_str(), n))
        .collect();
    let mut writer = ZipArchiveWriter::new(spool);
    if let Some(archive) = archive {
        let replaced = files.iter().map(|file| file.path.as_bytes()).collect();
        copy_entries(archive, &replaced, &mut writer).map_err(io_error)?;
    }
    for (n, file) in files.iter().enumerate() {
        if last_of_path.get(file.path.as_str()) != Some(&n) {
            continue;
        }
        let (mut entry, config) = writer
            .new_file(EntryPath::verbatim(file.path.as_bytes()))
            .compression_method(CompressionMethod::STORE)
            .unix_permissions(file.mode)
            .start()
            .map_err(io_error)?;
        let mut data = config.wrap(&mut entry);
        let (mut number, mut size) = (0, 0);
        while size < file.blob.size {
            let piece = read_piece(&file.blob.sha256, number)?.ok_or_else(|| {
                io::Error::other(
                    "a blob was deleted while it was read, or a piece of it is missing",
                )
            })?;
            data.write_all(&piece)?;
            number += 1;
            size += piece.len() as u64;
        }
        let (_, descriptor) = data.finish().map_err(io_error)?;
        entry.finish(descriptor).map_err(io_error)?;
    }
    Ok(writer.finish().map_err(io_error)?.finish())
}

/// Copies the entries except those of the paths `replaced`.
fn copy_entries(
    from: &ContentFile,
    replaced: &HashSet<&[u8]>,
    to: &mut ZipArchiveWriter<Spool>,
) -> Result<(), rawzip::Error> {
    let file = from.file().try_clone()?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer)?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry()? {
        let path = entry.file_path().as_bytes().to_owned();
        if replaced.contains(path.as_slice()) {
            continue;
        }
        let path = EntryPath::verbatim(path);
        let descriptor = DataDescriptorOutput::new(entry.crc32(), entry.uncompressed_size_hint());
        let mut copy = to
            .new_file(path)
            .compression_method(entry.compression_method())
            .unix_permissions(entry.mode().value());
        if let Some(time) = utc(&entry.last_modified()) {
            copy = copy.last_modified(time);
        }
        let (mut copy, _) = copy.start()?;
        let data = archive.get_entry(entry.wayfinder())?;
        io::copy(&mut data.reader(), &mut copy)?;
        copy.finish(descriptor)?;
    }
    Ok(())
}

/// Returns the time of an entry. A time without a zone is taken as UTC.
fn utc(time: &ZipDateTimeKind) -> Option<UtcDateTime> {
    match time {
        ZipDateTimeKind::Utc(time) => Some(*time),
        ZipDateTimeKind::Local(local) => UtcDateTime::from_components(
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            0,
        ),
    }
}

fn io_error(error: rawzip::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::IO(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
