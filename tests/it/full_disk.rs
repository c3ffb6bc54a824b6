//! Writes that the disk has no room for, and how long the write-ahead log becomes.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use crate::support::{Part, Response, Server, WorkDir, archive, upload};

const MIB: u64 = 1 << 20;

/// Returns a command that runs the program with a limit of that many KiB on the size of files.
fn limited(dir: &WorkDir, kib: u64) -> Command {
    let program = dir.command();
    let mut command = Command::new("sh");
    // `ulimit -f` counts blocks of 512 bytes (POSIX).
    command
        .args(["-c", &format!("ulimit -f {}; exec \"$0\" \"$@\"", 2 * kib)])
        .arg(program.get_program())
        .current_dir(dir.path(""));
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn post_seed(server: &Server, seed: &str) -> Response {
    server.send(format!(
        "POST /admin/seed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{seed}",
        seed.len()
    ))
}

/// Returns a seed of one package whose annotations have about that many bytes.
fn large_package(guid: &str, bytes: usize) -> String {
    let value = "x".repeat(5000);
    let annotations: Vec<_> = (0..bytes / 5000)
        .map(|number| format!("\"a{number}\": \"{value}\""))
        .collect();
    format!(
        r#"{{"packages": [{{"guid": "{guid}", "app": "my-app", "type": "bits", "annotations": {{{}}}}}]}}"#,
        annotations.join(", ")
    )
}

#[test]
fn upload_beyond_the_limit_is_503_and_can_be_tried_again() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let mut command = limited(&dir, 2000);
    let flags = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--db",
        "x.db",
        "--no-auth",
    ];
    command.args(flags);
    let server = Server::start_whole(&mut command);
    let path = "/v3/packages/guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78";
    let send = |size: usize| {
        let zip = archive(&[("data", &vec![b'x'; size])]);
        server.send(upload(
            &format!("{path}/upload"),
            "",
            &[Part::File("bits", &zip)],
        ))
    };
    // The first does not fit beside the database, the second not into the write-ahead log.
    for size in [3_000_000, 1_990_000] {
        let refused = send(size);
        assert_eq!(refused.status, 503, "{size}: {}", refused.body);
        assert!(server.get(path, "").body.contains("AWAITING_UPLOAD"));
    }
    assert_eq!(send(100_000).status, 200);
    assert!(server.get(path, "").body.contains("READY"));
}

#[test]
fn large_upload_that_the_file_has_no_room_for_leaves_room_for_others() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let mut command = limited(&dir, 30_000);
    command.args(["serve", "--listen", "127.0.0.1:0", "--db", "x.db"]);
    command.args(["--no-auth", "--admin-api"]);
    let server = Server::start_whole(&mut command);
    let path = "/v3/packages/guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78";
    let send = |size: usize| {
        let zip = archive(&[("data", &vec![b'x'; size])]);
        let parts = [Part::File("bits", &zip)];
        server.send(upload(&format!("{path}/upload"), "", &parts))
    };
    for round in 0..3 {
        // It fits beside the database, but not into it.
        let refused = send(30_500_000);
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(server.get(path, "").body.contains("AWAITING_UPLOAD"));
        let seed = format!(r#"{{"organizations": [{{"name": "small-{round}"}}]}}"#);
        assert_eq!(post_seed(&server, &seed).status, 200);
    }
    assert_eq!(send(12_000_000).status, 200);
    assert!(server.get(path, "").body.contains("READY"));
}

#[test]
fn write_beyond_the_limit_is_503_and_the_next_one_works() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let mut command = limited(&dir, 600);
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--db",
        "x.db",
        "--no-auth",
        "--admin-api",
    ]);
    let server = Server::start_whole(&mut command);
    for round in 0..3 {
        let refused = post_seed(&server, &large_package("large", 800_000));
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(
            refused.body.contains("CF-ServiceUnavailable") && refused.body.contains("10015"),
            "{}",
            refused.body
        );
        assert_eq!(server.get("/v3/packages/large", "").status, 404);
        let small = format!(r#"{{"organizations": [{{"name": "small-{round}"}}]}}"#);
        let written = post_seed(&server, &small);
        assert_eq!(written.status, 200, "{}", written.body);
        assert_eq!(server.get("/healthz", "").status, 200);
    }
    server.signal("TERM");
    let (code, _, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("cannot be written"), "{log}");
    let exported = dir.run_ok(&["export", "--db", "x.db"]);
    assert!(exported.contains("small-2") && !exported.contains("\"large\""));
    dir.run_ok(&["check", "--db", "x.db"]);
}

#[test]
fn seed_beyond_the_limit_is_refused_whole() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    dir.write("large.json", large_package("large", 800_000));
    let before = dir.read("x.db");
    for (file, arguments) in [
        ("x.db", &["seed", "large.json", "--db", "x.db"][..]),
        ("new.db", &["seed", "--generate", "5000", "--db", "new.db"]),
    ] {
        let output = limited(&dir, 600).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let begin = format!("cf-packages: `{file}` cannot be written: ");
        assert!(stderr.starts_with(&begin), "{stderr}");
        assert_eq!(dir.file_names(), ["large.json", "x.db"]);
        assert!(dir.read("x.db") == before);
    }
}

fn log_size(dir: &WorkDir) -> u64 {
    fs::metadata(dir.path("x.db-wal")).map_or(0, |log| log.len())
}

#[test]
fn log_stays_bounded_while_there_is_always_a_reader() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let flags = ["--db", "x.db", "--no-auth", "--admin-api"];
    let servers = [dir.serve(&flags), dir.serve(&flags)];
    let ends = AtomicBool::new(false);
    let mut largest = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // At each moment one of the two reads, so that SQLite by itself never starts the log anew.
            let readers = [0, 1].map(|_| Connection::open(dir.path("x.db")).expect("a connection"));
            let begin = "begin; select count(*) from packages";
            readers[0].execute_batch(begin).ok();
            while !ends.load(Ordering::Relaxed) {
                for (next, last) in [(1, 0), (0, 1)] {
                    readers[next].execute_batch(begin).ok();
                    std::thread::sleep(Duration::from_millis(20));
                    readers[last].execute_batch("commit").ok();
                }
            }
        });
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                dir.run_ok(&["seed", "--generate", "200", "--db", "x.db"]);
            }
        });
        for number in 0..120 {
            let server = &servers[number % 2];
            let written = post_seed(server, &large_package(&format!("p{number}"), 900_000));
            assert_eq!(written.status, 200, "{}", written.body);
            largest = largest.max(log_size(&dir));
        }
        ends.store(true, Ordering::Relaxed);
    });
    assert!(largest <= 64 * MIB, "{largest}");
    for server in servers {
        server.stop();
    }
    assert_eq!(dir.file_names(), ["x.db"]);
    let exported = dir.run_ok(&["export", "--jsonl", "--db", "x.db"]);
    for number in 0..120 {
        assert!(exported.contains(&format!("\"p{number}\"")));
    }
}

#[test]
fn reader_that_never_ends_makes_writes_fail_before_the_log_is_too_long() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let server = dir.serve(&["--db", "x.db", "--no-auth", "--admin-api"]);
    let reader = Connection::open(dir.path("x.db")).unwrap();
    reader
        .execute_batch("begin; select count(*) from packages")
        .unwrap();
    let refused = (0..)
        .map(|number| post_seed(&server, &large_package(&format!("p{number}"), 900_000)))
        .find(|response| response.status != 200)
        .unwrap();
    assert_eq!(refused.status, 503, "{}", refused.body);
    let size = log_size(&dir);
    assert!((60 * MIB..70 * MIB).contains(&size), "{size}");
    reader.execute_batch("commit").unwrap();
    assert_eq!(post_seed(&server, &large_package("last", 5000)).status, 200);
    assert!(log_size(&dir) < MIB);
    drop(reader);
    server.terminate();
    let (status, _, stderr) = server.wait();
    assert_eq!(status, Some(0), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("kept the database locked"), "{stderr}");
}

#[test]
fn commits_that_cannot_be_moved_into_the_file_stay_in_the_log() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let size = fs::metadata(dir.path("x.db")).unwrap().len();
    dir.write("large.json", large_package("large", 150_000));
    // The log has room for the package, the file has not.
    let mut seed = limited(&dir, size / 1024 + 60);
    let output = seed.args(["seed", "large.json", "--db", "x.db"]).output();
    let output = output.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.starts_with("cf-packages: `") && stderr.contains("x.db-wal` holds commits"),
        "{stderr}"
    );
    let left = ["large.json", "x.db", "x.db-shm", "x.db-wal"];
    assert_eq!(dir.file_names(), left);
    assert!(
        dir.run_ok(&["export", "--db", "x.db"])
            .contains("\"large\"")
    );
    // With room, the next program moves them.
    let server = dir.serve(&["--db", "x.db"]);
    server.stop();
    assert_eq!(dir.file_names(), ["large.json", "x.db"]);
    assert!(
        dir.run_ok(&["export", "--db", "x.db"])
            .contains("\"large\"")
    );
}
