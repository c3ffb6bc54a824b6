//! A signal before a server listens, or while another command works: nothing of what was begun remains.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stopping::is_hangup_ignored;
use crate::support::{Output, WorkDir};

/// How long a test waits for a file.
const PATIENCE: Duration = Duration::from_secs(60);
/// More packages than any machine adds while a test runs.
const ENDLESS: &str = "1000000000";

/// Returns the names of the signals and the exit codes that shells show for them.
fn signals() -> Vec<(&'static str, i32)> {
    let mut signals = vec![("TERM", 143), ("INT", 130)];
    if !is_hangup_ignored() {
        signals.push(("HUP", 129));
    }
    signals
}

/// Starts the program with an open standard input and a folder for temporary files.
fn start(work: &WorkDir, arguments: &[&str]) -> Child {
    let temporary = work.path("tmp");
    std::fs::create_dir_all(&temporary).expect("a folder");
    work.command()
        .args(arguments)
        .env("TMPDIR", temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Returns the paths of all files in the folder and the folders in it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

/// Waits until there is a file whose path has that end.
fn wait_for(work: &WorkDir, end: &str) {
    let begin = Instant::now();
    while !files(&work.path("")).iter().any(|file| file.ends_with(end)) {
        assert!(begin.elapsed() < PATIENCE, "there is no file `{end}`");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(signal: &str, child: &Child) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status();
    assert!(sent.expect("`kill` runs").success());
}

/// Sends the signal and waits for the end. Standard input stays open until then.
fn end(mut child: Child, signal: &str) -> Output {
    let _stdin = child.stdin.take();
    send(signal, &child);
    let output = child.wait_with_output().expect("the program ends");
    Output {
        status: output.status.code().expect("an exit code, not a signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    }
}

#[test]
fn server_that_applies_seeds_stops_and_leaves_nothing() {
    for (flags, begun) in [
        (&["--db", "x.db"][..], ".new"),
        (&["--ephemeral"], ".new"),
        (&["--ephemeral", "--from", "from.db"], "packages.db-wal"),
    ] {
        for (signal, _) in signals() {
            let work = WorkDir::of_files();
            work.run_ok(&["seed", "example", "--db", "from.db"]);
            let arguments = ["serve", "--listen", "127.0.0.1:0", "--seed", "-"];
            let mut server = start(&work, &[&arguments, flags].concat());
            // The server waits for the rest of the line.
            let stdin = server.stdin.as_mut().expect("a standard input");
            stdin
                .write_all(b"{\"organization\": {\"name\": \"new\"}}\n{\"space\"")
                .expect("the program reads");
            wait_for(&work, begun);
            let ended = end(server, signal);
            assert_eq!(ended.status, 0, "{ended:?}");
            assert_eq!((&*ended.stdout, &*ended.stderr), ("", ""));
            assert_eq!(work.file_names(), ["from.db", "tmp"], "{flags:?}");
            assert_eq!(files(&work.path("tmp")), [""; 0]);
            assert_eq!(std::fs::read_dir(work.path("tmp")).unwrap().count(), 0);
        }
    }
}

#[test]
fn seed_stops_with_the_code_of_the_signal_and_changes_nothing() {
    let more = b"{\"organization\": {\"name\": \"new\"}}\n";
    for (seed, file, begun) in [
        (&["-"][..], "new.db", ".new"),
        (&["-"], "old.db", "old.db-wal"),
        (&["pipe"], "old.db", "old.db-wal"),
        (&["--generate", ENDLESS], "new.db", ".new"),
        (&["--generate", ENDLESS], "old.db", "old.db-wal"),
        (&["--generate", ENDLESS], "empty.db", ".new"),
    ] {
        for (signal, code) in signals() {
            let work = WorkDir::of_files();
            work.run_ok(&["seed", "example", "--db", "old.db"]);
            work.write("empty.db", "");
            let made = Command::new("mkfifo").arg(work.path("pipe")).status();
            assert!(made.expect("`mkfifo` runs").success());
            let before = work.read("old.db");
            let arguments = [&["seed"], seed, &["--db", file]].concat();
            let mut seeding = start(&work, &arguments);
            let stdin = seeding.stdin.as_mut().expect("a standard input");
            // A seed that is generated does not read it.
            stdin.write_all(more).expect("a pipe has room");
            wait_for(&work, begun);
            let ended = end(seeding, signal);
            let sentence = format!("cf-packages: stopped by SIG{signal}; nothing was changed\n");
            assert_eq!((ended.status, &*ended.stderr), (code, &*sentence));
            assert_eq!(ended.stdout, "");
            assert_eq!(work.file_names(), ["empty.db", "old.db", "pipe", "tmp"]);
            assert!(work.read("old.db") == before && work.read("empty.db").is_empty());
        }
    }
}

#[test]
fn export_whose_reader_does_not_read_stops() {
    let work = WorkDir::of_files();
    work.run_ok(&["seed", "--generate", "2000", "--db", "x.db"]);
    let before = work.read("x.db");
    let mut exporting = start(&work, &["export", "--db", "x.db"]);
    let stdout = exporting.stdout.as_mut().expect("a standard output");
    stdout.read_exact(&mut [0; 10]).expect("it writes");
    // It waits now: the export is longer than what a pipe holds.
    send("INT", &exporting);
    let status = exporting.wait().expect("the program ends");
    assert_eq!(status.code(), Some(130));
    let mut stderr = String::new();
    let errors = exporting.stderr.as_mut().expect("a standard error");
    errors.read_to_string(&mut stderr).expect("UTF-8");
    assert!(
        stderr.starts_with("cf-packages: stopped by SIGINT"),
        "{stderr}"
    );
    assert!(work.read("x.db") == before);
}

#[test]
fn server_that_waits_for_a_key_or_a_password_stops_and_leaves_nothing() {
    let login = ["--api", "current", "--login"];
    for (flag, others) in [
        ("--token-key-file", &[][..]),
        ("--token-public-key", &[]),
        ("--login-password-file", &login),
    ] {
        let work = WorkDir::of_files();
        let pipe = work.path("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("`mkfifo` runs").success());
        let flags = [
            "serve",
            "--ephemeral",
            "--listen",
            "127.0.0.1:0",
            flag,
            "pipe",
        ];
        let child = start(&work, &[&flags, others].concat());
        // Opening it waits until the server reads.
        let _writer = std::fs::OpenOptions::new().write(true).open(&pipe);
        let output = end(child, "TERM");
        assert_eq!((output.status, &*output.stderr), (0, ""), "{flag}");
        assert_eq!(files(&work.path("tmp")), [""; 0], "{flag}");
    }
}
