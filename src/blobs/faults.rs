//! What is wrong with the stored files: damaged or missing content, and checksums of packages that are not those of their
//! files.

use super::checksums::Hasher;
use super::stored::for_each_piece;
use crate::records::{Blob, BlobRecord, Table};
use crate::store::{Snapshot, StoreError};

/// Adds what is wrong to `faults`, one clause each, which follows the path of the database. Reads every stored file.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn find_faults(snapshot: &Snapshot<'_>, faults: &mut Vec<String>) -> Result<(), StoreError> {
    Blob::for_each(snapshot, |blob| {
        if blob.due.is_none()
            && let Some(fault) = content_fault(snapshot, &blob)?
        {
            let sha256 = blob.sha256;
            faults.push(format!("has bits with the SHA-256 `{sha256}` {fault}"));
        }
        Ok::<_, StoreError>(())
    })?;
    snapshot.rows(UNREFERENCED, &[], |row| {
        let sha256 = row.text(0)?;
        faults.push(format!(
            "has bits with the SHA-256 `{sha256}` that belong to no package"
        ));
        Ok::<_, StoreError>(())
    })?;
    snapshot.rows(OTHER_CHECKSUMS, &[], |row| {
        let guid = row.text(0)?;
        faults.push(format!(
            "has a package `{guid}` whose checksums are not those of its bits"
        ));
        Ok::<_, StoreError>(())
    })
}

/// The whole files that no package refers to.
const UNREFERENCED: &str = "
    select b.sha256 from blobs b
    where b.due is null and not exists (select 1 from packages p where p.blob_id = b.id)
    order by b.id";

/// The packages that show other checksums than those of their file.
const OTHER_CHECKSUMS: &str = "
    select p.guid from packages p join blobs b on b.id = p.blob_id
    where (p.sha1 is not null and p.sha1 <> b.sha1) or (p.sha256 is not null and p.sha256 <> b.sha256)
    order by p.id";

/// Passes the pieces of a blob to `each`, in order, and then checks them.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, with [`StoreError::Damaged`] if pieces are missing or have other checksums, or with
/// the first error of `each`. What `each` got is then not the content.
pub fn for_each_checked_piece<E: From<StoreError>>(
    snapshot: &Snapshot<'_>,
    blob: &BlobRecord<'_>,
    each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    match read_content(snapshot, blob, each)? {
        None => Ok(()),
        Some(fault) => {
            let sha256 = blob.sha256;
            Err(StoreError::Damaged(format!("bits with the SHA-256 `{sha256}` {fault}")).into())
        }
    }
}

/// Returns what is wrong with the content of a blob, as a clause that follows its name.
fn content_fault(
    snapshot: &Snapshot<'_>,
    blob: &BlobRecord<'_>,
) -> Result<Option<&'static str>, StoreError> {
    read_content(snapshot, blob, |_| Ok::<_, StoreError>(()))
}

/// Does the same and passes the pieces to `each`.
fn read_content<E: From<StoreError>>(
    snapshot: &Snapshot<'_>,
    blob: &BlobRecord<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Option<&'static str>, E> {
    let mut hasher = Hasher::new();
    let (mut count, mut size) = (0, 0);
    let mut has_gap = false;
    // All pieces have the size of the first, but the last may be smaller.
    let mut first = None;
    let (mut is_last, mut has_other_size) = (false, false);
    for_each_piece(snapshot, blob.id, |number, piece| {
        has_gap |= number != count;
        count += 1;
        size += piece.len() as u64;
        hasher.update(piece);
        let first = *first.get_or_insert(piece.len());
        has_other_size |= is_last || piece.len() > first;
        is_last = piece.len() < first;
        each(piece)
    })?;
    let checksums = hasher.finish();
    Ok(
        if has_gap || size != u64::try_from(blob.size).unwrap_or(0) {
            Some("of which pieces are missing")
        } else if checksums.sha256 != blob.sha256 || checksums.sha1 != blob.sha1 {
            Some("whose content has other checksums")
        } else if has_other_size {
            Some("whose pieces have several sizes")
        } else {
            None
        },
    )
}
