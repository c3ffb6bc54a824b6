//! The file that `--db` names. One that is not a database of this program, or is damaged, is refused with one sentence and
//! not changed, and no other file is left beside it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;

use crate::support::WorkDir;

/// The commands that open a database, with arguments that make each of them end by itself.
const COMMANDS: [(&str, &[&str]); 6] = [
    (
        "serve",
        &[
            "--listen",
            "127.0.0.1:0",
            "--exit-with-stdin",
            "--seed",
            "example",
        ],
    ),
    ("seed", &["example"]),
    ("check", &[]),
    ("export", &[]),
    ("token", &["--admin"]),
    ("get", &["/v3/packages", "--admin"]),
];

/// The commands that create the file if it does not exist.
const CREATING_COMMANDS: [&str; 2] = ["serve", "seed"];

fn run(dir: &WorkDir, subcommand: &str, file: impl AsRef<OsStr>) -> Output {
    let (_, arguments) = COMMANDS
        .iter()
        .find(|(name, _)| *name == subcommand)
        .expect("a command");
    dir.command()
        .arg(subcommand)
        .args(*arguments)
        .arg("--db")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// Returns the name, the kind and the bytes of each file in the folder.
fn files(dir: &WorkDir) -> BTreeMap<OsString, (String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir.path("")).expect("a folder is read");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let kind = entry.file_type().expect("a type");
            let bytes = if kind.is_file() {
                std::fs::read(entry.path()).expect("bytes")
            } else {
                Vec::new()
            };
            (entry.file_name(), (format!("{kind:?}"), bytes))
        })
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs the command, which must fail with exactly this sentence, and change nothing.
fn assert_refused(dir: &WorkDir, subcommand: &str, file: &str, sentence: &str) {
    let before = files(dir);
    let output = run(dir, subcommand, file);
    let expected = format!("cf-packages: `{file}` {sentence}\n");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(1), expected),
        "{subcommand}"
    );
    let out = text(&output.stdout);
    assert!(
        out.is_empty() || subcommand == "check" && !out.contains("no fault"),
        "{subcommand}: {out}"
    );
    assert!(
        files(dir) == before,
        "{subcommand} of {file} changed something: {:?}",
        dir.file_names()
    );
}

/// Creates a database and runs `sql` in it. Each command must refuse it: `check` with the fault, the others with the advice
/// too.
fn assert_fault_is_named(sql: &str, fault: &str, advice: &str) {
    let dir = WorkDir::new();
    database_with_sql(&dir, "f", sql);
    for (subcommand, _) in COMMANDS {
        let sentence = match subcommand {
            "check" => format!("has {fault}"),
            _ => format!("has {fault}; {advice}"),
        };
        assert_refused(&dir, subcommand, "f", &sentence);
    }
}

/// Creates a database with the data of the seed `example`.
fn database(dir: &WorkDir, file: &str) -> PathBuf {
    dir.run_ok(&[
        "seed",
        "example",
        "--db",
        file,
        "--clock",
        "2026-01-02T03:04:05Z",
    ]);
    dir.path(file)
}

/// Creates a database and changes its bytes.
fn database_with_bytes(dir: &WorkDir, file: &str, patch: impl FnOnce(&mut Vec<u8>)) {
    let path = database(dir, file);
    let mut bytes = std::fs::read(&path).expect("bytes");
    patch(&mut bytes);
    std::fs::write(path, bytes).expect("written");
}

/// Creates a database and changes it with SQL.
fn database_with_sql(dir: &WorkDir, file: &str, sql: &str) {
    let connection = Connection::open(database(dir, file)).expect("opens");
    connection.execute_batch(sql).expect(sql);
    connection.close().expect("closes");
    assert_eq!(dir.file_names(), [file]);
}

type Create = fn(&WorkDir);

/// How to create each file `f`, and the sentence with which it is refused.
const FILES: &[(Create, &str)] = &[
    (
        |dir| drop(dir.write("f", "{\"packages\": []}\n")),
        "is not an SQLite database; name another file",
    ),
    (
        |dir| drop(dir.write("f", "x")),
        "is not an SQLite database; name another file",
    ),
    (
        |dir| drop(dir.write("f", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")),
        "is not an SQLite database; name another file",
    ),
    (
        |dir| drop(dir.write("f", [b"\x1f\x8b\x08".as_slice(), &[7; 5000]].concat())),
        "is not an SQLite database; name another file",
    ),
    (
        |dir| drop(dir.write("f", [0; 4096])),
        "is not an SQLite database; name another file",
    ),
    (
        |dir| drop(dir.write("f", [0xFF; 4096])),
        "is not an SQLite database; name another file",
    ),
    (
        |dir| drop(dir.write("f", "SQLite format 3\0")),
        "is cut short; restore it from a copy or an export",
    ),
    (
        |dir| database_with_bytes(dir, "f", |bytes| bytes.truncate(99)),
        "is cut short; restore it from a copy or an export",
    ),
    (
        |dir| {
            let connection = Connection::open(dir.path("f")).expect("opens");
            connection
                .execute_batch("create table t (x); insert into t values (1)")
                .expect("fills");
        },
        "belongs to another program (application id 0x00000000); name another file",
    ),
    (
        |dir| {
            let connection = Connection::open(dir.path("f")).expect("opens");
            connection
                .execute_batch("pragma application_id = 252006674; create table packages (x)")
                .expect("fills");
        },
        "belongs to another program (application id 0x0f055112); name another file",
    ),
    (
        |dir| {
            database_with_bytes(dir, "f", |bytes| {
                bytes[60..64].copy_from_slice(&999_u32.to_be_bytes())
            })
        },
        "was made by a newer cf-packages (schema 999, this program knows 5); upgrade the program",
    ),
    (
        |dir| {
            database_with_bytes(dir, "f", |bytes| {
                bytes[60..64].copy_from_slice(&0_u32.to_be_bytes())
            })
        },
        "has schema 0, which no release of cf-packages made (this program knows 5); restore it from a copy or an export",
    ),
    (
        |dir| std::fs::create_dir(dir.path("f")).expect("a folder"),
        "is a directory; name a file in it",
    ),
    (
        |dir| {
            let made = Command::new("mkfifo")
                .arg(dir.path("f"))
                .status()
                .expect("mkfifo runs");
            assert!(made.success());
        },
        "is not a regular file; name a file that can hold a database",
    ),
    (
        |dir| drop(UnixListener::bind(dir.path("f")).expect("a socket")),
        "is not a regular file; name a file that can hold a database",
    ),
    (
        |dir| symlink("/dev/null", dir.path("f")).expect("a link"),
        "is not a regular file; name a file that can hold a database",
    ),
    (
        |dir| symlink("nothing", dir.path("f")).expect("a link"),
        "is a symbolic link to a file that is not there; make that file, or name it",
    ),
    (
        |dir| symlink("f", dir.path("f")).expect("a link"),
        "cannot be read: too many levels of symbolic links",
    ),
];

#[test]
fn file_of_another_kind_is_refused_and_not_changed() {
    for (create, sentence) in FILES {
        let dir = WorkDir::new();
        create(&dir);
        for (subcommand, _) in COMMANDS {
            assert_refused(&dir, subcommand, "f", sentence);
        }
    }
}

#[test]
fn truncated_file_is_refused_at_any_length() {
    let dir = WorkDir::new();
    let whole = std::fs::read(database(&dir, "f")).expect("bytes");
    for length in [
        100,
        512,
        4095,
        4096,
        whole.len() / 2,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        dir.write("f", &whole[..length]);
        let sentence = format!(
            "is cut short ({length} of {} bytes); restore it from a copy or an export",
            whole.len()
        );
        for (subcommand, _) in COMMANDS {
            assert_refused(&dir, subcommand, "f", &sentence);
        }
    }
}

#[test]
fn only_serve_and_seed_create_a_missing_file_or_fill_an_empty_one() {
    for (subcommand, _) in COMMANDS {
        for name in ["f", "empty"] {
            let dir = WorkDir::new();
            if name == "empty" {
                dir.write(name, "");
            }
            if CREATING_COMMANDS.contains(&subcommand) {
                let output = run(&dir, subcommand, name);
                assert_eq!(
                    (output.status.code(), text(&output.stderr)),
                    (Some(0), String::new()),
                    "{subcommand}"
                );
                assert_eq!(dir.file_names(), [name]);
                assert!(dir.run_ok(&["export", "--db", name]).contains("uaa-id-463"));
            } else if name == "empty" {
                assert_refused(
                    &dir,
                    subcommand,
                    name,
                    "is empty; `cf-packages seed` or `serve` fills it",
                );
            } else {
                assert_refused(
                    &dir,
                    subcommand,
                    name,
                    "does not exist; `cf-packages seed` or `serve` creates it",
                );
            }
        }
        let dir = WorkDir::new();
        assert_refused(
            &dir,
            subcommand,
            "no/such/f",
            "cannot be made: there is no folder `no/such`; make it first",
        );
    }
}

#[test]
fn foreign_schema_is_refused_before_any_of_it_runs() {
    for (sql, difference) in [
        (
            "create trigger evil after insert on packages begin delete from packages; end",
            "a trigger `evil` that is not ours",
        ),
        (
            "create view evil as select * from packages",
            "a view `evil` that is not ours",
        ),
        ("create table more (x)", "a table `more` that is not ours"),
        (
            "create view _litestream_seq as select 1",
            "a view `_litestream_seq` that is not ours",
        ),
        (
            "create unique index more on packages (state, guid)",
            "an index `more` that is not ours",
        ),
        (
            "drop index packages_by_state",
            "no index `packages_by_state`",
        ),
        (
            "drop trigger packages_deleted",
            "no trigger `packages_deleted`",
        ),
        (
            "drop trigger packages_deleted; create trigger packages_deleted after delete on packages begin select 1; end",
            "another trigger `packages_deleted` than ours",
        ),
        (
            "alter table users add column password text",
            "another table `users` than ours",
        ),
        // SQLite reserves these names. A hostile program can use them all the same.
        (
            "create trigger evil after insert on packages begin delete from packages; end;
             pragma writable_schema = on; update sqlite_schema set name = 'sqlite_stat9', sql = replace(sql, 'evil', 'sqlite_stat9') where name = 'evil'",
            "a trigger `sqlite_stat9` that is not ours",
        ),
        (
            "create view evil as select * from packages;
             pragma writable_schema = on; update sqlite_schema set name = 'sqlite_stat1', tbl_name = 'sqlite_stat1', sql = replace(sql, 'evil', 'sqlite_stat1') where name = 'evil'",
            "a view `sqlite_stat1` that is not ours",
        ),
    ] {
        assert_fault_is_named(sql, difference, "`cf-packages check` names every difference");
    }
}

#[test]
fn statistics_of_the_query_planner_are_accepted() {
    let dir = WorkDir::new();
    database_with_sql(&dir, "f", "analyze");
    for (subcommand, _) in COMMANDS {
        let output = run(&dir, subcommand, "f");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new()),
            "{subcommand}"
        );
    }
}

#[test]
fn tables_of_litestream_are_accepted() {
    let dir = WorkDir::new();
    let sql = "create table _litestream_seq (id integer primary key, seq integer); create table _litestream_lock (id integer);";
    database_with_sql(&dir, "f", sql);
    for (subcommand, _) in COMMANDS {
        let output = run(&dir, subcommand, "f");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new()),
            "{subcommand}"
        );
    }
}

#[test]
fn file_without_what_the_program_depends_on_is_refused_by_name() {
    for (sql, fault) in [
        ("delete from token_keys", "no token key"),
        ("delete from versions", "lost its row in `versions`"),
        (
            "update versions set packages = 9223372036854775807",
            "a counter in `versions` that cannot grow",
        ),
        (
            "update versions set access = -1",
            "a counter in `versions` that cannot grow",
        ),
        (
            "insert into package_changes (block, version) values (0, 77)",
            "changes in `package_changes` that `versions` does not count",
        ),
        (
            "update sqlite_sequence set seq = 1 where name = 'packages'",
            "an id sequence of `packages` that was set back",
        ),
        (
            "delete from sqlite_sequence where name = 'apps'",
            "an id sequence of `apps` that was set back",
        ),
        (
            "update sqlite_sequence set seq = 9223372036854775800 where name = 'packages'",
            "an id sequence of `packages` that is near its end",
        ),
        (
            "update sqlite_sequence set seq = 'x' where name = 'users'",
            "an id sequence of `users` that is not one number",
        ),
        (
            "insert into sqlite_sequence (name, seq) values ('spaces', 99)",
            "an id sequence of `spaces` that is not one number",
        ),
        (
            "insert into users (id, guid) values (-5, 'negative')",
            "an id below 1 in `users`",
        ),
    ] {
        assert_fault_is_named(sql, fault, "restore it from a copy or an export");
    }
}

#[test]
fn rollback_journal_of_another_file_is_not_applied() {
    // A header as SQLite writes it: records, nonce, pages of the database before, sector size, page size.
    let journal = |pages: u32| {
        let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
        for number in [0, 0x1234_5678, pages, 512, 4096] {
            journal.extend(number.to_be_bytes());
        }
        journal.resize(1024, 0);
        journal
    };
    // The last would make the file larger by 16 TB.
    for (mode, pages) in [
        ("wal", 0),
        ("wal", 1),
        ("delete", 0),
        ("delete", 1),
        ("delete", 37),
        ("delete", u32::MAX),
    ] {
        let dir = WorkDir::new();
        database_with_sql(&dir, "f", &format!("pragma journal_mode = {mode}"));
        dir.write("f-journal", journal(pages));
        for (subcommand, _) in COMMANDS {
            assert_refused(
                &dir,
                subcommand,
                "f",
                "lies beside `f-journal`, a rollback journal that is not its own and would overwrite it; remove the journal",
            );
        }
        std::fs::remove_file(dir.path("f-journal")).expect("removed");
        assert!(dir.run_ok(&["check", "--db", "f"]).contains(", 4 packages"));
    }
}

#[test]
fn check_reports_faults_of_schema_and_data_at_once() {
    let dir = WorkDir::new();
    database_with_sql(
        &dir,
        "f",
        "pragma foreign_keys = off; create view one as select 1; delete from users;
         update packages set annotations = '[]' where id = 1; delete from versions",
    );
    let output = run(&dir, "check", "f");
    let stderr = text(&output.stderr);
    for fault in [
        "has a view `one` that is not ours",
        "has a row in `space_roles` that refers to nothing in `users`",
        "has a row in `packages` (id 1, guid `guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78`) with a damaged `annotations`: the text is no JSON object of text: invalid type: sequence, expected an object of strings at line 1 column 0",
        "has lost its row in `versions`",
    ] {
        assert!(
            stderr.contains(&format!("cf-packages: `f` {fault}\n")),
            "{fault}: {stderr}"
        );
    }
}

#[test]
fn check_reports_each_fault() {
    let dir = WorkDir::new();
    database_with_sql(
        &dir,
        "f",
        "create view one as select 1; create view two as select 2; drop index packages_by_state",
    );
    let output = run(&dir, "check", "f");
    assert_eq!(
        text(&output.stderr),
        "cf-packages: `f` has a view `one` that is not ours\n\
         cf-packages: `f` has a view `two` that is not ours\n\
         cf-packages: `f` has no index `packages_by_state`\n"
    );
    for (sql, faults) in [
        (
            "pragma foreign_keys = off; update packages set app_id = 77 where id = 2",
            &["has a row 2 in `packages` that refers to nothing in `apps`"][..],
        ),
        // The space of a package must be that of its app.
        (
            "pragma foreign_keys = off; update packages set space_id = 2 where id = 1",
            &["has a row 1 in `packages` that refers to nothing in `apps`"],
        ),
        // The guid of the app too.
        (
            "pragma foreign_keys = off; update packages set app_guid = 'x' where id = 1",
            &["has a row 1 in `packages` that refers to nothing in `apps`"],
        ),
        (
            "pragma foreign_keys = off; delete from users",
            &[
                "has a row in `organization_roles` that refers to nothing in `users`",
                "has a row in `space_roles` that refers to nothing in `users`",
            ],
        ),
        (
            "update packages set labels = '{\"env\":\"prod\"}' where id = 1",
            &[
                "has a package `guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78` that has labels that selectors do not find",
            ],
        ),
        (
            "insert into package_labels values ('env', 'prod', 2)",
            &[
                "has a package `guid-c24fd786-9aad-4bd2-85de-511186485d21` that is found by labels that it does not have",
            ],
        ),
        (
            "pragma ignore_check_constraints = on; update packages set labels = '{', annotations = '[]' where id in (1, 2)",
            &[
                "is damaged: CHECK constraint failed in packages",
                "has a row in `packages` (id 1, guid `guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78`) with a damaged `labels`: the text is no JSON object of text: EOF while parsing an object at line 1 column 1",
                "has a row in `packages` (id 1, guid `guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78`) with a damaged `annotations`: the text is no JSON object of text: invalid type: sequence, expected an object of strings at line 1 column 0",
                "has a row in `packages` (id 2, guid `guid-c24fd786-9aad-4bd2-85de-511186485d21`) with a damaged `labels`: the text is no JSON object of text: EOF while parsing an object at line 1 column 1",
                "has a row in `packages` (id 2, guid `guid-c24fd786-9aad-4bd2-85de-511186485d21`) with a damaged `annotations`: the text is no JSON object of text: invalid type: sequence, expected an object of strings at line 1 column 0",
            ],
        ),
        (
            "update packages set annotations = '[]' where id = 1",
            &[
                "has a row in `packages` (id 1, guid `guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78`) with a damaged `annotations`: the text is no JSON object of text: invalid type: sequence, expected an object of strings at line 1 column 0",
            ],
        ),
        // SQLite accepts these as JSON objects.
        (
            "update packages set annotations = '{\"a\":1}' where id = 1;
             update packages set annotations = '{\"a\":\"\\ud800\"}' where id = 2",
            &[
                "has a row in `packages` (id 1, guid `guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78`) with a damaged `annotations`: the text is no JSON object of text: invalid type: integer `1`, expected a string at line 1 column 6",
                "has a row in `packages` (id 2, guid `guid-c24fd786-9aad-4bd2-85de-511186485d21`) with a damaged `annotations`: the text is no JSON object of text: unexpected end of hex escape at line 1 column 13",
            ],
        ),
        ("delete from versions", &["has lost its row in `versions`"]),
        (
            "pragma ignore_check_constraints = on; update packages set state = 'LOST' where id = 3",
            &[
                "is damaged: CHECK constraint failed in packages",
                "has a row in `packages` (id 3, guid `guid-1ab9a4fd-8c75-4d3e-a0f2-64e7b5c8d906`) with a damaged `state`: the text is none of `AWAITING_UPLOAD`, `PROCESSING_UPLOAD`, `READY`, `FAILED`, `COPYING`, `EXPIRED`",
            ],
        ),
    ] {
        let dir = WorkDir::new();
        database_with_sql(&dir, "f", sql);
        let before = files(&dir);
        let output = run(&dir, "check", "f");
        let mut expected: Vec<String> = faults
            .iter()
            .map(|fault| format!("cf-packages: `f` {fault}"))
            .collect();
        let stderr = text(&output.stderr);
        let mut messages: Vec<&str> = stderr.lines().collect();
        messages.dedup();
        expected.dedup();
        assert_eq!(
            (output.status.code(), messages),
            (Some(1), expected.iter().map(String::as_str).collect()),
            "{sql}"
        );
        assert!(files(&dir) == before);
    }
}

#[test]
fn check_of_a_sound_database_reports_no_fault_and_changes_nothing() {
    let dir = WorkDir::new();
    database(&dir, "f");
    let before = files(&dir);
    let report = dir.run_ok(&["check", "--db", "f"]);
    assert_eq!(
        report,
        format!(
            "cf-packages {}, SQLite {}\n`f`: schema 5, 4 packages\nintegrity, foreign keys, schema, values, labels and bits: no fault\n",
            env!("CARGO_PKG_VERSION"),
            rusqlite::version()
        )
    );
    // Before 3.51.3, two connections could damage a file in WAL mode (https://sqlite.org/wal.html).
    assert!(rusqlite::version_number() >= 3_051_003);
    for subcommand in ["check", "export", "token", "get"] {
        assert_eq!(
            run(&dir, subcommand, "f").status.code(),
            Some(0),
            "{subcommand}"
        );
        assert!(
            files(&dir) == before,
            "{subcommand} left {:?}",
            dir.file_names()
        );
    }
    // While a server has the file open, and after that.
    let server = dir.serve(&["--db", "f"]);
    assert_eq!(dir.run_ok(&["check", "--db", "f"]), report);
    server.stop();
    assert!(files(&dir) == before);
}

/// Pseudorandom numbers, the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("fits")
    }
}

#[test]
fn check_finds_most_flipped_bits_and_never_panics_or_changes_the_file() {
    let dir = WorkDir::new();
    dir.run_ok(&[
        "seed",
        "--generate",
        "600",
        "--clock",
        "2026-01-02T03:04:05Z",
        "--db",
        "f",
    ]);
    let whole = dir.read("f");
    let mut numbers = Numbers(20_151_113);
    let mut found = 0;
    const ROUNDS: usize = 60;
    for _ in 0..ROUNDS {
        let mut bytes = whole.clone();
        for _ in 0..10 {
            let place = 100 + numbers.below(bytes.len() - 100);
            bytes[place] ^= 1 << numbers.below(8);
        }
        let path = dir.write("f", &bytes);
        let checked = cf_packages::store::check(&path, cf_packages::records::find_faults);
        found += usize::from(
            checked.is_err() || checked.is_ok_and(|checked| !checked.faults.is_empty()),
        );
        assert!(
            dir.read("f") == bytes && dir.file_names() == ["f"],
            "{:?}",
            dir.file_names()
        );
    }
    assert!(found * 100 >= ROUNDS * 85, "{found} of {ROUNDS}");
}

#[test]
fn every_command_ends_without_a_panic_on_a_damaged_file() {
    let dir = WorkDir::new();
    dir.run_ok(&[
        "seed",
        "demo",
        "--clock",
        "2026-01-02T03:04:05Z",
        "--db",
        "whole",
    ]);
    let whole = dir.read("whole");
    let mut numbers = Numbers(7);
    for round in 0..8 {
        let mut bytes = whole.clone();
        // From 4 to 512 bytes, in every second round near the start, where the schema is.
        for _ in 0..(4 << round) {
            let end = if round % 2 == 0 {
                4096 * 4
            } else {
                bytes.len()
            };
            let place = 100 + numbers.below(end - 100);
            bytes[place] = u8::try_from(numbers.below(256)).expect("fits");
        }
        for (subcommand, _) in COMMANDS {
            dir.write("f", &bytes);
            let output = run(&dir, subcommand, "f");
            let stderr = text(&output.stderr);
            assert!(
                matches!(output.status.code(), Some(0 | 1)),
                "{subcommand}: {:?} {stderr}",
                output.status
            );
            assert!(!stderr.contains("panicked"), "{subcommand}: {stderr}");
            if subcommand != "check" && output.status.code() == Some(1) && subcommand != "get" {
                assert_eq!(stderr.lines().count(), 1, "{subcommand}: {stderr}");
            }
            if !CREATING_COMMANDS.contains(&subcommand) {
                assert!(dir.read("f") == bytes, "{subcommand} changed the file");
            }
            assert_eq!(dir.file_names(), ["f", "whole"], "{subcommand}: {stderr}");
        }
    }
}

#[test]
fn any_file_name_is_taken_literally() {
    for name in [
        &b"a?b"[..],
        b"a?mode=memory",
        b"a#b",
        b"a%41b",
        b"a%",
        b"a b",
        b" a",
        b"a\nb",
        b"a'b\"c`d",
        b"a\xffb",
        b"file:a",
        b"file:a?mode=memory&cache=shared",
        b":memory:",
        "\u{fc}\u{1f4e6}".as_bytes(),
        b"*",
    ] {
        let name = OsStr::from_bytes(name);
        let dir = WorkDir::new();
        for subcommand in ["seed", "serve", "check", "export", "token", "get"] {
            let output = run(&dir, subcommand, name);
            assert_eq!(
                (output.status.code(), text(&output.stderr)),
                (Some(0), String::new()),
                "{subcommand} {name:?}"
            );
            let there: Vec<_> = files(&dir).into_keys().collect();
            assert_eq!(there, [name], "{subcommand}");
        }
        // `--read-only` passes a URI to SQLite.
        let output = dir
            .command()
            .args([
                "serve",
                "--read-only",
                "--exit-with-stdin",
                "--listen",
                "127.0.0.1:0",
                "--db",
            ])
            .arg(name)
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new()),
            "{name:?}"
        );
        assert_eq!(files(&dir).len(), 1);
    }
}

#[test]
fn symbolic_link_is_followed() {
    let dir = WorkDir::new();
    std::fs::create_dir(dir.path("folder")).expect("a folder");
    database(&dir, "folder/f");
    symlink("folder/f", dir.path("link")).expect("a link");
    for (subcommand, _) in COMMANDS {
        assert_eq!(
            run(&dir, subcommand, "link").status.code(),
            Some(0),
            "{subcommand}"
        );
        assert_eq!(dir.file_names(), ["folder", "link"], "{subcommand}");
    }
    assert_eq!(
        std::fs::read_dir(dir.path("folder"))
            .expect("a folder")
            .count(),
        1
    );
}

#[test]
fn second_hard_link_is_refused_until_it_is_removed() {
    let dir = WorkDir::new();
    database(&dir, "f");
    let server = dir.serve(&["--db", "f", "--seed", "demo"]);
    std::fs::hard_link(dir.path("f"), dir.path("link")).expect("a link");
    let sentence = "is one of 2 hard links to one file, and SQLite keeps a `-wal` for each name, so that commits get lost; keep one name, the one with a `-wal` if there is any, and replace the others by symbolic links to it";
    for (subcommand, _) in COMMANDS {
        assert_refused(&dir, subcommand, "link", sentence);
    }
    for arguments in [
        &["backup", "copy", "--db", "link"][..],
        &["serve", "--read-only", "--db", "link"],
        &["serve", "--ephemeral", "--from", "link"],
    ] {
        let refused = dir.run(arguments);
        assert_eq!(
            (refused.status, refused.stderr),
            (1, format!("cf-packages: `link` {sentence}\n")),
            "{arguments:?}"
        );
    }
    server.stop();
    std::fs::remove_file(dir.path("link")).expect("a link");
    dir.run_ok(&["check", "--db", "f"]);
}

/// Creates `f` as a server leaves it that was killed: the last commit is only in `f-wal`.
fn database_of_a_killed_server(dir: &WorkDir) {
    database(dir, "f");
    dir.write(
        "more.json",
        r#"{"packages": [{"guid": "more", "app": "my-app", "type": "bits"}]}"#,
    );
    let server = dir.serve(&["--db", "f", "--seed", "more.json"]);
    server.signal("KILL");
    assert_eq!(server.wait().0, None);
    assert_eq!(dir.file_names(), ["f", "f-shm", "f-wal", "more.json"]);
    assert!(!dir.read("f-wal").is_empty());
}

#[test]
fn commits_in_a_left_over_write_ahead_log_are_read() {
    for with_shm in [true, false] {
        let dir = WorkDir::new();
        database_of_a_killed_server(&dir);
        if !with_shm {
            std::fs::remove_file(dir.path("f-shm")).expect("removed");
        }
        let before = files(&dir);
        let report = dir.run_ok(&["check", "--db", "f"]);
        assert!(report.contains("schema 5, 5 packages"), "{report}");
        let mut after = files(&dir);
        if with_shm {
            // SQLite may rebuild this index of the log.
            after.insert("f-shm".into(), before[OsStr::new("f-shm")].clone());
        }
        assert!(after == before, "{:?}", dir.file_names());
        let refused = dir.run(&["serve", "--read-only", "--db", "f", "--exit-with-stdin"]);
        assert_eq!(refused.status, 1);
        assert!(
            refused.stderr.contains("has changes still in `f-wal`"),
            "{}",
            refused.stderr
        );
        assert!(dir.run_ok(&["export", "--db", "f"]).contains("\"more\""));
        // A program that writes moves the log into the file.
        assert_eq!(run(&dir, "serve", "f").status.code(), Some(0));
        assert_eq!(dir.file_names(), ["f", "more.json"]);
        assert!(dir.run_ok(&["export", "--db", "f"]).contains("\"more\""));
    }
}

#[test]
fn invalid_or_foreign_write_ahead_log_causes_no_panic() {
    let other = WorkDir::new();
    database_of_a_killed_server(&other);
    for wal in [
        Vec::new(),
        vec![0; 5000],
        b"no log".to_vec(),
        vec![0xA5; 100_000],
        other.read("f-wal"),
    ] {
        for (subcommand, _) in COMMANDS {
            let dir = WorkDir::new();
            database(&dir, "f");
            dir.write("f-wal", &wal);
            let before = dir.read("f");
            let output = run(&dir, subcommand, "f");
            // SQLite replays a log whose checksums are right, whatever file it is of. No result can be promised.
            assert!(
                matches!(output.status.code(), Some(0 | 1)),
                "{subcommand}: {}",
                text(&output.stderr)
            );
            assert!(!text(&output.stderr).contains("panicked"));
            if subcommand == "check" {
                assert!(dir.read("f") == before && dir.read("f-wal") == wal);
                assert_eq!(dir.file_names(), ["f", "f-wal"]);
            }
        }
    }
}

#[test]
fn file_locked_by_another_program_is_reported_as_locked() {
    let dir = WorkDir::new();
    let path = database(&dir, "f");
    let holder = Connection::open(&path).expect("opens");
    holder
        .execute_batch(
            "pragma locking_mode = exclusive; begin immediate; delete from package_labels",
        )
        .expect("locks");
    std::thread::scope(|scope| {
        let runs = COMMANDS
            .map(|(subcommand, _)| (subcommand, scope.spawn(|| run(&dir, subcommand, "f"))));
        for (subcommand, run) in runs {
            let output = run.join().expect("ran");
            assert_eq!(
                (output.status.code(), text(&output.stderr)),
                (Some(1), "cf-packages: `f` is kept locked by another program; end it, or wait and try again\n".into()),
                "{subcommand}"
            );
        }
    });
    holder.execute_batch("rollback").expect("undone");
    drop(holder);
    assert_eq!(dir.file_names(), ["f"]);
    assert!(dir.run_ok(&["check", "--db", "f"]).contains("no fault"));
}

#[test]
fn programs_that_start_at_once_on_a_new_file_all_succeed() {
    for empty in [false, true] {
        let dir = WorkDir::new();
        if empty {
            dir.write("f", "");
        }
        std::thread::scope(|scope| {
            let subcommands = ["seed", "serve", "seed", "serve", "seed", "serve"];
            let runs = subcommands
                .map(|subcommand| (subcommand, scope.spawn(|| run(&dir, subcommand, "f"))));
            for (subcommand, run) in runs {
                let output = run.join().expect("ran");
                assert_eq!(
                    (output.status.code(), text(&output.stderr)),
                    (Some(0), String::new()),
                    "{subcommand}"
                );
            }
        });
        assert_eq!(dir.file_names(), ["f"]);
        let report = dir.run_ok(&["check", "--db", "f"]);
        assert!(
            report.contains("4 packages") && report.contains("no fault"),
            "{report}"
        );
    }
}

#[test]
fn kill_during_creation_leaves_no_database_or_a_complete_one() {
    for empty in [false, true] {
        // Whatever was done before the kill, the next start finds all of the data or none.
        for wait in [5, 20, 50, 100, 200] {
            let dir = WorkDir::new();
            if empty {
                dir.write("f", "");
            }
            let mut seed = dir
                .command()
                .args(["seed", "--generate", "2000", "--db", "f"])
                .stdout(Stdio::null())
                .spawn()
                .expect("the binary starts");
            std::thread::sleep(std::time::Duration::from_millis(wait));
            seed.kill().expect("killed");
            seed.wait().expect("ended");
            assert_eq!(run(&dir, "seed", "f").status.code(), Some(0));
            let report = dir.run_ok(&["check", "--db", "f"]);
            assert!(
                report.contains(", 4 packages") || report.contains(", 2004 packages"),
                "{report}"
            );
        }
    }
}

#[test]
fn file_whose_first_transaction_did_not_end_counts_as_empty() {
    let dir = WorkDir::new();
    // SQLite leaves pages without a header, and a journal that says that the file had 0 pages.
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    for number in [0_u32, 0x1234_5678, 0, 512, 4096] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(1024, 0);
    let mut half = vec![0; 4096];
    half.extend([13; 8192]);
    for (subcommand, _) in COMMANDS {
        dir.write("f", &half);
        dir.write("f-journal", &journal);
        if CREATING_COMMANDS.contains(&subcommand) {
            let output = run(&dir, subcommand, "f");
            assert_eq!(
                (output.status.code(), text(&output.stderr)),
                (Some(0), String::new()),
                "{subcommand}"
            );
            assert_eq!(dir.file_names(), ["f"]);
            assert!(dir.run_ok(&["check", "--db", "f"]).contains(", 4 packages"));
        } else {
            assert_refused(
                &dir,
                subcommand,
                "f",
                "is empty; `cf-packages seed` or `serve` fills it",
            );
        }
    }
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
}

#[test]
fn missing_permission_is_reported_in_one_sentence() {
    for (file, folder, subcommands, sentence) in [
        (
            0o000,
            0o777,
            &["serve", "seed", "check", "export", "token", "get"][..],
            "cannot be read: permission denied",
        ),
        (
            0o444,
            0o555,
            &["serve", "seed"],
            "cannot be opened: it cannot be written; let this user write the file and its folder, or serve it as it is with `--read-only`",
        ),
        (
            0o444,
            0o777,
            &["serve", "seed"],
            "cannot be opened: it cannot be written; let this user write the file and its folder, or serve it as it is with `--read-only`",
        ),
        // Commands that only read need no permission to write.
        (0o444, 0o555, &["check", "export", "token", "get"], ""),
        (0o666, 0o555, &["check", "export", "token", "get"], ""),
        // They leave nothing beside a file that they may not write, since they could not remove it.
        (0o444, 0o777, &["check", "export", "token", "get"], ""),
        (
            0o666,
            0o555,
            &["serve", "seed"],
            "cannot be opened: `-wal` and `-shm` cannot be made or written beside it (attempt to write a readonly database); let this user write the file and its folder, or serve it as it is with `--read-only`",
        ),
    ] {
        for subcommand in subcommands {
            let dir = WorkDir::new();
            std::fs::create_dir(dir.path("folder")).expect("a folder");
            let path = database(&dir, "folder/f");
            let Some(mut command) = dir.unprivileged() else {
                eprintln!("not run: modes do not stop this user, and `setpriv` cannot change that");
                return;
            };
            chmod(&path, file);
            chmod(&dir.path("folder"), folder);
            let before = std::fs::metadata(&path).expect("a file").len();
            let (_, arguments) = COMMANDS
                .iter()
                .find(|(name, _)| name == subcommand)
                .expect("a command");
            let output = command
                .arg(subcommand)
                .args(*arguments)
                .args(["--db", "folder/f"])
                .stdin(Stdio::null())
                .output();
            let output = output.expect("the binary runs");
            let expected = match sentence {
                "" => (Some(0), String::new()),
                sentence => (Some(1), format!("cf-packages: `folder/f` {sentence}\n")),
            };
            assert_eq!(
                (output.status.code(), text(&output.stderr)),
                expected,
                "{subcommand} {file:o} {folder:o}"
            );
            chmod(&dir.path("folder"), 0o755);
            let left: Vec<_> = std::fs::read_dir(dir.path("folder"))
                .expect("a folder")
                .collect();
            assert_eq!(left.len(), 1, "{subcommand} {file:o} {folder:o}: {left:?}");
            chmod(&path, 0o644);
            assert_eq!(std::fs::metadata(&path).expect("a file").len(), before);
        }
    }
    let dir = WorkDir::new();
    let Some(mut command) = dir.unprivileged() else {
        return;
    };
    std::fs::create_dir(dir.path("folder")).expect("a folder");
    chmod(&dir.path("folder"), 0o555);
    let output = command
        .args(["seed", "example", "--db", "folder/f"])
        .output()
        .expect("the binary runs");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (
            Some(1),
            "cf-packages: `folder/f` cannot be made: permission denied\n".into()
        )
    );
    chmod(&dir.path("folder"), 0o755);
}

#[test]
fn folder_that_can_be_written_but_not_read_holds_a_database() {
    let dir = WorkDir::new();
    std::fs::create_dir(dir.path("folder")).expect("a folder");
    chmod(&dir.path("folder"), 0o333);
    for (subcommand, arguments) in COMMANDS {
        let Some(mut command) = dir.unprivileged() else {
            return;
        };
        if subcommand == "serve" {
            // The folder belongs to root, if the tests run as root.
            chmod(&dir.path("folder"), 0o333);
        }
        let output = command
            .arg(subcommand)
            .args(arguments)
            .args(["--db", "folder/f"])
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new()),
            "{subcommand}"
        );
    }
    chmod(&dir.path("folder"), 0o755);
    let left = std::fs::read_dir(dir.path("folder")).expect("a folder");
    assert_eq!(left.count(), 1);
}

#[test]
fn changes_in_a_log_that_cannot_be_moved_are_served_from_a_copy() {
    let dir = WorkDir::new();
    database_of_a_killed_server(&dir);
    std::fs::create_dir(dir.path("folder")).expect("a folder");
    for name in ["f", "f-wal"] {
        let path = dir.path(&format!("folder/{name}"));
        std::fs::copy(dir.path(name), &path).expect("copied");
        chmod(&path, 0o444);
    }
    std::fs::create_dir(dir.path("tmp")).expect("a folder");
    chmod(&dir.path("tmp"), 0o777);
    chmod(&dir.path("folder"), 0o555);
    for (flags, sentence) in [
        (
            &[][..],
            "cannot be opened: it cannot be written; let this user write the file and its folder, or serve a copy, with the changes that are still in `folder/f-wal`, with `--ephemeral --from`",
        ),
        (
            &["--read-only"],
            "has changes still in `folder/f-wal`; run `cf-packages serve` or `seed` once where it can be written, or serve a copy with `--ephemeral --from`",
        ),
    ] {
        let Some(mut command) = dir.unprivileged() else {
            return;
        };
        let output = command
            .args(["serve", "--listen", "127.0.0.1:0", "--db", "folder/f"])
            .args(flags)
            .output()
            .expect("the binary runs");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(1), format!("cf-packages: `folder/f` {sentence}\n"))
        );
    }
    let mut command = dir.unprivileged().expect("a command");
    command.env("TMPDIR", dir.path("tmp")).args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--ephemeral",
        "--no-auth",
        "--allowed-host",
        "example.org",
        "--from",
        "folder/f",
    ]);
    let server = crate::support::Server::start_whole(&mut command);
    let list = server.get("/v3/packages", "").body;
    assert!(list.contains("\"total_results\": 5"), "{list}");
    server.stop();
    chmod(&dir.path("folder"), 0o755);
}

#[test]
fn log_of_a_killed_server_is_read_by_another_user_who_leaves_nothing() {
    let killed = WorkDir::new();
    database_of_a_killed_server(&killed);
    // In the first folder anyone may create files, as in `/tmp`. In the second one, only the owner may.
    for mode in [0o1777, 0o755] {
        let dir = WorkDir::new();
        std::fs::create_dir(dir.path("folder")).expect("a folder");
        for name in ["f", "f-wal"] {
            let path = dir.write(&format!("folder/{name}"), killed.read(name));
            chmod(&path, 0o644);
        }
        chmod(&dir.path("folder"), mode);
        for (arguments, shown) in [
            (&["check"][..], ", 5 packages"),
            (&["export"], "\"more\""),
            (&["get", "/v3/packages", "--admin"], "\"total_results\": 5"),
            (&["token", "--admin"], "."),
        ] {
            let Some(mut command) = dir.unprivileged() else {
                return;
            };
            command.args(arguments).args(["--db", "folder/f"]);
            let output = command.output().expect("the binary runs");
            assert_eq!(
                (output.status.code(), text(&output.stderr)),
                (Some(0), String::new()),
                "{arguments:?}"
            );
            assert!(text(&output.stdout).contains(shown), "{arguments:?}");
            assert!(dir.read("folder/f-wal") == killed.read("f-wal"));
            let left = std::fs::read_dir(dir.path("folder")).expect("a folder");
            assert_eq!(left.count(), 2, "{arguments:?}");
        }
        dir.run_ok(&["seed", "example", "--db", "folder/f"]);
        let exported = dir.run_ok(&["export", "--db", "folder/f"]);
        assert!(exported.contains("\"more\""));
    }
}

#[test]
fn folder_without_room_for_the_log_is_read_only() {
    let dir = WorkDir::new();
    database(&dir, "f");
    // As on a file system that has no shared memory.
    std::fs::create_dir(dir.path("f-shm")).expect("a folder");
    let output = run(&dir, "seed", "f");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (
            Some(1),
            "cf-packages: `f` cannot be opened: `-wal` and `-shm` cannot be made or written beside it (attempt to write a readonly database); let this user write the file and its folder, or serve it as it is with `--read-only`\n".into()
        )
    );
    dir.serve(&["--read-only", "--db", "f"]).stop();
    assert_eq!(run(&dir, "export", "f").status.code(), Some(0));
}
