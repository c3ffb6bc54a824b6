//! The tables `blobs` and `blob_pieces`. A trigger deletes a blob with the last package that refers to it.

use std::io;

use super::{Checksums, ContentFile};
use crate::records::{Blob, BlobRecord, Table, rules};
use crate::store::{BorrowedValue, Snapshot, StoreError, Transaction, Value};

/// How many pieces of a blob are in memory at the same time, if the engine sends them.
const PIECES_AT_ONCE: u32 = 8;

/// What is needed to read the content of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBlob {
    /// The SHA-256 of the content, 64 lower-case hex digits.
    pub sha256: String,
    /// The size of the content, in bytes.
    pub size: u64,
    /// The size of each piece but the last, in bytes. At least 1.
    pub piece_size: u64,
}

/// Why a file could not be stored or repacked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written, or is not what it was any more.
    #[error("the bits cannot be read or written: {0}")]
    File(#[from] io::Error),
}

/// Stores a file, unless its content is stored already. Returns the id of the blob.
///
/// # Errors
///
/// Fails if the database cannot be written, or if the content of the file cannot be read or has changed. The transaction
/// must then be rolled back.
pub fn put(transaction: &Transaction<'_>, content: &ContentFile) -> Result<i64, BlobError> {
    let Checksums { sha1, sha256 } = content.checksums();
    if let Some(id) = find_id(transaction, sha256)? {
        return Ok(id);
    }
    let record = BlobRecord {
        id: 0,
        sha1,
        sha256,
        size: i64::try_from(content.size()).expect("no file has 8 EiB"),
        due: None,
    };
    let id = Blob::insert(transaction, &record)?;
    content.for_each_piece(|number, piece| {
        insert_piece(transaction, id, number, piece)?;
        Ok::<_, BlobError>(())
    })?;
    Ok(id)
}

/// Stores a copy of a blob of another database, unless its content is stored already. Returns the id of the copy and the
/// checksums.
///
/// # Errors
///
/// Fails if `from` has no blob with that SHA-256, if it cannot be read, or if the database cannot be written.
pub fn copy(
    from: &Snapshot<'_>,
    transaction: &Transaction<'_>,
    sha256: &str,
) -> Result<(i64, Checksums), StoreError> {
    let no_blob = || StoreError::Damaged(format!("there are no bits with the SHA-256 `{sha256}`"));
    let original = find_id(from, sha256)?.ok_or_else(no_blob)?;
    let mut copied = None;
    Blob::with_own_columns(from, original, |record| {
        let checksums = Checksums {
            sha1: record.sha1.to_owned(),
            sha256: record.sha256.to_owned(),
        };
        let id = match find_id(transaction, sha256)? {
            Some(id) => id,
            None => {
                let id = Blob::insert(transaction, &record)?;
                for_each_piece(from, original, |number, piece| {
                    insert_piece(transaction, id, number, piece)
                })?;
                id
            }
        };
        copied = Some((id, checksums));
        Ok::<_, StoreError>(())
    })?;
    copied.ok_or_else(no_blob)
}

pub(super) fn insert_piece(
    transaction: &Transaction<'_>,
    id: i64,
    number: i64,
    piece: &[u8],
) -> Result<(), StoreError> {
    let values = [
        BorrowedValue::Int(id),
        BorrowedValue::Int(number),
        BorrowedValue::Bytes(piece),
    ];
    let sql = "insert into blob_pieces (blob_id, number, content) values ($1, $2, $3)";
    transaction.execute_borrowed(sql, &values).map(drop)
}

/// Returns the id of the whole blob whose content has that SHA-256, or `None` if there is none.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn find_id(snapshot: &Snapshot<'_>, sha256: &str) -> Result<Option<i64>, StoreError> {
    let sql = "select id from blobs where sha256 = $1 and due is null";
    snapshot.int(sql, &[sha256.into()])
}

/// Returns how to read the blob with that id, or `None` if there is none.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, or with [`StoreError::Damaged`] if the SHA-256 is none or the size is not that of
/// the pieces. What the pieces hold is not read.
pub fn open(snapshot: &Snapshot<'_>, id: i64) -> Result<Option<OpenBlob>, StoreError> {
    find(snapshot, "b.id = $1", id.into())
}

/// Returns how to read the blob whose content has that SHA-1, or `None` if there is none.
///
/// # Errors
///
/// Fails like [`open`].
pub fn find_by_sha1(snapshot: &Snapshot<'_>, sha1: &str) -> Result<Option<OpenBlob>, StoreError> {
    // Two contents have the same SHA-1 only if somebody made them for that. Then the last one is taken.
    find(snapshot, "b.sha1 = $1 order by b.id", sha1.into())
}

fn find(
    snapshot: &Snapshot<'_>,
    condition: &str,
    value: Value,
) -> Result<Option<OpenBlob>, StoreError> {
    let mut found = None;
    // SQLite answers the length of a blob without reading its content.
    let sql = format!(
        "select b.id, b.sha256, b.size,
                (select length(p.content) from blob_pieces p where p.blob_id = b.id and p.number = 0),
                (select sum(length(p.content)) from blob_pieces p where p.blob_id = b.id)
         from blobs b where b.due is null and {condition}"
    );
    snapshot.rows(&sql, &[value], |row| {
        let (first, total) = (row.optional_int(3)?, row.optional_int(4)?);
        let opened = opened(row.text(1)?, row.int(2)?, first, total);
        found = Some(opened.map_err(|fault| {
            let id = row.int(0).unwrap_or_default();
            StoreError::Damaged(format!("a row in `blobs` (id {id}) {fault}"))
        })?);
        Ok::<_, StoreError>(())
    })?;
    Ok(found)
}

/// Returns how to read a blob, or what is wrong with it: a clause that follows the name of the row. `first` is the length
/// of the first piece, `total` that of all pieces. They are `None` if there is no such piece.
fn opened(
    sha256: &str,
    size: i64,
    first: Option<i64>,
    total: Option<i64>,
) -> Result<OpenBlob, String> {
    if !rules::is_hex(sha256, 64) {
        return Err(
            "with a damaged `sha256`: the text is no checksum of 64 lower-case hex digits".into(),
        );
    }
    let total = total.unwrap_or(0);
    let sizes = (u64::try_from(size), u64::try_from(first.unwrap_or(0)));
    let (size, piece_size) = match sizes {
        _ if size != total => {
            return Err(format!(
                "with a damaged `size`: {size} is not the size of its pieces, {total}"
            ));
        }
        (Ok(0), _) => (0, 1),
        (Ok(size), Ok(piece_size @ 1..)) => (size, piece_size),
        _ => return Err("whose first piece is missing or empty".into()),
    };
    Ok(OpenBlob {
        sha256: sha256.to_owned(),
        size,
        piece_size,
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
         where b.sha256 = $1 and b.due is null and p.number = $2",
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
    snapshot.many_rows(
        "select number, content from blob_pieces where blob_id = $1 order by number",
        &[id.into()],
        PIECES_AT_ONCE,
        |row| each(row.int(0)?, row.bytes(1)?),
    )
}
