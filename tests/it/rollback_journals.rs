//! Rollback journals beside a database that another program put into that mode: those of its own are undone, all others
//! leave the file as it is.

use rusqlite::Connection;

use crate::support::WorkDir;

/// Puts a database of `packages` packages into the rollback journal mode.
fn database(dir: &WorkDir, packages: &str) -> Connection {
    dir.run_ok(&["seed", "--generate", packages, "--db", "x.db"]);
    let connection = Connection::open(dir.path("x.db")).unwrap();
    connection
        .execute_batch(
            "pragma journal_mode = delete; pragma cache_size = 1; pragma cache_spill = 1",
        )
        .unwrap();
    connection
}

/// Returns the file and its journal as they are when a program is killed after `sql`, in a transaction.
fn killed_after(dir: &WorkDir, connection: &Connection, sql: &str) -> (Vec<u8>, Vec<u8>) {
    connection.execute_batch(&format!("begin; {sql}")).unwrap();
    let bytes = (dir.read("x.db"), dir.read("x.db-journal"));
    connection.execute_batch("rollback").unwrap();
    bytes
}

fn assert_refused(dir: &WorkDir, sentence: &str) {
    let before = (dir.read("x.db"), dir.read("x.db-journal"));
    for arguments in [
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--exit-with-stdin",
            "--db",
            "x.db",
        ][..],
        &["serve", "--read-only", "--db", "x.db"],
        &["serve", "--ephemeral", "--from", "x.db"],
        &["seed", "example", "--db", "x.db"],
        &["export", "--db", "x.db"],
        &["check", "--db", "x.db"],
    ] {
        let output = dir.run(arguments);
        assert_eq!(
            (output.status, output.stderr),
            (1, format!("cf-packages: {sentence}\n")),
            "{arguments:?}"
        );
        assert!((dir.read("x.db"), dir.read("x.db-journal")) == before);
    }
}

/// Changes page 1 and, in the file already, other pages.
const CHANGE: &str = "create table added (id); update packages set state = 'FAILED'";
const FOREIGN: &str = "`x.db` lies beside `x.db-journal`, a rollback journal that is not its own and would overwrite it; remove the journal";

#[test]
fn transaction_of_a_killed_program_is_undone() {
    for sql in [
        "update packages set state = 'FAILED'",
        // The file grows.
        "create table added as select p.* from packages p, packages q limit 20000",
        "delete from packages",
    ] {
        let dir = WorkDir::new();
        let connection = database(&dir, "300");
        let exported = dir.run_ok(&["export", "--db", "x.db"]);
        let (file, journal) = killed_after(&dir, &connection, sql);
        drop(connection);
        dir.write("x.db", file);
        dir.write("x.db-journal", journal);
        dir.run_ok(&["seed", "--generate", "0", "--db", "x.db"]);
        dir.run_ok(&["check", "--db", "x.db"]);
        assert!(dir.run_ok(&["export", "--db", "x.db"]) == exported, "{sql}");
        assert_eq!(dir.file_names(), ["x.db"], "{sql}");
    }
}

#[test]
fn transaction_of_a_killed_program_is_left_by_commands_that_change_nothing() {
    let dir = WorkDir::new();
    let connection = database(&dir, "300");
    let (file, journal) = killed_after(&dir, &connection, "update packages set state = 'FAILED'");
    drop(connection);
    dir.write("x.db", &file);
    dir.write("x.db-journal", &journal);
    for arguments in [
        &["seed", "example", "--dry-run", "--db", "x.db"][..],
        &["seed", "--reset", "--dry-run", "--db", "x.db"],
        &["export", "--db", "x.db"],
        &["check", "--db", "x.db"],
        &["backup", "y.db", "--db", "x.db"],
    ] {
        let output = dir.run(arguments);
        assert_eq!(
            (output.status, output.stderr.as_str()),
            (
                1,
                "cf-packages: `x.db` holds part of a transaction that did not end (`x.db-journal`); \
                 `cf-packages serve` or `seed` undoes it, once no other program writes the file\n"
            ),
            "{arguments:?}"
        );
        assert!(dir.read("x.db") == file, "{arguments:?}");
        assert!(dir.read("x.db-journal") == journal, "{arguments:?}");
        assert_eq!(dir.file_names(), ["x.db", "x.db-journal"], "{arguments:?}");
    }
}

#[test]
fn file_that_is_shorter_than_its_header_says_is_restored_from_its_journal() {
    let dir = WorkDir::new();
    let connection = database(&dir, "300");
    let exported = dir.run_ok(&["export", "--db", "x.db"]);
    let before = dir.read("x.db");
    let sql = "create table added as select p.* from packages p, packages q limit 20000";
    let (_, journal) = killed_after(&dir, &connection, sql);
    connection.execute_batch(sql).unwrap();
    drop(connection);
    // The program was killed after it wrote the first page, and before it wrote the pages that it added.
    let after = dir.read("x.db");
    dir.write("x.db", [&after[..4096], &before[4096..]].concat());
    dir.write("x.db-journal", journal);
    dir.run_ok(&["seed", "--generate", "0", "--db", "x.db"]);
    assert!(dir.run_ok(&["export", "--db", "x.db"]) == exported);
}

#[test]
fn journal_of_another_database_is_not_applied() {
    let other = WorkDir::new();
    let connection = database(&other, "40");
    let (_, of_another) = killed_after(&other, &connection, CHANGE);

    let dir = WorkDir::new();
    let connection = database(&dir, "300");
    let (_, former) = killed_after(&dir, &connection, CHANGE);
    connection
        .execute_batch(
            "update versions set access = access + 1; update versions set access = access + 1",
        )
        .unwrap();
    drop(connection);
    for journal in [of_another, former] {
        eprintln!("{:?}", &journal[..28]);
        dir.write("x.db-journal", journal);
        assert_refused(&dir, FOREIGN);
    }
    std::fs::remove_file(dir.path("x.db-journal")).unwrap();
    dir.run_ok(&["check", "--db", "x.db"]);
}

#[test]
fn journal_that_would_shorten_or_replace_the_first_page_is_not_applied() {
    let dir = WorkDir::new();
    let connection = database(&dir, "300");
    let (_, journal) = killed_after(&dir, &connection, CHANGE);
    drop(connection);
    let sector = u32::from_be_bytes(journal[20..24].try_into().unwrap()) as usize;
    let changed = |at: usize, bytes: &[u8]| {
        let mut journal = journal.clone();
        journal[at..at + bytes.len()].copy_from_slice(bytes);
        journal
    };
    let pages = u32::from_be_bytes(journal[16..20].try_into().unwrap());
    for journal in [
        changed(16, &(pages - 1).to_be_bytes()),
        changed(16, &(pages + 1).to_be_bytes()),
        changed(20, &[0; 4]),
        changed(24, &512_u32.to_be_bytes()),
        changed(24, &[0; 4]),
        // The application id in the first page. The checksum of the page does not include it.
        changed(sector + 4 + 68, &[0; 4]),
        // The number of pages that the first page gives.
        changed(sector + 4 + 28, &1_u32.to_be_bytes()),
    ] {
        dir.write("x.db-journal", journal);
        assert_refused(&dir, FOREIGN);
    }
}

#[test]
fn file_that_a_journal_names_is_not_removed() {
    let dir = WorkDir::new();
    let connection = database(&dir, "300");
    let (file, mut journal) =
        killed_after(&dir, &connection, "update packages set state = 'FAILED'");
    drop(connection);
    let victim = dir.write("victim", "do not remove");
    let name = victim.to_str().unwrap().as_bytes();
    let sum: u32 = name.iter().map(|byte| u32::from(*byte)).sum();
    // The number of the page that is never written marks the end of the records.
    journal.extend((0x4000_0000_u32 / 4096 + 1).to_be_bytes());
    journal.extend(name);
    journal.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend(sum.to_be_bytes());
    journal.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    dir.write("x.db", file);
    dir.write("x.db-journal", journal);
    assert_refused(
        &dir,
        &format!(
            "`x.db` holds part of a transaction over several databases (`x.db-journal` names `{}`); open it once with the program that wrote it",
            victim.display()
        ),
    );
    assert_eq!(dir.read("victim"), b"do not remove");
}

#[test]
fn transaction_of_a_living_program_is_to_be_waited_for() {
    for sql in ["update packages set state = 'FAILED'", CHANGE] {
        let dir = WorkDir::new();
        let connection = database(&dir, "300");
        let exported = dir.run_ok(&["export", "--db", "x.db"]);
        connection.execute_batch(&format!("begin; {sql}")).unwrap();
        // To read `x.db` here would release the locks of this process (https://sqlite.org/howtocorrupt.html, §2.2).
        let journal = dir.read("x.db-journal");
        assert!(!journal.starts_with(&[0]));
        let being_written = "cf-packages: `x.db` is being written by another program, which has not ended its transaction; wait until it has\n";
        let locked = "cf-packages: `x.db` is kept locked by another program; end it, or wait and try again\n";
        for (arguments, sentence) in [
            (&["backup", "y.db", "--db", "x.db"][..], being_written),
            (&["serve", "--ephemeral", "--from", "x.db"], being_written),
            (&["check", "--db", "x.db"], locked),
            (&["export", "--db", "x.db"], locked),
            (&["seed", "example", "--db", "x.db"], locked),
        ] {
            let output = dir.run(arguments);
            assert_eq!(
                (output.status, output.stderr.as_str()),
                (1, sentence),
                "{sql} {arguments:?}"
            );
        }
        assert!(dir.read("x.db-journal") == journal);
        connection.execute_batch("rollback").unwrap();
        drop(connection);
        assert!(dir.run_ok(&["export", "--db", "x.db"]) == exported, "{sql}");
    }
}

#[test]
fn file_with_a_rollback_journal_gets_a_log_when_it_is_opened_for_writing() {
    let dir = WorkDir::new();
    drop(database(&dir, "10"));
    dir.run_ok(&["check", "--db", "x.db"]);
    assert_eq!(journal_mode(&dir), "delete");
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    assert_eq!(journal_mode(&dir), "wal");

    drop(database(&dir, "10"));
    assert_eq!(journal_mode(&dir), "delete");
    let server = dir.serve(&["--db", "x.db", "--no-auth", "--api", "current"]);
    assert_eq!(journal_mode(&dir), "wal");
    // A reader that does not end holds no change back.
    let reader = Connection::open(dir.path("x.db")).unwrap();
    reader.execute_batch("begin").unwrap();
    let package: String = reader
        .query_row("select guid from packages limit 1", [], |row| row.get(0))
        .unwrap();
    let change = r#"{"metadata": {"labels": {"a": "b"}}}"#;
    let changed = server.send(format!(
        "PATCH /v3/packages/{package} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{change}",
        change.len()
    ));
    assert_eq!(changed.status, 200, "{}", changed.body);
}

fn journal_mode(dir: &WorkDir) -> String {
    let connection = Connection::open(dir.path("x.db")).unwrap();
    connection
        .query_row("pragma journal_mode", [], |row| row.get(0))
        .unwrap()
}
