//! Tables of an earlier schema are migrated by one of several servers, and a server of another release stops in time.
//!
//! `schema-4.sql` is schema 4 as PostgreSQL takes it.

use std::collections::BTreeSet;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use postgres::types::{ToSql, Type};
use rusqlite::types::Value;

use super::{CLOCK, run, serve};
use crate::support::WorkDir;
use crate::support::database::{Schema, server_or_skip};

const SCHEMA_4: &str = include_str!("schema-4.sql");

/// Makes the tables of schema 4 with the data of `file`, whose parents have no labels.
fn make_schema_4(schema: &Schema, file: &rusqlite::Connection) {
    let mut client = schema.connect();
    client
        .batch_execute(&format!(
            "{SCHEMA_4}
             create table cf_packages_schema (id bigint primary key check (id = 1), number bigint not null);
             insert into cf_packages_schema (id, number) values (1, 4);
             delete from versions;
             set session_replication_role = replica"
        ))
        .expect("the tables of schema 4");
    let tables = client
        .query(
            "select tablename::text from pg_tables where schemaname = current_schema() and tablename <> 'cf_packages_schema'",
            &[],
        )
        .expect("the tables");
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        copy(&mut client, file, &table);
    }
}

fn copy(client: &mut postgres::Client, file: &rusqlite::Connection, table: &str) {
    let described = client
        .prepare(&format!("select * from {table}"))
        .expect("a table");
    let columns: Vec<_> = described.columns().iter().collect();
    let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
    let names = names.join(", ");
    let parameters: Vec<_> = (1..=columns.len()).map(|n| format!("${n}")).collect();
    let insert = format!(
        "insert into {table} ({names}) values ({})",
        parameters.join(", ")
    );
    let mut rows = file
        .prepare(&format!("select {names} from {table}"))
        .expect("the same table");
    let mut rows = rows.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let values: Vec<Box<dyn ToSql + Sync>> = columns
            .iter()
            .enumerate()
            .map(|(n, column)| value(row.get(n).expect("a value"), column.type_()))
            .collect();
        let values: Vec<_> = values.iter().map(|value| &**value).collect();
        client.execute(&insert, &values).expect("a row");
    }
    if names.starts_with("id, ") {
        let sql = format!(
            "select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table} having max(id) is not null"
        );
        client.batch_execute(&sql).expect("a sequence, or none");
    }
}

fn value(value: Value, of: &Type) -> Box<dyn ToSql + Sync> {
    match value {
        Value::Integer(number) => Box::new(number),
        Value::Text(text) => Box::new(text),
        Value::Blob(bytes) => Box::new(bytes),
        Value::Null if *of == Type::INT8 => Box::new(None::<i64>),
        Value::Null if *of == Type::BYTEA => Box::new(None::<Vec<u8>>),
        Value::Null => Box::new(None::<String>),
        Value::Real(number) => panic!("{number} is no value of this program"),
    }
}

/// Returns every column, constraint, index, trigger and function.
fn catalog(schema: &Schema) -> BTreeSet<String> {
    let mut client = schema.connect();
    let rows = client.query(
        "select format('column %s.%s %s %s %s %s %s %s', c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
                    a.attcollation::regcollation, a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid))
         from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on (d.adrelid, d.adnum) = (c.oid, a.attnum)
         where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'S') and a.attnum > 0
         union all
         select format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
         from pg_constraint where connamespace = current_schema()::regnamespace
         union all
         select 'index ' || indexdef from pg_indexes where schemaname = current_schema()
         union all
         select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where not t.tgisinternal and c.relnamespace = current_schema()::regnamespace
         union all
         select 'function ' || pg_get_functiondef(oid) from pg_proc where pronamespace = current_schema()::regnamespace
         union all
         select 'schema ' || number from cf_packages_schema",
        &[],
    );
    let name: String = client
        .query_one("select current_schema()::text", &[])
        .expect("the schema")
        .get(0);
    let rows = rows.expect("the catalog");
    let lines = rows.iter().map(|row| row.get::<_, String>(0));
    lines.map(|line| line.replace(&name, "S")).collect()
}

/// A file with data, and the tables of schema 4 with the same data.
struct Earlier {
    schema: Schema,
    folder: WorkDir,
    /// What the file exports.
    exported: String,
}

fn earlier() -> Earlier {
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    let path = folder.path("packages.db");
    let seed = [
        "seed",
        "demo",
        "example",
        "--generate",
        "200",
        "--clock",
        CLOCK,
    ];
    run(&folder, path.to_str().expect("UTF-8"), &seed);
    let file = rusqlite::Connection::open(&path).expect("a database");
    for (parents, parent) in [
        ("organizations", "organization"),
        ("spaces", "space"),
        ("apps", "app"),
    ] {
        file.execute_batch(&format!(
            "update {parents} set labels = '{{}}', annotations = '{{}}'; delete from {parent}_labels"
        ))
        .expect("no labels");
    }
    make_schema_4(&schema, &file);
    drop(file);
    let exported = run(&folder, path.to_str().expect("UTF-8"), &["export"]);
    Earlier {
        schema,
        folder,
        exported,
    }
}

impl Earlier {
    /// Starts `seed example`, which changes no data.
    fn spawn_seed(&self) -> Child {
        crate::support::command(&self.folder.path(""))
            .args(["seed", "example", "--clock", CLOCK])
            .env("CF_PACKAGES_DB", self.schema.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }
}

/// Returns the standard error of a command that succeeded.
fn messages(output: Output) -> String {
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{stderr}");
    stderr
}

#[test]
fn one_of_several_programs_migrates_and_the_schema_is_the_current_one() {
    if server_or_skip("a migration").is_none() {
        return;
    }
    let earlier = earlier();
    for arguments in [&["export"][..], &["token", "--admin"]] {
        let refused = earlier
            .folder
            .run(&[arguments, &["--db", earlier.schema.url()]].concat());
        assert_eq!(refused.status, 1, "{arguments:?}");
        assert!(
            refused
                .stderr
                .contains("has schema 4, and this program needs 5"),
            "{}",
            refused.stderr
        );
    }
    // Commands and servers at once.
    let seeds: Vec<_> = (0..3).map(|_| earlier.spawn_seed()).collect();
    let servers: Vec<_> = std::thread::scope(|scope| {
        let start = || serve(&earlier.folder, earlier.schema.url(), &["--no-auth"]);
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
        let starts = starts.into_iter();
        starts
            .map(|start| start.join().expect("a server"))
            .collect()
    });
    let mut messages: Vec<_> = seeds
        .into_iter()
        .map(|seed| messages(seed.wait_with_output().expect("the program ends")))
        .collect();
    for server in servers {
        assert_eq!(server.get("/v3/packages", "").status, 200);
        server.signal("TERM");
        messages.push(server.wait().2);
    }
    let messages = messages.concat();
    let migrations = messages.matches("was migrated from schema 4 to 5").count();
    assert_eq!(migrations, 1, "{messages}");

    let made = Schema::new().expect("a server");
    run(&earlier.folder, made.url(), &["seed", "example"]);
    let (migrated, expected) = (catalog(&earlier.schema), catalog(&made));
    let differences: Vec<_> = migrated.symmetric_difference(&expected).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(run(&earlier.folder, earlier.schema.url(), &["export"]) == earlier.exported);
    let checked = run(&earlier.folder, earlier.schema.url(), &["check"]);
    assert!(checked.contains("no fault"), "{checked}");
}

#[test]
fn migration_waits_for_transactions_and_keeps_later_ones_waiting() {
    if server_or_skip("a migration beside transactions").is_none() {
        return;
    }
    let earlier = earlier();
    let mut client = earlier.schema.connect();
    let mut reading = client.transaction().expect("a transaction");
    reading
        .batch_execute("lock table cf_packages_schema in access share mode")
        .expect("a lock");
    let seed = earlier.spawn_seed();
    let started = Instant::now();
    let mut observer = earlier.schema.connect();
    let waits = "select 1 from pg_locks where relation = 'cf_packages_schema'::regclass and mode = 'AccessExclusiveLock' and not granted";
    while observer.query(waits, &[]).expect("the locks").is_empty() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it does not wait"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    let columns = "select count(*) from information_schema.columns where table_schema = current_schema() and table_name = 'organizations' and column_name = 'labels'";
    let count = |client: &mut postgres::Client| -> i64 {
        client.query_one(columns, &[]).expect("a number").get(0)
    };
    assert_eq!(count(&mut observer), 0);
    reading.commit().expect("the end");
    let messages = messages(seed.wait_with_output().expect("the program ends"));
    assert!(
        messages.contains("was migrated from schema 4 to 5"),
        "{messages}"
    );
    assert_eq!(count(&mut observer), 1);
}

#[test]
fn step_that_fails_changes_nothing() {
    if server_or_skip("a migration that fails").is_none() {
        return;
    }
    let earlier = earlier();
    let mut client = earlier.schema.connect();
    client
        .batch_execute("create table app_labels (x bigint)")
        .expect("a table in the way");
    let before = catalog(&earlier.schema);
    let refused = earlier
        .folder
        .run(&["seed", "example", "--db", earlier.schema.url()]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("cannot be migrated from schema 4")
            && refused.stderr.contains("app_labels"),
        "{}",
        refused.stderr
    );
    assert_eq!(catalog(&earlier.schema), before);
}

#[test]
fn running_server_stops_serving_tables_of_another_schema() {
    if server_or_skip("a server of an earlier release").is_none() {
        return;
    }
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    run(&folder, schema.url(), &["seed", "demo", "--clock", CLOCK]);
    let server = serve(&folder, schema.url(), &["--no-auth"]);
    let page = "/v3/packages?per_page=1";
    let first = server.get(page, "").body;
    let first: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    let guid = first["resources"][0]["guid"].as_str().expect("a guid");
    let uncached = "/v3/users";
    let change = r#"{"metadata":{"labels":{"a":"b"}}}"#;
    let patch = format!(
        "PATCH /v3/packages/{guid} HTTP/1.1\r\nHost: example.org\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{change}",
        change.len()
    );
    let mut client = schema.connect();
    for (number, status) in [(6, 503), (5, 200)] {
        let sql = format!("update cf_packages_schema set number = {number}");
        client.batch_execute(&sql).expect("another schema");
        // The page is cached.
        for target in [page, uncached, "/healthz"] {
            let response = server.get(target, "");
            assert_eq!(response.status, status, "{target}: {}", response.body);
        }
        let response = server.send(&patch);
        assert_eq!(response.status, status, "{}", response.body);
    }
    server.signal("TERM");
    let log = server.wait().2;
    assert!(log.contains("was migrated to schema 6"), "{log}");
}
