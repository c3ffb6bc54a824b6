//! Whether a file's schema is the bundled one, table by table: a foreign trigger or view is never run.

use rusqlite::Connection;

use crate::store::{SCHEMA, StoreError};

/// What differs between the file's schema and the bundled one, a phrase each; empty where nothing does.
pub(in crate::store) fn differences(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let bundled = Connection::open_in_memory()?;
    bundled.execute_batch(SCHEMA)?;
    let ours = objects(&bundled)?;
    let theirs = objects(connection)?;
    let mut faults = Vec::new();
    for object in &theirs {
        match ours.iter().find(|known| known.name == object.name) {
            None => {
                let a = if object.kind == "index" { "an" } else { "a" };
                faults.push(format!(
                    "{a} {} `{}` that is not ours",
                    object.kind, object.name
                ));
            }
            Some(known) if known != object => {
                faults.push(format!(
                    "another {} `{}` than ours",
                    object.kind, object.name
                ));
            }
            Some(_) => {}
        }
    }
    for known in &ours {
        if !theirs.iter().any(|object| object.name == known.name) {
            faults.push(format!("no {} `{}`", known.kind, known.name));
        }
    }
    Ok(faults)
}

#[derive(PartialEq)]
struct Object {
    kind: String,
    name: String,
    sql: Option<String>,
}

fn objects(connection: &Connection) -> Result<Vec<Object>, StoreError> {
    let mut statement = connection.prepare(
        "select type, name, sql from sqlite_schema where name not like 'sqlite\\_stat%' escape '\\'",
    )?;
    let objects = statement.query_map([], |row| {
        Ok(Object {
            kind: row.get(0)?,
            name: row.get(1)?,
            sql: row.get(2)?,
        })
    })?;
    Ok(objects.collect::<Result<_, _>>()?)
}
