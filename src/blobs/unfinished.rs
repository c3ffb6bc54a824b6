//! A blob that is stored in several transactions, so that a large file neither makes other writes wait for all of it nor
//! makes the write-ahead log as long as itself.

use std::io;
use std::sync::Arc;

use super::stored::{find_id, insert_piece};
use super::{BlobError, Checksums, ContentFile};
use crate::records::{Blob, BlobRecord, Table};
use crate::store::{StoreError, Transaction};

/// How many bytes of a file one transaction stores at most.
pub const LARGEST_STEP: u64 = 8 << 20;
/// How long after its last step an unfinished blob is kept, in milliseconds.
const LIFETIME: i64 = 60_000;

/// A blob of which not all pieces are stored. No package refers to it and nothing finds it until it is finished.
#[derive(Clone, Debug)]
pub struct UnfinishedBlob {
    id: i64,
    content: Arc<ContentFile>,
    /// How many bytes are stored.
    stored: u64,
}

impl UnfinishedBlob {
    /// Begins to store a file. Returns `None` if its content is stored already. `at` is the time in milliseconds since 1970
    /// by the system's clock.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be written or has no room for the file.
    pub fn begin(
        transaction: &Transaction<'_>,
        content: &Arc<ContentFile>,
        at: i64,
    ) -> Result<Option<Self>, StoreError> {
        let Checksums { sha1, sha256 } = content.checksums();
        if find_id(transaction, sha256)?.is_some() {
            return Ok(None);
        }
        transaction.require_room(content.size())?;
        let record = BlobRecord {
            id: 0,
            sha1,
            sha256,
            size: i64::try_from(content.size()).expect("no file has 8 EiB"),
            due: Some(at + LIFETIME),
        };
        Ok(Some(Self {
            id: Blob::insert(transaction, &record)?,
            content: content.clone(),
            stored: 0,
        }))
    }

    /// Returns the checksums of the whole content.
    pub fn checksums(&self) -> &Checksums {
        self.content.checksums()
    }

    /// Returns whether all pieces are stored, so that [`finish`](Self::finish) may be called.
    pub fn is_whole(&self) -> bool {
        self.stored == self.content.size()
    }

    /// Stores the next pieces. Returns the blob as it is after the commit. `at` is the time in milliseconds since 1970 by
    /// the system's clock.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be written or the file cannot be read, or if the step before was so long ago that the
    /// blob was deleted.
    pub fn store_step(&self, transaction: &Transaction<'_>, at: i64) -> Result<Self, BlobError> {
        self.set_due(transaction, Some(at + LIFETIME))?;
        let end = self.content.size().min(self.stored + LARGEST_STEP);
        self.content
            .for_each_piece_in(self.stored..end, |number, piece| {
                insert_piece(transaction, self.id, number, piece)?;
                Ok::<_, BlobError>(())
            })?;
        Ok(Self {
            stored: end,
            ..self.clone()
        })
    }

    /// Makes it a whole blob, unless its content was stored meanwhile. Returns the id of the whole blob.
    ///
    /// # Errors
    ///
    /// Fails as [`store_step`](Self::store_step) does.
    pub fn finish(&self, transaction: &Transaction<'_>) -> Result<i64, BlobError> {
        assert!(self.is_whole(), "only a blob with all pieces is finished");
        match find_id(transaction, &self.checksums().sha256)? {
            Some(id) => {
                discard_unfinished(transaction, self.id)?;
                Ok(id)
            }
            None => self.set_due(transaction, None).map(|()| self.id),
        }
    }

    /// Returns the id, for [`discard_unfinished`].
    pub fn id(&self) -> i64 {
        self.id
    }

    fn set_due(&self, transaction: &Transaction<'_>, due: Option<i64>) -> Result<(), BlobError> {
        let sql = "update blobs set due = $1 where id = $2 and sha256 = $3 and due is not null";
        let values = [
            due.into(),
            self.id.into(),
            self.checksums().sha256.as_str().into(),
        ];
        match transaction.execute(sql, &values)? {
            0 => Err(
                io::Error::other("they were deleted, since storing them paused for a minute")
                    .into(),
            ),
            _ => Ok(()),
        }
    }
}

/// Deletes the unfinished blob with that id, if there is one.
///
/// # Errors
///
/// Fails if the database cannot be written.
pub fn discard_unfinished(transaction: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    let sql = "delete from blobs where id = $1 and due is not null";
    transaction.execute(sql, &[id.into()]).map(drop)
}

/// Deletes the unfinished blobs that are due at `at`, in milliseconds since 1970 by the system's clock: those of uploads
/// that were interrupted, as by a killed server.
///
/// # Errors
///
/// Fails if the database cannot be written.
pub fn delete_unfinished(transaction: &Transaction<'_>, at: i64) -> Result<(), StoreError> {
    let sql = "delete from blobs where due <= $1";
    transaction.execute(sql, &[at.into()]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::blobs::stored::for_each_piece;
    use crate::blobs::{PIECE, Spool, find_by_sha1, put};
    use crate::store::{Durability, OpenMode, Store};

    /// A store, and a file that takes two steps.
    fn store_and_file() -> (tempfile::TempDir, Store, Arc<ContentFile>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        Store::create(&path, |_| Ok::<_, StoreError>(())).unwrap();
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
        let mut spool = Spool::in_folder(folder.path()).unwrap();
        let size = LARGEST_STEP + 3 * PIECE as u64 + 1;
        for index in 0..size.div_ceil(8) {
            spool.write_all(&index.to_le_bytes()).unwrap();
        }
        (folder, store, Arc::new(spool.finish()))
    }

    fn write<T>(
        store: &Store,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, BlobError>,
    ) -> Result<T, BlobError> {
        store.write(write)
    }

    #[test]
    fn blob_is_found_once_it_is_finished() {
        let (_folder, store, file) = store_and_file();
        let begun = write(&store, |t| Ok(UnfinishedBlob::begin(t, &file, 0)?));
        let mut blob = begun.unwrap().unwrap();
        let sha1 = &file.checksums().sha1;
        for _ in 0..2 {
            assert!(!blob.is_whole());
            blob = write(&store, |t| blob.store_step(t, 0)).unwrap();
            write(&store, |t| {
                assert_eq!(find_id(t, &file.checksums().sha256)?, None);
                assert_eq!(find_by_sha1(t, sha1)?, None);
                Ok(())
            })
            .unwrap();
        }
        let id = write(&store, |t| blob.finish(t)).unwrap();
        write(&store, |t| {
            let (mut size, mut next) = (0, 0);
            for_each_piece(t, id, |number, piece| {
                assert_eq!(number, next);
                next += 1;
                size += piece.len() as u64;
                Ok::<_, BlobError>(())
            })?;
            assert_eq!(size, file.size());
            assert_eq!(put(t, &file)?, id);
            assert!(UnfinishedBlob::begin(t, &file, 0)?.is_none());
            // It is not deleted with the unfinished ones.
            delete_unfinished(t, i64::MAX)?;
            assert_eq!(find_id(t, &file.checksums().sha256)?, Some(id));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn blob_whose_content_was_stored_meanwhile_is_given_up() {
        let (_folder, store, file) = store_and_file();
        let begun = write(&store, |t| Ok(UnfinishedBlob::begin(t, &file, 0)?));
        let mut blob = begun.unwrap().unwrap();
        while !blob.is_whole() {
            blob = write(&store, |t| blob.store_step(t, 0)).unwrap();
        }
        write(&store, |t| {
            let other = put(t, &file)?;
            assert_eq!(blob.finish(t)?, other);
            assert_eq!(t.int("select count(*) from blobs", &[])?, Some(1));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn step_after_a_long_pause_fails() {
        let (_folder, store, file) = store_and_file();
        let begun = write(&store, |t| Ok(UnfinishedBlob::begin(t, &file, 0)?));
        let blob = begun.unwrap().unwrap();
        let after = write(&store, |t| blob.store_step(t, 10)).unwrap();
        write(&store, |t| Ok(delete_unfinished(t, LIFETIME + 9)?)).unwrap();
        write(&store, |t| after.store_step(t, 20)).unwrap();
        write(&store, |t| Ok(delete_unfinished(t, LIFETIME + 20)?)).unwrap();
        let error = write(&store, |t| after.store_step(t, 30)).unwrap_err();
        assert!(error.to_string().contains("paused for a minute"), "{error}");
    }
}
