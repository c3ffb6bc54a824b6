//! Whether the schema of a file is the one that it must be. Before that is known, no trigger or view of the file is
//! run.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use rusqlite::Connection;

use crate::store::{StoreError, migrate};

/// Returns the version of the schema that the file names.
pub(in crate::store) fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.query_row("pragma user_version", [], |row| row.get(0))?)
}

/// A difference between the schema of a file and ours. Its text is a phrase that goes on after `has`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Difference {
    text: String,
    /// Whether a table that we have is not there, or is another one or no table.
    pub is_of_our_table: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// Returns how the schema of a file differs from the schema of that version, for each table, index, trigger or view.
/// Comments, white space and the quotes that `alter table` adds make no difference.
pub(in crate::store) fn differences(
    connection: &Connection,
    version: u32,
) -> Result<Vec<Difference>, StoreError> {
    let expected = Connection::open_in_memory()?;
    migrate::build_schema(&expected, version)?;
    let expected = objects(&expected)?;
    let found = objects(connection)?;
    let mut differences = Vec::new();
    for object in &found {
        match expected.iter().find(|known| known.name == object.name) {
            None => {
                let a = if object.kind == "index" { "an" } else { "a" };
                differences.push(Difference {
                    text: format!("{a} {} `{}` that is not ours", object.kind, object.name),
                    is_of_our_table: false,
                });
            }
            Some(known) if known != object => {
                differences.push(Difference {
                    text: format!("another {} `{}` than ours", object.kind, object.name),
                    is_of_our_table: known.kind == "table",
                });
            }
            Some(_) => {}
        }
    }
    for known in &expected {
        if !found.iter().any(|object| object.name == known.name) {
            differences.push(Difference {
                text: format!("no {} `{}`", known.kind, known.name),
                is_of_our_table: known.kind == "table",
            });
        }
    }
    Ok(differences)
}

/// A row of `sqlite_schema` (<https://sqlite.org/schematab.html>).
#[derive(Debug, PartialEq)]
struct SchemaObject {
    kind: String,
    name: String,
    table: String,
    /// Empty for the indexes that SQLite makes by itself.
    tokens: Vec<String>,
}

fn objects(connection: &Connection) -> Result<Vec<SchemaObject>, StoreError> {
    // A damaged or hostile file may have nulls in any column.
    let mut statement = connection.prepare(
        "select coalesce(type, ''), coalesce(name, ''), coalesce(tbl_name, ''), coalesce(sql, '')
         from sqlite_schema",
    )?;
    let objects = statement.query_map([], |row| {
        let (table, sql): (String, String) = (row.get(2)?, row.get(3)?);
        Ok(SchemaObject {
            kind: row.get(0)?,
            name: row.get(1)?,
            tokens: tokens(&sql, &table),
            table,
        })
    })?;
    let objects: Vec<_> = objects.collect::<Result<_, _>>()?;
    Ok(objects
        .into_iter()
        .filter(|object| !object.is_statistics() && !object.is_of_litestream())
        .collect())
}

impl SchemaObject {
    /// Whether this is a table in which SQLite itself stores statistics for the query planner
    /// (<https://sqlite.org/fileformat2.html#the_sqlite_stat1_table>).
    fn is_statistics(&self) -> bool {
        let columns = match self.name.as_str() {
            "sqlite_stat1" => "tbl,idx,stat",
            "sqlite_stat4" => "tbl,idx,neq,nlt,ndlt,sample",
            _ => return false,
        };
        let sql = format!("CREATE TABLE {}({columns})", self.name);
        self.kind == "table" && self.table == self.name && self.tokens == tokens(&sql, &self.name)
    }

    /// Whether this is a table that Litestream adds to each file that it replicates. No statement of ours uses it.
    fn is_of_litestream(&self) -> bool {
        ["_litestream_seq", "_litestream_lock"].contains(&self.name.as_str())
            && self.kind == "table"
            && self.table == self.name
            // Not a virtual one, which runs code.
            && self.tokens.starts_with(&["CREATE".to_owned(), "TABLE".to_owned()])
    }
}

/// Returns the tokens of a statement, without comments and white space.
///
/// `alter table … rename to` writes the name of the table in quotes. These are removed where the name is `table`; other
/// quoted names are kept as they are, since in some places SQLite reads `"x"` as a string.
fn tokens(sql: &str, table: &str) -> Vec<String> {
    let quoted_table = format!("\"{table}\"");
    let mut tokens = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(first) = chars.next() {
        let second = chars.peek().copied();
        match first {
            '-' if second == Some('-') => {
                let _ = chars.by_ref().find(|char| *char == '\n');
            }
            '/' if second == Some('*') => {
                chars.next();
                let mut last = ' ';
                let _ = chars.by_ref().find(|char| {
                    let ends = last == '*' && *char == '/';
                    last = *char;
                    ends
                });
            }
            '\'' | '"' | '`' => {
                let token = quoted(first, &mut chars);
                if token == quoted_table {
                    tokens.push(table.to_owned());
                } else {
                    tokens.push(token);
                }
            }
            first if first.is_ascii_whitespace() => {}
            first => {
                let mut token = first.to_string();
                while is_word(first)
                    && let Some(next) = chars.next_if(|next| is_word(*next))
                {
                    token.push(next);
                }
                tokens.push(token);
            }
        }
    }
    tokens
}

/// Reads to the end of a string or a quoted name. A quote in it is written twice.
fn quoted(quote: char, chars: &mut Peekable<Chars<'_>>) -> String {
    let mut token = quote.to_string();
    while let Some(next) = chars.next() {
        token.push(next);
        if next == quote {
            match chars.next_if_eq(&quote) {
                Some(second) => token.push(second),
                None => break,
            }
        }
    }
    token
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == '$' || !char.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_white_space_make_no_difference() {
        assert_eq!(
            tokens(
                "create table t (a text, -- it's one\n  b /* \"two\" */ integer)",
                "t"
            ),
            tokens("create table t(a text,b integer)", "t")
        );
    }

    #[test]
    fn quotes_of_a_renamed_table_make_no_difference() {
        assert_eq!(
            tokens("CREATE TABLE \"t\" (a)", "t"),
            tokens("CREATE TABLE t (a)", "t")
        );
        assert_ne!(
            tokens("create table t (\"a\")", "t"),
            tokens("create table t (a)", "t")
        );
    }

    #[test]
    fn strings_are_compared_as_they_are() {
        for (one, other) in [
            ("check (a in ('x'))", "check (a in ('X'))"),
            ("check (a in ('x'))", "check (a in (x))"),
            ("default 'a -- b'", "default 'a'"),
            ("default 'a''b'", "default 'a'"),
            ("default ' '", "default ''"),
            ("default '\"t\"'", "default 't'"),
            ("default [t]", "default t"),
        ] {
            assert_ne!(tokens(one, "t"), tokens(other, "t"), "{one} {other}");
        }
    }
}
