//! The files that packages of a seed consist of: `"bits": "shop.zip"`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::fault::{ApplyError, EntryError};
use super::messages;
use super::source::Source;
use crate::blobs::{self, BlobError, Checksums, ContentFile, archive};
use crate::store::{Snapshot, Transaction};

/// Where the files are that a seed names.
#[derive(Clone, Debug)]
pub(super) enum BitsSource<'b> {
    /// In this folder. Paths are relative to it.
    Folder(PathBuf),
    /// In another database. The names are their SHA-256.
    Database(&'b Snapshot<'b>),
    /// Nowhere: the seed is not a file.
    None,
}

impl BitsSource<'_> {
    /// Returns where the files are that `source` names: beside it, if it is a file.
    pub(super) fn of(source: &Source) -> Self {
        match source {
            Source::File(path) => Self::Folder(path.parent().unwrap_or(Path::new("")).to_owned()),
            Source::Bundled(_) | Source::Stdin | Source::Bytes { .. } => Self::None,
        }
    }
}

/// Stores the files that one seed names.
#[derive(Debug)]
pub(super) struct SeedBits<'b> {
    source: BitsSource<'b>,
    /// The files that were read, by their names, so that each is read once.
    known: HashMap<String, Checksums>,
}

/// A file that is stored.
#[derive(Debug)]
pub(super) struct StoredBits {
    pub(super) blob_id: i64,
    pub(super) checksums: Checksums,
}

impl<'b> SeedBits<'b> {
    pub(super) fn new(source: BitsSource<'b>) -> Self {
        Self {
            source,
            known: HashMap::new(),
        }
    }

    /// Stores the file with that name, unless it is stored already.
    ///
    /// # Errors
    ///
    /// Fails if the seed is not a file, if the named file cannot be read, or if it is not a zip archive.
    pub(super) fn store(
        &mut self,
        transaction: &Transaction<'_>,
        name: &str,
    ) -> Result<StoredBits, ApplyError> {
        if let Some(checksums) = self.known.get(name)
            && let Some(blob_id) = blobs::find_id(transaction, &checksums.sha256)?
        {
            let checksums = checksums.clone();
            return Ok(StoredBits { blob_id, checksums });
        }
        let refused = |text: String| EntryError::new("bits", text);
        let stored = match &self.source {
            BitsSource::None => return Err(refused(messages::NO_FOLDER_OF_BITS.into()).into()),
            BitsSource::Folder(folder) => {
                let unreadable = |error| refused(messages::unreadable_bits(name, &error));
                let content = ContentFile::open(&folder.join(name)).map_err(unreadable)?;
                if archive::check(&content, u64::MAX)
                    .map_err(unreadable)?
                    .is_err()
                {
                    return Err(refused(messages::not_an_archive(name)).into());
                }
                let blob_id = match blobs::put(transaction, &content) {
                    Ok(blob_id) => blob_id,
                    Err(BlobError::Store(error)) => return Err(error.into()),
                    Err(BlobError::File(error)) => return Err(unreadable(error).into()),
                };
                let checksums = content.checksums().clone();
                StoredBits { blob_id, checksums }
            }
            BitsSource::Database(from) => {
                let (blob_id, checksums) = blobs::copy(from, transaction, name)?;
                StoredBits { blob_id, checksums }
            }
        };
        self.known.insert(name.to_owned(), stored.checksums.clone());
        Ok(stored)
    }
}
