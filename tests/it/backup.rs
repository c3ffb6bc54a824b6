//! `backup`: what the copy holds, and when there is none.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::support::WorkDir;

const MORE: &str = r#"{"packages": [{"guid": "more", "app": "my-app", "type": "bits"}]}"#;

#[test]
fn backup_holds_what_is_only_in_the_log_of_a_running_server() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    dir.write("more.json", MORE);
    let server = dir.serve(&["--db", "x.db", "--seed", "more.json"]);
    assert!(std::fs::metadata(dir.path("x.db-wal")).unwrap().len() > 0);
    let report = dir.run_ok(&["backup", "copy.db", "--db", "x.db"]);
    assert_eq!(report, "`copy.db`: schema 5, 5 packages, no fault\n");
    // What `cp` copies lacks the log.
    std::fs::copy(dir.path("x.db"), dir.path("torn.db")).unwrap();
    assert!(!dir.run_ok(&["export", "--db", "torn.db"]).contains("more"));

    let names = [
        "copy.db",
        "more.json",
        "torn.db",
        "x.db",
        "x.db-shm",
        "x.db-wal",
    ];
    assert_eq!(dir.file_names(), names);
    let mode = std::fs::metadata(dir.path("copy.db"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(
        dir.run_ok(&["export", "--db", "copy.db"]),
        dir.run_ok(&["export", "--db", "x.db"])
    );
    server.stop();
}

#[test]
fn token_of_the_database_is_valid_for_its_backup() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example"]);
    dir.run_ok(&["backup", "copy.db"]);
    let token = dir.admin_token();
    let server = dir.serve(&["--db", "copy.db"]);
    assert_eq!(server.get("/v3/packages", &token).status, 200);
}

#[test]
fn backup_beside_a_program_that_writes_is_one_state() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let writer = Connection::open(dir.path("x.db")).unwrap();
    writer
        .busy_timeout(std::time::Duration::from_secs(60))
        .unwrap();
    // Each commit gives all of them the same time.
    let change = |writer: &Connection, time: i64| {
        let sql = format!(
            "begin immediate; update apps set created_at = {time}; update spaces set created_at = {time}; commit"
        );
        writer.execute_batch(&sql).unwrap();
    };
    change(&writer, 0);
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for time in 1..20_000 {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                change(&writer, time);
            }
        });
        for number in 0..20 {
            let file = format!("{number}.db");
            dir.run_ok(&["backup", &file, "--db", "x.db"]);
            let copy = Connection::open(dir.path(&file)).unwrap();
            let times: Vec<i64> = copy
                .prepare("select created_at from apps union select created_at from spaces")
                .unwrap()
                .query_map([], |row| row.get(0))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            assert_eq!(times.len(), 1, "{times:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn names_of_files_beside_a_database_are_refused() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    std::fs::create_dir(dir.path("folder")).unwrap();
    symlink("x.db", dir.path("soft.db")).unwrap();
    symlink(".", dir.path("here")).unwrap();
    let before = dir.file_names();
    let id = "0123456789abcdef0123456789abcdef";
    let suffixes = [
        "-journal",
        "-wal",
        "-shm",
        "-wal.old",
        ".before-1",
        ".before-1.new",
    ];
    let drafts = [format!(".{id}.new"), format!(".{id}.lock")];
    let suffixes = suffixes
        .into_iter()
        .chain(drafts.iter().map(String::as_str));
    for suffix in suffixes {
        for start in ["x.db", "./folder/../x.db", "here/x.db", "soft.db", "X.DB"] {
            let file = format!("{start}{suffix}");
            let sentence = format!(
                "cf-packages: `{file}` has a name that SQLite or cf-packages gives to a file beside a database, and would be removed or overwritten; name another file\n"
            );
            for command in [
                &["backup", &file, "--db", "x.db"][..],
                &["seed", "example", "--db", &file],
            ] {
                let output = dir.run(command);
                assert_eq!(
                    (output.status, &output.stderr),
                    (1, &sentence),
                    "{command:?}"
                );
            }
        }
    }
    for (file, fault) in [
        ("folder", "is a directory; name a file in it"),
        ("folder/", "is a directory; name a file in it"),
        ("x.db", "is the database itself; name another file"),
        ("soft.db", "is the database itself; name another file"),
    ] {
        let output = dir.run(&["backup", file, "--db", "x.db"]);
        assert_eq!(
            (output.status, output.stderr),
            (1, format!("cf-packages: `{file}` {fault}\n"))
        );
    }
    assert_eq!(dir.file_names(), before);
    dir.run_ok(&["check", "--db", "x.db"]);
}

#[test]
fn admin_token_never_takes_the_place_of_a_database_or_of_a_file_beside_one() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let before = dir.read("x.db");
    for (file, fault) in [
        ("x.db", "is an SQLite database; name another file"),
        (
            "x.db-wal",
            "has a name that SQLite or cf-packages gives to a file beside a database, and would be removed or overwritten; name another file",
        ),
    ] {
        let command = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--db",
            "x.db",
            "--admin-token-file",
            file,
        ];
        let output = dir.run(&command);
        assert_eq!(
            (output.status, output.stderr),
            (1, format!("cf-packages: `{file}` {fault}\n"))
        );
        assert_eq!(dir.file_names(), ["x.db"]);
    }
    assert!(dir.read("x.db") == before);
}

#[test]
fn name_of_a_backup_may_be_as_long_as_that_of_a_database_can_be() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    for name in [
        "b".repeat(250),
        "b".repeat(247),
        format!("{}é{}", "b".repeat(208), "c".repeat(40)),
    ] {
        let report = dir.run_ok(&["backup", &name, "--db", "x.db"]);
        assert!(
            report.starts_with(&format!("`{name}`: schema ")),
            "{report}"
        );
        dir.run_ok(&["check", "--db", &name]);
        assert_eq!(dir.file_names(), [name.as_str(), "x.db"]);
        std::fs::remove_file(dir.path(&name)).unwrap();
    }
    for length in [251, 255, 256] {
        let name = "b".repeat(length);
        let output = dir.run(&["backup", &name, "--db", "x.db"]);
        let sentence = format!(
            "cf-packages: `{name}` has a name of {length} bytes, and that of a database has at most 250, since the names of the files beside it are longer; choose a shorter name\n"
        );
        assert_eq!((output.status, output.stderr), (1, sentence));
        assert_eq!(dir.file_names(), ["x.db"]);
    }
}

#[test]
fn line_feed_in_the_name_of_a_backup_is_escaped() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let report = dir.run_ok(&["backup", "new\nline", "--db", "x.db"]);
    assert!(report.starts_with("`new\\nline`: schema "), "{report}");
    assert_eq!(report.lines().count(), 1);
}

#[test]
fn backup_has_mode_0600_under_any_umask() {
    for umask in ["000", "022", "077", "777"] {
        let dir = WorkDir::of_files();
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        let output = dir.run_after(
            &format!("umask {umask}"),
            &["backup", "copy.db", "--db", "x.db"],
        );
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let copy = std::fs::metadata(dir.path("copy.db")).unwrap();
        assert_eq!(copy.permissions().mode() & 0o777, 0o600, "{umask}");
    }
}

#[test]
fn database_beside_which_nothing_can_be_written_is_read_and_leaves_nothing() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let before = dir.read("x.db");
    // The index of the log has 32 KiB, and is the first thing that SQLite writes.
    for command in [
        &["check", "--db", "x.db"][..],
        &["get", "/v3/packages", "--admin", "--db", "x.db"],
        &["export", "--db", "x.db"],
        &["token", "--admin", "--db", "x.db"],
    ] {
        let output = dir.run_after("ulimit -f 0", command);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {output:?}");
        assert_eq!(dir.file_names(), ["x.db"], "{command:?}");
        assert!(dir.read("x.db") == before);
    }
}

#[test]
fn backup_replaces_no_file_and_is_not_made_beside_a_log() {
    for (file, sentence) in [
        (
            "copy.db",
            "`copy.db` already exists, and a backup replaces no file; name another file, or remove this one",
        ),
        (
            "copy.db-wal",
            "`copy.db` cannot be made while `copy.db-wal` of a former database lies there; put that database back, or remove it",
        ),
    ] {
        let dir = WorkDir::of_files();
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        dir.write(file, "kept");
        let output = dir.run(&["backup", "copy.db", "--db", "x.db"]);
        assert_eq!(
            (output.status, output.stderr),
            (1, format!("cf-packages: {sentence}\n"))
        );
        assert_eq!(dir.read(file), b"kept");
        assert_eq!(dir.file_names(), [file, "x.db"]);
    }
}

#[test]
fn database_with_a_fault_gets_no_backup() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let writer = Connection::open(dir.path("x.db")).unwrap();
    writer
        .execute_batch(
            "pragma foreign_keys = off; delete from apps; pragma wal_checkpoint(truncate)",
        )
        .unwrap();
    drop(writer);
    let output = dir.run(&["backup", "copy.db", "--db", "x.db"]);
    assert_eq!(output.status, 1);
    assert_eq!(output.stdout, "");
    assert!(
        output.stderr.starts_with(
            "cf-packages: `x.db` has a row 1 in `packages` that refers to nothing in `apps`\n"
        ),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.ends_with(
            "cf-packages: `copy.db` was not written, because the database has faults; `export` may still save its data\n"
        ),
        "{}",
        output.stderr
    );
    assert_eq!(dir.file_names(), ["x.db"]);
}

#[test]
fn backup_of_no_database_is_refused() {
    let dir = WorkDir::of_files();
    let output = dir.run(&["backup", "copy.db", "--db", "x.db"]);
    assert_eq!(output.status, 1);
    assert!(
        output.stderr.starts_with("cf-packages: `x.db` "),
        "{}",
        output.stderr
    );
    dir.write("x.db", "some text that is no database");
    let output = dir.run(&["backup", "copy.db", "--db", "x.db"]);
    assert_eq!(output.status, 1);
    assert!(
        output.stderr.starts_with("cf-packages: `x.db` "),
        "{}",
        output.stderr
    );
    let output = dir.run(&["backup", "no/folder/copy.db", "--db", "x.db"]);
    assert_eq!(output.status, 1);
    assert_eq!(dir.file_names(), ["x.db"]);
}

#[test]
fn target_that_cannot_be_written_is_named() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let output = dir.run(&["backup", "no/folder/copy.db", "--db", "x.db"]);
    assert_eq!(
        (output.status, output.stderr.as_str()),
        (
            1,
            "cf-packages: `no/folder/copy.db` cannot be made: no such file or directory\n"
        )
    );
    let program = dir.command();
    let shell = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 100; exec \"$0\" backup copy.db --db x.db"])
        .arg(program.get_program())
        .current_dir(dir.path(""))
        .output()
        .unwrap();
    let stderr = String::from_utf8(shell.stderr).unwrap();
    assert_eq!(shell.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.starts_with("cf-packages: `copy.db` cannot be written: "),
        "{stderr}"
    );
    assert_eq!(dir.file_names(), ["x.db"]);
}
