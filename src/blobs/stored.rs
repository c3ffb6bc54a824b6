//! The tables `blobs` and `blob_pieces`.

use std::io;

use super::ContentFile;
use super::checksums::Checksums;
use crate::store::{BorrowedValue, Row, Snapshot, StoreError, Transaction, Value};

/// A stored file, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The id of the row.
    pub id: i64,
    /// The checksums of the content.
    pub checksums: Checksums,
    /// The size of the content, in bytes.
    pub size: u64,
    /// The size of each piece but the last, in bytes. 1 if there is no piece.
    pub piece_size: u64,
}

/// Why a file could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The database cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read, or is not what it was any more.
    #[error("the file to store cannot be read: {0}")]
    Content(#[from] io::Error),
}

/// Stores a file, unless its content is stored already. Returns the id of the blob.
///
/// # Errors
///
/// Fails if the database cannot be written, or if the content of the file cannot be read or has changed. The transaction
/// must then be rolled back.
pub fn put(transaction: &Transaction<'_>, content: &ContentFile) -> Result<i64, PutError> {
    let Checksums { sha1, sha256 } = content.checksums();
    if let Some(blob) = find_by_sha256(transaction, sha256)? {
        return Ok(blob.id);
    }
    let size = i64::try_from(content.size()).expect("no file system has files of 8 EiB");
    transaction.execute_borrowed(
        "insert into blobs (sha1, sha256, size) values ($1, $2, $3)",
        &[
            BorrowedValue::Text(sha1),
            BorrowedValue::Text(sha256),
            BorrowedValue::Int(size),
        ],
    )?;
    let id = transaction.last_id();
    content.for_each_piece(|number, piece| {
        transaction.execute_borrowed(
            "insert into blob_pieces (blob_id, number, content) values ($1, $2, $3)",
            &[
                BorrowedValue::Int(id),
                BorrowedValue::Int(number),
                BorrowedValue::Bytes(piece),
            ],
        )?;
        Ok::<_, PutError>(())
    })?;
    Ok(id)
}

/// The columns of a [`Blob`]. The length of a piece is read without its content.
const COLUMNS: &str = "
    select b.id, b.sha1, b.sha256, b.size,
           (select length(p.content) from blob_pieces p where p.blob_id = b.id and p.number = 0)
    from blobs b";

/// Returns the blob with that id.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn find(snapshot: &Snapshot<'_>, id: i64) -> Result<Option<Blob>, StoreError> {
    find_where(snapshot, "b.id = $1", id.into())
}

/// Returns the blob whose content has that SHA-256.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn find_by_sha256(snapshot: &Snapshot<'_>, sha256: &str) -> Result<Option<Blob>, StoreError> {
    find_where(snapshot, "b.sha256 = $1", sha256.into())
}

fn find_where(
    snapshot: &Snapshot<'_>,
    condition: &str,
    value: Value,
) -> Result<Option<Blob>, StoreError> {
    let mut found = None;
    snapshot.rows(&format!("{COLUMNS} where {condition}"), &[value], |row| {
        found = Some(blob(row)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(found)
}

/// Passes every blob to `each`, in stored order.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, or with the first error of `each`.
pub fn for_each<E: From<StoreError>>(
    snapshot: &Snapshot<'_>,
    mut each: impl FnMut(Blob) -> Result<(), E>,
) -> Result<(), E> {
    snapshot.rows(&format!("{COLUMNS} order by b.id"), &[], |row| {
        each(blob(row)?)
    })
}

fn blob(row: &Row<'_>) -> Result<Blob, StoreError> {
    let positive = |number: i64| {
        u64::try_from(number).map_err(|_| StoreError::Damaged("a size is negative".into()))
    };
    Ok(Blob {
        id: row.int(0)?,
        checksums: Checksums {
            sha1: row.text(1)?.to_owned(),
            sha256: row.text(2)?.to_owned(),
        },
        size: positive(row.int(3)?)?,
        piece_size: positive(row.optional_int(4)?.unwrap_or(1))?,
    })
}

/// Returns a piece of the blob whose content has that SHA-256, or `None` if there is no such blob or piece. Pieces are
/// numbered from 0.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn read_piece(
    snapshot: &Snapshot<'_>,
    sha256: &str,
    number: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut content = None;
    snapshot.rows(
        "select p.content from blobs b join blob_pieces p on p.blob_id = b.id
         where b.sha256 = $1 and p.number = $2",
        &[sha256.into(), number.into()],
        |row| {
            content = Some(row.bytes(0)?.to_vec());
            Ok::<_, StoreError>(())
        },
    )?;
    Ok(content)
}

/// Passes the numbers and the contents of the pieces of a blob to `each`, in order.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, or with the first error of `each`.
pub fn for_each_piece<E: From<StoreError>>(
    snapshot: &Snapshot<'_>,
    id: i64,
    mut each: impl FnMut(i64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    snapshot.rows(
        "select p.number, p.content from blob_pieces p where p.blob_id = $1 order by p.number",
        &[id.into()],
        |row| each(row.int(0)?, row.bytes(1)?),
    )
}

/// Deletes a blob if no package refers to it. SQLite uses its space again.
///
/// # Errors
///
/// Fails if the database cannot be written.
pub fn delete_unreferenced(transaction: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    transaction
        .execute(
            "delete from blobs where id = $1 and not exists (select 1 from packages where blob_id = $1)",
            &[id.into()],
        )
        .map(drop)
}
