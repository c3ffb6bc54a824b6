//! Blobs: the uploaded files of packages, one for each distinct content. `blob_pieces` holds the bytes.

use std::sync::LazyLock;

use super::{ColumnVisitor, Join, Record, Statements, Table};

/// The blobs.
#[derive(Debug)]
pub struct Blob;

/// One blob, as stored, without its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlobRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The SHA-1 of the content, in lower-case hex.
    pub sha1: &'r str,
    /// The SHA-256 of the content, in lower-case hex. No two whole blobs have the same.
    pub sha256: &'r str,
    /// The length of the content in bytes.
    pub size: i64,
    /// When a blob whose pieces are still being stored is deleted, in milliseconds since 1970 by the system's clock. `None`:
    /// it is whole.
    pub due: Option<i64>,
}

impl<'r> Record<'r> for BlobRecord<'r> {
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.fixed("sha1", &mut self.sha1)?;
        visitor.fixed("sha256", &mut self.sha256)?;
        visitor.fixed("size", &mut self.size)?;
        visitor.column("due", &mut self.due)
    }
}

impl Table for Blob {
    type Record<'r> = BlobRecord<'r>;

    const TABLE: &'static str = "blobs";
    const JOINS: &'static [Join] = &[];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Blob>);
        &STATEMENTS
    }
}
