//! What must hold of the rows that this program itself depends on: token keys, data versions, id sequences.
//!
//! The schema cannot express these rules. Without them, requests would fail later, or ids and versions would be used
//! again.

use rusqlite::Connection;

use crate::store::StoreError;

/// The highest number that an id or a counter may have, so that it can still grow.
const MOST: i64 = i64::MAX / 2;

/// Returns what is wrong, one phrase each, as it goes on after the path of the file and `has`.
///
/// The schema must have been compared before.
pub(in crate::store) fn faults(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    if number(connection, "select count(*) from token_keys")? == 0 {
        faults.push("no token key".into());
    }
    if number(connection, "select count(*) from versions")? == 0 {
        faults.push("lost its row in `versions`".into());
    }
    let highest = "select coalesce(max(max(packages, access, parents)), 0) from versions";
    let lowest = "select coalesce(min(min(packages, access, parents)), 0) from versions";
    if number(connection, highest)? > MOST || number(connection, lowest)? < 0 {
        faults.push("a counter in `versions` that cannot grow".into());
    }
    let uncounted =
        "select count(*) from package_changes where version > (select packages from versions)";
    if number(connection, uncounted)? > 0 {
        faults.push("changes in `package_changes` that `versions` does not count".into());
    }
    for table in tables_with_sequence(connection)? {
        sequence_faults(connection, &table, &mut faults)?;
    }
    Ok(faults)
}

/// Returns the tables whose ids are never used again (<https://sqlite.org/autoinc.html>).
fn tables_with_sequence(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(
        "select name from sqlite_schema where type = 'table' and sql like '%primary key autoincrement%'",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn sequence_faults(
    connection: &Connection,
    table: &str,
    faults: &mut Vec<String>,
) -> Result<(), StoreError> {
    let lowest_id = number(
        connection,
        &format!("select coalesce(min(id), 1) from {table}"),
    )?;
    let highest_id = number(
        connection,
        &format!("select coalesce(max(id), 0) from {table}"),
    )?;
    // The columns of `sqlite_sequence` have no types.
    let (rows, numbers, highest): (i64, i64, i64) = connection.query_row(
        "select count(*), count(*) filter (where typeof(seq) = 'integer'),
                coalesce(max(seq) filter (where typeof(seq) = 'integer'), 0)
         from sqlite_sequence where name = $1",
        [table],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    if lowest_id < 1 {
        faults.push(format!("an id below 1 in `{table}`"));
    }
    if rows > 1 || numbers < rows {
        faults.push(format!(
            "an id sequence of `{table}` that is not one number"
        ));
    } else if highest < highest_id {
        faults.push(format!("an id sequence of `{table}` that was set back"));
    } else if highest > MOST {
        faults.push(format!("an id sequence of `{table}` that is near its end"));
    }
    Ok(())
}

/// Returns the number that a query of one row and one column selects.
pub(super) fn number(connection: &Connection, sql: &str) -> Result<i64, StoreError> {
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}
