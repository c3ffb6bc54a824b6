//! The baseline of seeding: a loop that inserts the same rows into the same schema, with its indexes and triggers. It
//! parses, checks and looks up nothing.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use cf_packages::store::{Row, Snapshot, Store, StoreError, Transaction, Value};

use crate::Result;

/// The tables in the order of their foreign keys, each with the column by which its rows are ordered.
const TABLES: [(&str, &str); 8] = [
    ("organizations", "id"),
    ("spaces", "id"),
    ("apps", "id"),
    ("users", "id"),
    ("organization_roles", "user_id"),
    ("space_roles", "user_id"),
    ("packages", "id"),
    ("package_labels", "package_id"),
];
/// Rows in memory at a time.
const CHUNK: usize = 20_000;

/// Creates the database `to` with the rows of `from`. Returns the elapsed time without the time of reading.
pub fn copy(from: &Path, to: &Path) -> Result<Duration> {
    let source = Store::open_for_reading(from)?;
    let started = Instant::now();
    let mut reading = Duration::ZERO;
    Store::create(to, |target| {
        for (table, order) in TABLES {
            reading += copy_table(&source, target, table, order)?;
        }
        Ok::<_, StoreError>(())
    })?;
    let elapsed = started.elapsed() - reading;
    source.close()?;
    Ok(elapsed)
}

/// Copies one table, chunk by chunk. Returns the time of reading.
fn copy_table(
    source: &Store,
    target: &Transaction<'_>,
    table: &'static str,
    order: &str,
) -> std::result::Result<Duration, StoreError> {
    let columns = source.read_blocking(move |db| columns(db, table))?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let marks: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
    let insert = format!(
        "insert into {table} ({}) values ({})",
        names.join(", "),
        marks.join(", ")
    );
    let select = format!("select {} from {table} order by {order}", names.join(", "));
    // Another thread reads the source. It waits while a chunk is inserted, so that reading can be measured.
    let (send_chunk, chunks) = channel::<Vec<Vec<Value>>>();
    let (send_inserted, inserted) = channel::<()>();
    let kinds: Vec<bool> = columns.iter().map(|(_, is_text)| *is_text).collect();
    std::thread::scope(move |scope| {
        let read = scope.spawn(move || {
            source.read_blocking(move |db| {
                let mut chunk = Vec::new();
                db.rows(&select, &[], |row| {
                    chunk.push(values(row, &kinds)?);
                    if chunk.len() < CHUNK {
                        return Ok(());
                    }
                    let sent = send_chunk.send(std::mem::take(&mut chunk)).is_ok();
                    let is_inserted = sent && inserted.recv().is_ok();
                    is_inserted.then_some(()).ok_or(StoreError::Closed)
                })?;
                // Fails if the other thread has failed, which then returns the error.
                let _ = send_chunk.send(chunk);
                Ok::<_, StoreError>(())
            })
        });
        let mut reading = Duration::ZERO;
        let mut waiting = Instant::now();
        while let Ok(chunk) = chunks.recv() {
            reading += waiting.elapsed();
            for row in &chunk {
                target.execute(&insert, row)?;
            }
            waiting = Instant::now();
            // Fails after the last chunk.
            let _ = send_inserted.send(());
        }
        reading += waiting.elapsed();
        let ended = read.join();
        ended.unwrap_or(Err(StoreError::Closed))?;
        Ok(reading)
    })
}

/// Returns the columns of a table, and for each whether it is text.
fn columns(
    db: &Snapshot<'_>,
    table: &'static str,
) -> std::result::Result<Vec<(String, bool)>, StoreError> {
    let mut columns = Vec::new();
    let sql = "select name, type from pragma_table_info($1)";
    db.rows(sql, &[table.into()], |row| {
        columns.push((
            row.text(0)?.to_owned(),
            row.text(1)?.eq_ignore_ascii_case("text"),
        ));
        Ok::<_, StoreError>(())
    })?;
    Ok(columns)
}

fn values(row: &Row<'_>, kinds: &[bool]) -> std::result::Result<Vec<Value>, StoreError> {
    let value = |(index, is_text): (usize, &bool)| {
        Ok(if *is_text {
            row.optional_text(index)?.into()
        } else {
            row.optional_int(index)?.into()
        })
    };
    kinds.iter().enumerate().map(value).collect()
}
