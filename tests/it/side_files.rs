//! The files that SQLite keeps beside a database: `-wal`, `-shm` and `-journal`.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::support::WorkDir;

/// Creates `x.db` as a server leaves it that was killed: the last commit is only in `x.db-wal`.
fn database_of_a_killed_server(dir: &WorkDir) {
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    dir.write(
        "more.json",
        r#"{"packages": [{"guid": "more", "app": "my-app", "type": "bits"}]}"#,
    );
    let server = dir.serve(&["--db", "x.db", "--seed", "more.json"]);
    server.signal("KILL");
    assert_eq!(server.wait().0, None);
    assert_eq!(
        dir.file_names(),
        ["more.json", "x.db", "x.db-shm", "x.db-wal"]
    );
}

#[test]
fn check_names_the_log_beside_a_file_that_is_damaged_with_it() {
    let dir = WorkDir::new();
    database_of_a_killed_server(&dir);
    // Of another database, with more pages than the log says.
    dir.run_ok(&["seed", "--generate", "500", "--db", "y.db"]);
    let alone = dir.read("y.db");
    std::fs::copy(dir.path("x.db-wal"), dir.path("y.db-wal")).unwrap();
    let checked = dir.run(&["check", "--db", "y.db"]);
    assert_eq!(checked.status, 1, "{}", checked.stderr);
    let is_named = |line: &str| {
        line.contains("y.db-wal`; if that is the log of another file") && line.contains("move it")
    };
    assert!(checked.stderr.lines().any(is_named), "{}", checked.stderr);
    // It changed nothing, so that its advice helps.
    std::fs::remove_file(dir.path("y.db-wal")).unwrap();
    assert!(dir.read("y.db") == alone);
    dir.run_ok(&["check", "--db", "y.db"]);
    // Faults of a file without a log have another cause.
    let mut damaged = alone;
    let end = damaged.len() / 2;
    damaged.truncate(end);
    dir.write("z.db", damaged);
    let checked = dir.run(&["check", "--db", "z.db"]);
    assert_eq!(checked.status, 1);
    assert!(!checked.stderr.contains("-wal"), "{}", checked.stderr);
}

/// Runs the command, which must fail with this sentence and change no file.
fn assert_refused(dir: &WorkDir, arguments: &[&str], sentence: &str) {
    let before: Vec<_> = contents(dir);
    let output = dir.run(arguments);
    assert_eq!(
        (output.status, output.stderr),
        (1, format!("cf-packages: {sentence}\n")),
        "{arguments:?}"
    );
    assert!(contents(dir) == before, "{arguments:?} changed something");
}

fn contents(dir: &WorkDir) -> Vec<(String, Vec<u8>)> {
    let names = dir.file_names().into_iter();
    names
        .map(|name| {
            let is_file = dir.path(&name).is_file();
            let bytes = if is_file { dir.read(&name) } else { Vec::new() };
            (name, bytes)
        })
        .collect()
}

#[test]
fn new_file_is_not_made_beside_the_log_of_a_removed_one() {
    for arguments in [
        &["seed", "example", "--db", "x.db"][..],
        &["serve", "--listen", "127.0.0.1:0", "--db", "x.db"],
    ] {
        for empty in [false, true] {
            let dir = WorkDir::new();
            database_of_a_killed_server(&dir);
            std::fs::remove_file(dir.path("x.db")).unwrap();
            if empty {
                dir.write("x.db", "");
            }
            assert_refused(
                &dir,
                arguments,
                "`x.db` cannot be made while `x.db-wal` and `x.db-shm` of a former database lie there; put that database back, or remove them",
            );
            for (name, sentence) in [
                ("x.db-shm", "`x.db-shm` of a former database lies there"),
                (
                    "x.db-journal",
                    "`x.db-journal` of a former database lies there",
                ),
            ] {
                std::fs::remove_file(dir.path("x.db-wal")).ok();
                std::fs::remove_file(dir.path("x.db-shm")).ok();
                dir.write(name, "anything");
                assert_refused(
                    &dir,
                    arguments,
                    &format!(
                        "`x.db` cannot be made while {sentence}; put that database back, or remove it"
                    ),
                );
            }
            std::fs::remove_file(dir.path("x.db-journal")).unwrap();
            dir.run_ok(&["seed", "example", "--db", "x.db"]);
            assert_eq!(dir.file_names(), ["more.json", "x.db"]);
        }
    }
}

#[test]
fn new_file_is_not_made_beside_a_log_that_appeared_while_its_seed_was_read() {
    for empty in [false, true] {
        let dir = WorkDir::new();
        if empty {
            dir.write("x.db", "");
        }
        let mut seed = dir
            .command()
            .args(["seed", "-", "--db", "x.db"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = seed.stdin.take().unwrap();
        input
            .write_all(b"{\"organization\": {\"name\": \"acme\"}}\n")
            .unwrap();
        while !dir.file_names().iter().any(|name| name.ends_with(".new")) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // What a server leaves that used another file of this name, was killed, and lost its file.
        for name in ["x.db-wal", "x.db-shm"] {
            dir.write(name, "a log");
        }
        drop(input);
        let output = seed.wait_with_output().unwrap();
        assert_eq!(
            (
                output.status.code(),
                String::from_utf8(output.stderr).unwrap().as_str()
            ),
            (
                Some(1),
                "cf-packages: `x.db` cannot be made while `x.db-wal` and `x.db-shm` of a former database lie there; put that database back, or remove them\n"
            )
        );
        assert_eq!(dir.path("x.db").exists(), empty);
        assert!(!empty || dir.read("x.db").is_empty());
        assert_eq!(dir.read("x.db-wal"), b"a log");
    }
}

#[test]
fn file_that_is_removed_while_it_is_filled_is_an_error() {
    let dir = WorkDir::new();
    dir.write("x.db", "");
    let mut seed = dir
        .command()
        .args(["seed", "-", "--db", "x.db"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = seed.stdin.take().unwrap();
    while !dir.file_names().iter().any(|name| name.ends_with(".new")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::fs::remove_file(dir.path("x.db")).unwrap();
    input
        .write_all(b"{\"organization\": {\"name\": \"acme\"}}\n")
        .unwrap();
    drop(input);
    let output = seed.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap().as_str()
        ),
        (
            Some(1),
            "cf-packages: `x.db` was removed or replaced while it was filled; run the command again\n"
        )
    );
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn empty_file_that_was_filled_in_part_is_filled_anew() {
    let dir = WorkDir::new();
    // What a kill leaves while the file is filled: the header comes last.
    dir.write("x.db", [&b"cf-packages new\0"[..], &[7; 5000]].concat());
    assert_refused(
        &dir,
        &["export", "--db", "x.db"],
        "`x.db` is empty; `cf-packages seed` or `serve` fills it",
    );
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    assert!(
        dir.run_ok(&["check", "--db", "x.db"])
            .contains(", 4 packages")
    );
    assert_eq!(dir.file_names(), ["x.db"]);
}

#[test]
fn database_behind_a_symbolic_link_is_read_with_its_log_and_not_changed() {
    let dir = WorkDir::new();
    std::fs::create_dir(dir.path("folder")).unwrap();
    for with_shm in [true, false] {
        for name in ["x.db", "x.db-wal", "x.db-shm"] {
            std::fs::remove_file(dir.path(&format!("folder/{name}"))).ok();
        }
        let inner = WorkDir::new();
        database_of_a_killed_server(&inner);
        for name in ["x.db", "x.db-wal", "x.db-shm"] {
            if with_shm || name != "x.db-shm" {
                dir.write(&format!("folder/{name}"), inner.read(name));
            }
        }
        std::fs::remove_file(dir.path("link")).ok();
        std::os::unix::fs::symlink("folder/x.db", dir.path("link")).unwrap();
        let before = (dir.read("folder/x.db"), dir.read("folder/x.db-wal"));
        let unchanged = || (dir.read("folder/x.db"), dir.read("folder/x.db-wal")) == before;

        let report = dir.run_ok(&["check", "--db", "link"]);
        assert!(report.contains("`link`: schema 5, 5 packages"), "{report}");
        assert!(unchanged(), "check");
        let server = dir.serve(&["--ephemeral", "--from", "link", "--no-auth"]);
        let list = server.get("/v3/packages", "").body;
        assert!(list.contains("\"total_results\": 5"), "{list}");
        server.stop();
        assert!(unchanged(), "--from");
        let output = dir.run(&["serve", "--read-only", "--db", "link"]);
        assert_eq!(output.status, 1);
        let wal = dir.path("folder/x.db-wal").canonicalize().unwrap();
        let sentence = format!("`link` has changes still in `{}`", wal.display());
        assert!(output.stderr.contains(&sentence), "{}", output.stderr);
        assert!(unchanged(), "--read-only");
        assert!(dir.run_ok(&["export", "--db", "link"]).contains("\"more\""));
        if with_shm {
            assert!(unchanged(), "export");
        }
        assert_eq!(dir.file_names(), ["folder", "link"]);
    }
}

/// Puts `x.db` into the rollback journal mode, and returns its bytes and its journal's as they are while a transaction
/// has changed a part of the file.
fn broken_off_transaction(dir: &WorkDir) -> (Vec<u8>, Vec<u8>) {
    dir.run_ok(&["seed", "--generate", "300", "--db", "x.db"]);
    let connection = rusqlite::Connection::open(dir.path("x.db")).unwrap();
    connection
        .execute_batch(
            "pragma journal_mode = delete; pragma cache_size = 1; pragma cache_spill = 1;
             begin; update packages set state = 'FAILED'",
        )
        .unwrap();
    let bytes = (dir.read("x.db"), dir.read("x.db-journal"));
    connection.execute_batch("rollback").unwrap();
    assert!(dir.read("x.db") != bytes.0);
    bytes
}

#[test]
fn part_of_a_broken_off_transaction_is_never_shown() {
    let dir = WorkDir::new();
    let (half, journal) = broken_off_transaction(&dir);
    let exported = dir.run_ok(&["export", "--db", "x.db"]);
    let sentence = "`x.db` holds part of a transaction that did not end (`x.db-journal`); `cf-packages serve` or `seed` undoes it, once no other program writes the file";
    for arguments in [
        &["export", "--db", "x.db"][..],
        &["check", "--db", "x.db"],
        &["get", "/v3/packages", "--admin", "--db", "x.db"],
        &["token", "--admin", "--db", "x.db"],
        &["serve", "--read-only", "--db", "x.db"],
        &["serve", "--ephemeral", "--from", "x.db"],
    ] {
        dir.write("x.db", &half);
        dir.write("x.db-journal", &journal);
        let output = dir.run(arguments);
        assert_eq!(
            (output.status, output.stderr),
            (1, format!("cf-packages: {sentence}\n")),
            "{arguments:?}"
        );
        assert!(dir.read("x.db") == half && dir.read("x.db-journal") == journal);
        assert_eq!(dir.file_names(), ["x.db", "x.db-journal"], "{arguments:?}");
    }
    dir.serve(&["--db", "x.db"]).stop();
    dir.run_ok(&["check", "--db", "x.db"]);
    assert!(dir.run_ok(&["export", "--db", "x.db"]) == exported);
    assert_eq!(dir.file_names(), ["x.db"]);
}

#[test]
fn part_of_a_transaction_is_not_shown_to_a_user_who_may_not_read_its_journal() {
    let dir = WorkDir::new();
    let (half, journal) = broken_off_transaction(&dir);
    std::fs::create_dir(dir.path("folder")).unwrap();
    let path = dir.write("folder/x.db", half);
    let journal = dir.write("folder/x.db-journal", journal);
    std::fs::create_dir(dir.path("tmp")).unwrap();
    for (path, mode) in [
        (&path, 0o644),
        (&journal, 0o000),
        (&dir.path("folder"), 0o755),
        (&dir.path("tmp"), 0o777),
    ] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    for arguments in [
        &["check", "--db", "folder/x.db"][..],
        &["export", "--db", "folder/x.db"],
        &["get", "/v3/packages", "--admin", "--db", "folder/x.db"],
        &["token", "--admin", "--db", "folder/x.db"],
        &["seed", "example", "--db", "folder/x.db"],
        &["serve", "--read-only", "--db", "folder/x.db"],
        &["serve", "--ephemeral", "--from", "folder/x.db"],
    ] {
        let Some(mut command) = dir.unprivileged() else {
            return;
        };
        command.env("TMPDIR", dir.path("tmp"));
        let output = command.args(arguments).output().unwrap();
        assert_eq!(
            (
                output.status.code(),
                String::from_utf8(output.stderr).unwrap().as_str()
            ),
            (
                Some(1),
                "cf-packages: `folder/x.db` may hold part of a transaction that did not end, since `folder/x.db-journal` cannot be read: permission denied; run `cf-packages serve` or `seed` as a user who may write both files\n"
            ),
            "{arguments:?}"
        );
    }
}

#[test]
fn pipe_beside_a_database_is_never_opened() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    for wal_mode in [true, false] {
        if !wal_mode {
            let connection = rusqlite::Connection::open(dir.path("x.db")).unwrap();
            connection
                .execute_batch("pragma journal_mode = delete")
                .unwrap();
        }
        for name in ["x.db-wal", "x.db-shm", "x.db-journal"] {
            let pipe = dir.path(name);
            let made = std::process::Command::new("mkfifo").arg(&pipe).status();
            assert!(made.unwrap().success());
            for arguments in [
                &["check", "--db", "x.db"][..],
                &["export", "--db", "x.db"],
                &["get", "/v3/packages", "--admin", "--db", "x.db"],
                &["token", "--admin", "--db", "x.db"],
                &["seed", "example", "--db", "x.db"],
                &["serve", "--db", "x.db"],
                &["serve", "--read-only", "--db", "x.db"],
                &["serve", "--ephemeral", "--from", "x.db"],
            ] {
                let sentence = format!(
                    "`x.db` cannot be opened while `{name}` is not a regular file; remove that"
                );
                assert_refused(&dir, arguments, &sentence);
            }
            std::fs::remove_file(pipe).unwrap();
        }
    }
    dir.run_ok(&["check", "--db", "x.db"]);
}

#[test]
fn drafts_of_killed_programs_are_removed_by_the_next_run() {
    for next in [
        &["seed", "example", "--db", "x.db"][..],
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--exit-with-stdin",
            "--db",
            "x.db",
        ],
    ] {
        let dir = WorkDir::new();
        // The seed never ends, so that the program has a draft when it is killed.
        let mut seed = dir
            .command()
            .args(["seed", "-", "--db", "x.db"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = seed.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, b"{\"organization\": {\"name\": \"acme\"}}\n")
            .unwrap();
        let is_written = |name: &String| name.contains(".new") && !dir.read(name).is_empty();
        while !dir.file_names().iter().any(is_written) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let living = dir.file_names();
        // A program that is alive keeps its draft.
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        assert_eq!(dir.file_names().len(), living.len() + 1);
        seed.kill().unwrap();
        seed.wait().unwrap();
        dir.run_ok(&["check", "--db", "x.db"]);
        assert_eq!(dir.file_names().len(), living.len() + 1);
        dir.run_ok(next);
        assert_eq!(dir.file_names(), ["x.db"], "{next:?}");
    }
}

#[test]
fn only_drafts_that_no_program_works_on_are_removed() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let id = "0123456789abcdef0123456789abcdef";
    let other = |digit: &str| id.replace('0', digit);
    let kept = [
        (format!("x.db.{}.new", other("1")), "without a lock"),
        // Made a moment ago, and perhaps not locked yet.
        (format!("x.db.{}.lock", other("2")), ""),
        (format!("x.db.{}.new", other("3")), "locked"),
        (format!("x.db.{}.new-journal", other("3")), "locked"),
        (format!("x.db.{}.lock", other("3")), ""),
        (format!("y.db.{id}.new"), "of another file"),
        (format!("y.db.{id}.lock"), ""),
        (format!("x.db.{}.new", id.to_uppercase()), "no id"),
        (format!("x.db.{}.lock", id.to_uppercase()), ""),
        (format!("x.db.{id}.new.txt"), "no draft"),
        ("x.db.new".into(), "no draft"),
        ("x.db.lock".into(), "no draft"),
        (
            format!("x.db.{}.new", other("4")),
            "with a link as its lock",
        ),
    ];
    for (name, content) in &kept {
        dir.write(name, content);
    }
    let lock = dir.path(&format!("x.db.{}.lock", other("3")));
    let lock = std::fs::File::open(lock).unwrap();
    lock.lock().unwrap();
    let link = dir.path(&format!("x.db.{}.lock", other("4")));
    std::os::unix::fs::symlink(dir.path("x.db.new"), link).unwrap();
    let before = dir.file_names();
    for name in [".new", ".new-journal", ".lock"] {
        dir.write(&format!("x.db.{id}{name}"), "left over");
    }
    // The program was killed between the two steps that give a draft its name.
    let published = format!("x.db.{}", other("5"));
    std::fs::hard_link(dir.path("x.db"), dir.path(&format!("{published}.new"))).unwrap();
    dir.write(&format!("{published}.lock"), "");
    dir.run_ok(&["check", "--db", "x.db"]);
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    assert_eq!(dir.file_names(), before);
    dir.run_ok(&["check", "--db", "x.db"]);
}

#[test]
fn reader_that_ends_after_another_reader_leaves_nothing() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--generate", "1000", "--db", "x.db"]);
    let bytes = dir.read("x.db");
    // The first reader makes `-wal` and `-shm`. It cannot remove them when it ends, since the second one uses them.
    let first = rusqlite::Connection::open(dir.path("x.db")).unwrap();
    first
        .query_row("select count(*) from packages", [], |_| Ok(()))
        .unwrap();
    assert_eq!(dir.file_names(), ["x.db", "x.db-shm", "x.db-wal"]);
    // It waits, because the export is longer than a pipe holds.
    let mut second = dir
        .command()
        .args(["export", "--db", "x.db"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = second.stdout.take().unwrap();
    output.read_exact(&mut [0]).unwrap();
    drop(first);
    output.read_to_end(&mut Vec::new()).unwrap();
    assert!(second.wait().unwrap().success());
    assert_eq!(dir.file_names(), ["x.db"]);
    assert!(dir.read("x.db") == bytes);
}

#[test]
fn check_leaves_the_empty_files_of_a_killed_server() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let server = dir.serve(&["--db", "x.db"]);
    server.signal("KILL");
    server.wait();
    // A server that is killed before its first commit leaves this log.
    dir.write("x.db-wal", "");
    for removed in ["", "x.db-wal"] {
        if !removed.is_empty() {
            std::fs::remove_file(dir.path(removed)).unwrap();
        }
        let before = contents(&dir);
        dir.run_ok(&["check", "--db", "x.db"]);
        assert!(contents(&dir) == before, "{:?}", dir.file_names());
    }
    dir.run_ok(&["seed", "demo", "--db", "x.db"]);
    assert_eq!(dir.file_names(), ["x.db"]);
}
