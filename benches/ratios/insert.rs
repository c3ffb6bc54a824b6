//! What bounds seeding: the same rows put into the same schema, indexes and triggers by a bare loop. Nothing is
//! parsed, checked or looked up.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use cf_packages::store::{Row, Snapshot, Store, StoreError, Transaction, Value};

use crate::Result;

/// The tables in the order in which rows refer to each other, and the order in which a seed stores their rows.
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
/// Rows that are held in memory at a time.
const CHUNK: usize = 20_000;

/// Makes the database `to` of the rows of `from`; what that took, without the reading.
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

/// Copies one table, chunk by chunk; how long the reading took.
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
    // The source is read on a thread of its own, which waits while a chunk is stored.
    let (chunks, taken) = channel::<Vec<Vec<Value>>>();
    let (go_on, stored) = channel::<()>();
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
                    let sent = chunks.send(std::mem::take(&mut chunk)).is_ok();
                    let stored = sent && stored.recv().is_ok();
                    stored.then_some(()).ok_or(StoreError::Closed)
                })?;
                // An error: whoever takes them gave up, and nobody is left to tell.
                let _ = chunks.send(chunk);
                Ok::<_, StoreError>(())
            })
        });
        let mut reading = Duration::ZERO;
        let mut asked = Instant::now();
        while let Ok(chunk) = taken.recv() {
            reading += asked.elapsed();
            for row in &chunk {
                target.execute(&insert, row)?;
            }
            asked = Instant::now();
            // An error: that was the last chunk.
            let _ = go_on.send(());
        }
        reading += asked.elapsed();
        let ended = read.join();
        ended.unwrap_or(Err(StoreError::Closed))?;
        Ok(reading)
    })
}

/// The columns of a table, each with whether it is text.
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
