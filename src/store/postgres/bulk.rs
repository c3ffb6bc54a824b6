//! Rows that a command inserts one by one, sent together with `copy`.
//!
//! A statement for each row costs a message to the server and its answer. Here a row gets its id from the program, which
//! holds the lock of writers, and waits in a buffer until the buffer is full or a statement may see the row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::store::BorrowedValue;

/// How many bytes wait at most.
pub(super) const CAPACITY: usize = 4 << 20;
/// The tables whose rows may wait, each after those that it refers to.
const TABLES: [&str; 13] = [
    "organizations",
    "spaces",
    "apps",
    "blobs",
    "packages",
    "users",
    "organization_labels",
    "space_labels",
    "app_labels",
    "package_labels",
    "organization_roles",
    "space_roles",
    "blob_pieces",
];
/// What a stream of `copy` in the binary format begins with
/// (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format").
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// The rows of a transaction that wait.
#[derive(Debug, Default)]
pub(super) struct Bulk {
    /// The statements that were seen; `None` if their rows cannot wait.
    statements: HashMap<Box<str>, Option<Arc<Insertion>>>,
    /// By the position of the table in [`TABLES`].
    buffers: BTreeMap<usize, Buffer>,
    bytes: usize,
}

/// A statement that inserts one row, whose values are its parameters.
#[derive(Debug)]
pub(super) struct Insertion {
    table: usize,
    columns: String,
}

#[derive(Debug, Default)]
struct Buffer {
    columns: String,
    rows: Vec<u8>,
    /// The id of the next row, once the first one is known.
    next_id: Option<i64>,
}

/// The rows of one table, ready to be sent.
#[derive(Debug)]
pub(super) struct Batch {
    pub table: &'static str,
    /// The `copy` statement.
    pub statement: String,
    /// Its input.
    pub input: Vec<u8>,
    /// The id of the last row, if the rows have ids.
    pub last_id: Option<i64>,
}

impl Bulk {
    /// Returns the insertion that a statement is, if its rows can wait.
    pub(super) fn insertion(&mut self, sql: &str) -> Option<Arc<Insertion>> {
        if let Some(known) = self.statements.get(sql) {
            return known.clone();
        }
        let insertion = Insertion::parse(sql).map(Arc::new);
        self.statements.insert(sql.into(), insertion.clone());
        insertion
    }

    /// Whether a row of the insertion may wait beside those that wait already: all rows of a table have the same columns.
    pub(super) fn takes(&self, insertion: &Insertion, has_id: bool) -> bool {
        let buffer = self.buffers.get(&insertion.table);
        buffer.is_none_or(|buffer| {
            buffer.rows.is_empty() || buffer.columns == insertion.columns_with_id(has_id)
        })
    }

    /// Returns the id of the next row of the table, if it is known.
    pub(super) fn next_id(&self, insertion: &Insertion) -> Option<i64> {
        self.buffers.get(&insertion.table)?.next_id
    }

    /// Adds a row, with this id if it has one.
    pub(super) fn add(
        &mut self,
        insertion: &Insertion,
        id: Option<i64>,
        values: &[BorrowedValue<'_>],
    ) {
        let buffer = self.buffers.entry(insertion.table).or_default();
        if buffer.rows.is_empty() {
            buffer.columns = insertion.columns_with_id(id.is_some());
        }
        let before = buffer.rows.len();
        let fields = i16::try_from(values.len() + usize::from(id.is_some())).unwrap_or(i16::MAX);
        buffer.rows.extend_from_slice(&fields.to_be_bytes());
        if let Some(id) = id {
            field(&mut buffer.rows, &id.to_be_bytes());
            buffer.next_id = Some(id + 1);
        }
        for value in values {
            match value {
                BorrowedValue::Null => buffer.rows.extend_from_slice(&(-1_i32).to_be_bytes()),
                BorrowedValue::Int(number) => field(&mut buffer.rows, &number.to_be_bytes()),
                BorrowedValue::Text(text) => field(&mut buffer.rows, text.as_bytes()),
                BorrowedValue::Bytes(bytes) => field(&mut buffer.rows, bytes),
            }
        }
        self.bytes += buffer.rows.len() - before;
    }

    /// Whether it is time to send the rows.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= CAPACITY
    }

    /// Whether a statement may see a row that waits.
    pub(super) fn is_about(&self, sql: &str) -> bool {
        let waiting = self
            .buffers
            .iter()
            .filter(|(_, buffer)| !buffer.rows.is_empty());
        waiting
            .map(|(table, _)| TABLES[*table])
            .any(|table| sql.contains(table))
    }

    /// Takes the rows out, parents before their children.
    pub(super) fn take(&mut self) -> Vec<Batch> {
        self.bytes = 0;
        let full = self
            .buffers
            .iter_mut()
            .filter(|(_, buffer)| !buffer.rows.is_empty());
        full.map(|(table, buffer)| {
            let rows = std::mem::take(&mut buffer.rows);
            let table = TABLES[*table];
            Batch {
                table,
                statement: format!("copy {table} ({}) from stdin binary", buffer.columns),
                input: [HEADER, &rows, TRAILER].concat(),
                last_id: buffer.next_id.map(|next| next - 1),
            }
        })
        .collect()
    }

    /// Forgets the next ids: another statement may have used them.
    pub(super) fn forget_ids(&mut self) {
        for buffer in self.buffers.values_mut() {
            buffer.next_id = None;
        }
    }
}

impl Insertion {
    /// Returns the insertion if the text is `insert into TABLE (COLUMNS) values ($1, $2, …)`.
    fn parse(sql: &str) -> Option<Self> {
        let rest = sql.strip_prefix("insert into ")?;
        let (table, rest) = rest.split_once(" (")?;
        let (columns, parameters) = rest.split_once(") values (")?;
        let count = columns.split(", ").count();
        let expected = (1..=count).map(|n| format!("${n}"));
        let expected = expected.collect::<Vec<_>>().join(", ") + ")";
        let table = TABLES.iter().position(|known| *known == table)?;
        (parameters == expected).then(|| Self {
            table,
            columns: columns.to_owned(),
        })
    }

    /// Returns the name of the table.
    pub(super) fn table(&self) -> &'static str {
        TABLES[self.table]
    }

    fn columns_with_id(&self, has_id: bool) -> String {
        let id = if has_id { "id, " } else { "" };
        format!("{id}{}", self.columns)
    }
}

/// Adds a field: its length and its bytes. A value has less than 2 GiB, so that its length fits.
fn field(rows: &mut Vec<u8>, bytes: &[u8]) {
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    rows.extend_from_slice(&length.to_be_bytes());
    rows.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_insertions_of_one_row_of_parameters_wait() {
        let mut bulk = Bulk::default();
        for (sql, waits) in [
            ("insert into apps (guid, name) values ($1, $2)", true),
            (
                "insert into package_labels (key, value, package_id) values ($1, $2, $3)",
                true,
            ),
            ("insert into apps (guid, name) values ($2, $1)", false),
            ("insert into apps (guid, name) values ($1, 'x')", false),
            (
                "insert into apps (guid) values ($1) on conflict do nothing",
                false,
            ),
            ("insert into jobs (guid) values ($1)", false),
            ("insert into apps (guid) select $1", false),
            ("update apps set guid = $1", false),
        ] {
            assert_eq!(bulk.insertion(sql).is_some(), waits, "{sql}");
        }
    }

    #[test]
    fn parents_are_sent_before_their_children_in_the_binary_format() {
        let mut bulk = Bulk::default();
        let label = "insert into app_labels (key, value, app_id) values ($1, $2, $3)";
        let label = bulk.insertion(label).expect("an insertion");
        let app = bulk.insertion("insert into apps (guid, name) values ($1, $2)");
        let app = app.expect("an insertion");
        let (text, number) = (BorrowedValue::Text, BorrowedValue::Int);
        bulk.add(&label, None, &[text("k"), text(""), number(7)]);
        assert!(!bulk.is_about("select id from apps"));
        assert!(bulk.is_about("delete from app_labels"));
        bulk.add(&app, Some(7), &[text("ab"), BorrowedValue::Null]);
        assert_eq!(bulk.next_id(&app), Some(8));
        assert!(bulk.takes(&app, true) && !bulk.takes(&app, false));

        let batches = bulk.take();
        let sent: Vec<_> = batches
            .iter()
            .map(|batch| batch.statement.as_str())
            .collect();
        assert_eq!(
            sent,
            [
                "copy apps (id, guid, name) from stdin binary",
                "copy app_labels (key, value, app_id) from stdin binary",
            ]
        );
        assert_eq!(batches[0].last_id, Some(7));
        let row = b"\0\x03\0\0\0\x08\0\0\0\0\0\0\0\x07\0\0\0\x02ab\xff\xff\xff\xff";
        assert_eq!(batches[0].input, [HEADER, row, TRAILER].concat());
        assert!(bulk.take().is_empty());
        bulk.forget_ids();
        assert_eq!(bulk.next_id(&app), None);
    }
}
