//! The tables in PostgreSQL are those of `schema.sql`.

use std::collections::BTreeSet;

use super::run;
use crate::support::WorkDir;
use crate::support::database::{Schema, server_or_skip};

/// Returns one line for each row of a statement.
fn lines(client: &mut postgres::Client, sql: &str) -> BTreeSet<String> {
    let rows = client.query(sql, &[]).expect("the server answers");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Returns one line for each row of a statement, which is run for each table of the file.
fn lines_of_file(file: &rusqlite::Connection, sql: &str) -> BTreeSet<String> {
    let mut statement = file.prepare(sql).expect("the statement is right");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|line| line.expect("text")).collect()
}

#[test]
fn tables_are_those_of_the_file() {
    if server_or_skip("a comparison of the tables").is_none() {
        return;
    }
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    let path = folder.path("packages.db");
    for url in [schema.url(), path.to_str().expect("UTF-8")] {
        run(&folder, url, &["seed", "example"]);
    }
    let file = rusqlite::Connection::open(path).expect("a database");
    let mut client = schema.connect();

    // Tables, columns, types, nulls and whether there is a default.
    let columns = lines(
        &mut client,
        "select c.table_name || '.' || c.column_name || ' '
                || case c.data_type when 'bigint' then 'integer' when 'bytea' then 'blob' else c.data_type end
                || case when c.is_nullable = 'NO' then ' not null' else '' end
                || case when c.column_default is not null then ' default' else '' end
         from information_schema.columns c
         where c.table_schema = current_schema() and c.table_name <> 'cf_packages_schema'",
    );
    let expected = lines_of_file(
        &file,
        "select t.name || '.' || c.name || ' ' || lower(c.type)
                || case when c.\"notnull\" or c.pk > 0 then ' not null' else '' end
                || case when c.dflt_value is not null then ' default' else '' end
         from sqlite_schema t join pragma_table_info(t.name) c
         where t.type = 'table' and t.name not like 'sqlite_%'",
    );
    assert_eq!(columns, expected);

    // Text compares as bytes.
    let other_order = lines(
        &mut client,
        "select table_name || '.' || column_name from information_schema.columns
         where table_schema = current_schema() and data_type = 'text' and collation_name is distinct from 'C'",
    );
    assert!(other_order.is_empty(), "{other_order:?}");

    // Foreign keys.
    let keys = lines(
        &mut client,
        "select c.conrelid::regclass::text || ' -> ' || c.confrelid::regclass::text || ' '
                || case c.confupdtype when 'c' then 'CASCADE' else 'NO ACTION' end || ' '
                || case c.confdeltype when 'c' then 'CASCADE' else 'NO ACTION' end || ' '
                || (select string_agg(a.attname, ',' order by a.attname) from pg_attribute a
                    where a.attrelid = c.conrelid and a.attnum = any(c.conkey))
         from pg_constraint c where c.contype = 'f' and c.connamespace = current_schema()::regnamespace",
    );
    let keys: BTreeSet<_> = keys
        .iter()
        .map(|key| {
            let words = key
                .split(' ')
                .map(|word| word.rsplit('.').next().expect("a word"));
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let expected = lines_of_file(
        &file,
        "select name || ' -> ' || \"table\" || ' ' || on_update || ' ' || on_delete || ' ' || group_concat(\"from\", ',')
         from (select t.name, f.* from sqlite_schema t join pragma_foreign_key_list(t.name) f
               where t.type = 'table' order by f.\"from\")
         group by name, id",
    );
    assert_eq!(keys, expected);

    // Indexes and triggers, by their names; what keeps values out, by its number.
    let names = lines(
        &mut client,
        "select indexname::text from pg_indexes where schemaname = current_schema()
             and indexname::text not like '%_key' and indexname::text not like '%_pkey'
         union all
         select tgname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where not tgisinternal and c.relnamespace = current_schema()::regnamespace",
    );
    let expected = lines_of_file(
        &file,
        "select name from sqlite_schema where type in ('index', 'trigger') and name not like 'sqlite_%'",
    );
    assert_eq!(names, expected);
    let unique = client
        .query_one(
            "select count(*) from pg_constraint where contype = 'u' and connamespace = current_schema()::regnamespace",
            &[],
        )
        .expect("a number");
    let expected: i64 = file
        .query_row(
            "select count(*) from sqlite_schema t join pragma_index_list(t.name) i where t.type = 'table' and i.origin = 'u'",
            [],
            |row| row.get(0),
        )
        .expect("a number");
    assert_eq!(unique.get::<_, i64>(0), expected);
    let checks = client
        .query_one(
            "select count(*) from pg_constraint c where contype = 'c' and connamespace = current_schema()::regnamespace
                 and conrelid <> 'cf_packages_schema'::regclass",
            &[],
        )
        .expect("a number");
    let schema = include_str!("../../../schema.sql");
    let expected = schema
        .lines()
        .map(|line| line.split("--").next().expect("a part"))
        .map(|line| line.matches("check (").count())
        .sum::<usize>();
    assert_eq!(usize::try_from(checks.get::<_, i64>(0)).unwrap(), expected);
}

#[test]
fn tables_of_other_programs_and_releases_are_refused() {
    if server_or_skip("other tables").is_none() {
        return;
    }
    let folder = WorkDir::of_files();
    let schema = Schema::new().expect("a server");
    let mut client = schema.connect();
    client.batch_execute("create table apps (x int)").unwrap();
    let refused = folder.run(&["seed", "example", "--db", schema.url()]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("`apps` of another program"),
        "{}",
        refused.stderr
    );
    client.batch_execute("drop table apps").unwrap();

    let empty = folder.run(&["export", "--db", schema.url()]);
    assert_eq!(empty.status, 1);
    assert!(
        empty.stderr.contains("holds no data of cf-packages"),
        "{}",
        empty.stderr
    );

    run(&folder, schema.url(), &["seed", "example"]);
    for (number, expected) in [
        (6, "was made by a newer cf-packages (schema 6"),
        (
            3,
            "has schema 3, which no release of cf-packages made on a server",
        ),
    ] {
        let sql = format!("update cf_packages_schema set number = {number}");
        client.batch_execute(&sql).unwrap();
        for arguments in [&["seed", "example"][..], &["export"], &["token", "--admin"]] {
            let refused = folder.run(&[arguments, &["--db", schema.url()]].concat());
            assert_eq!(refused.status, 1, "{arguments:?}");
            assert!(refused.stderr.contains(expected), "{}", refused.stderr);
        }
    }
}

#[test]
fn values_that_the_file_refuses_are_refused() {
    if server_or_skip("checks of values").is_none() {
        return;
    }
    let folder = WorkDir::of_files();
    let schema = Schema::new().expect("a server");
    run(&folder, schema.url(), &["seed", "demo"]);
    let mut client = schema.connect();
    for sql in [
        "update packages set state = 'X'",
        "update packages set labels = 'no JSON'",
        "update packages set guid = null",
        "update organizations set suspended = 2",
        "update packages set space_id = space_id + 1000",
        "insert into versions (id, packages, access, parents) values (2, 0, 0, 0)",
        "delete from spaces",
    ] {
        assert!(client.batch_execute(sql).is_err(), "{sql}");
    }
}
