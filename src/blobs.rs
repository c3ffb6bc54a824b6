//! The stored files of packages: blobs. One blob is stored for each distinct content, in pieces, and shared by the
//! packages that refer to it.
//!
//! A file arrives in a [`Spool`] while its checksums are computed, [`archive::check`] says whether it is a zip archive
//! that a package may consist of, and [`put`] stores it, or an [`UnfinishedBlob`] in several transactions. [`open`] and
//! [`read_piece`] read it piece by piece.

pub mod archive;
mod checksums;
mod faults;
mod repack;
mod spool;
mod stored;
mod unfinished;
mod zip_writer;

pub use checksums::Checksums;
pub use faults::{find_faults, for_each_checked_piece};
pub use repack::{AddedFile, LONGEST_PATH, MOST_ENTRIES, RepackError, add_files};
pub use spool::{ContentFile, Spool};
pub use stored::{BlobError, OpenBlob, copy, find_by_sha1, find_id, open, put, read_piece};
pub use unfinished::{LARGEST_STEP, UnfinishedBlob, delete_unfinished, discard_unfinished};

/// The size of the pieces of a blob, in bytes. The last piece may be smaller.
const PIECE: usize = 256 << 10;
