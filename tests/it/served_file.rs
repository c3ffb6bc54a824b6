//! What a running server does when the file that it serves is removed, moved, replaced or overwritten.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Response, Server, WorkDir};

/// How long a server may take to notice. It looks twice a second.
const SOON: Duration = Duration::from_secs(20);

fn serve(dir: &WorkDir, flags: &[&str]) -> Server {
    let common = ["--db", "x.db", "--no-auth", "--admin-api"];
    dir.serve(&[&common, flags].concat())
}

fn post_seed(server: &Server, name: &str) -> Response {
    let body = format!(r#"{{"organizations": [{{"name": "{name}"}}]}}"#);
    server.send(format!(
        "POST /admin/seed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Repeats the request until its status is `status`.
fn wait_for(server: &Server, target: &str, status: u16) -> Response {
    let start = Instant::now();
    loop {
        let response = server.get(target, "");
        if response.status == status {
            return response;
        }
        assert!(
            start.elapsed() < SOON,
            "{target} answers {} instead of {status}",
            response.status
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Stops the server, which must exit with 0. Returns its log.
fn stop(server: Server) -> String {
    server.signal("TERM");
    let (code, _, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    log
}

fn exported(dir: &WorkDir, file: &str) -> String {
    dir.run_ok(&["export", "--db", file])
}

type Lose = fn(&WorkDir);

const LOSSES: &[(&str, Lose, &str)] = &[
    (
        "removed",
        |dir| fs::remove_file(dir.path("x.db")).unwrap(),
        "`x.db` was removed or moved while it was open",
    ),
    (
        "moved",
        |dir| fs::rename(dir.path("x.db"), dir.path("elsewhere.db")).unwrap(),
        "`x.db` was removed or moved while it was open",
    ),
    (
        "moved, and a link to it put in its place",
        |dir| {
            fs::rename(dir.path("x.db"), dir.path("elsewhere.db")).unwrap();
            symlink("elsewhere.db", dir.path("x.db")).unwrap();
        },
        "`x.db` was removed or moved while it was open",
    ),
    (
        "replaced",
        |dir| fs::rename(dir.path("other.db"), dir.path("x.db")).unwrap(),
        "`x.db` was replaced while it was open",
    ),
    (
        "overwritten",
        |dir| {
            fs::copy(dir.path("other.db"), dir.path("x.db")).unwrap();
        },
        "`x.db` was overwritten while it was open",
    ),
    (
        "restored from a copy of its former state",
        |dir| {
            fs::copy(dir.path("former.db"), dir.path("x.db")).unwrap();
        },
        "`x.db` was overwritten while it was open",
    ),
    (
        "emptied",
        |dir| drop(fs::File::create(dir.path("x.db")).unwrap()),
        "`x.db` was overwritten while it was open",
    ),
    (
        "cut by its last page",
        |dir| {
            let length = dir.path("x.db").metadata().unwrap().len();
            let file = fs::OpenOptions::new().write(true).open(dir.path("x.db"));
            file.unwrap().set_len(length - 4096).unwrap();
        },
        "`x.db` was overwritten while it was open",
    ),
    (
        "overwritten in the middle",
        |dir| {
            let length = dir.path("x.db").metadata().unwrap().len();
            let file = fs::OpenOptions::new().write(true).open(dir.path("x.db"));
            let middle = length / 2 / 4096 * 4096;
            file.unwrap().write_all_at(&[0xaa; 40_960], middle).unwrap();
        },
        "`x.db` was overwritten while it was open",
    ),
    (
        "without its log",
        |dir| fs::remove_file(dir.path("x.db-wal")).unwrap(),
        "the `-wal` or `-shm` of `x.db` was removed or replaced",
    ),
];

#[test]
fn lost_file_is_not_written_and_soon_not_read() {
    for (name, lose, cause) in LOSSES {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "demo", "--db", "other.db"]);
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        fs::copy(dir.path("x.db"), dir.path("former.db")).unwrap();
        dir.run_ok(&["seed", "--generate", "20", "--db", "x.db"]);
        let server = serve(&dir, &[]);
        assert_eq!(post_seed(&server, "before").status, 200, "{name}");
        assert_eq!(server.get("/v3/packages", "").status, 200);

        lose(&dir);
        let refused = post_seed(&server, "after");
        assert_eq!(refused.status, 503, "{name}: {}", refused.body);
        assert!(refused.body.contains("CF-ServiceUnavailable"), "{name}");
        assert!(refused.body.contains("10015"), "{name}");
        for target in ["/healthz", "/v3/packages"] {
            let response = wait_for(&server, target, 503);
            assert!(response.body.contains("10015"), "{name}: {}", response.body);
        }
        let log = stop(server);
        assert!(log.contains(cause), "{name}: {log}");
        assert!(!log.contains("damaged ("), "{name}: {log}");
    }
}

#[test]
fn moved_file_holds_all_commits_and_is_served_again_when_it_is_back() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let server = serve(&dir, &[]);
    assert_eq!(post_seed(&server, "first").status, 200);
    fs::rename(dir.path("x.db"), dir.path("y.db")).unwrap();
    wait_for(&server, "/healthz", 503);
    fs::rename(dir.path("y.db"), dir.path("x.db")).unwrap();
    wait_for(&server, "/healthz", 200);
    assert_eq!(post_seed(&server, "second").status, 200);
    fs::rename(dir.path("x.db"), dir.path("y.db")).unwrap();
    wait_for(&server, "/healthz", 503);
    stop(server);
    assert_eq!(dir.file_names(), ["y.db"]);
    let exported = exported(&dir, "y.db");
    assert!(exported.contains("\"first\"") && exported.contains("\"second\""));
}

#[test]
fn file_is_served_on_if_only_its_time_was_set() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let server = serve(&dir, &[]);
    assert_eq!(post_seed(&server, "before").status, 200);
    let file = fs::File::open(dir.path("x.db")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(post_seed(&server, "after").status, 200);
    assert_eq!(server.get("/v3/packages", "").status, 200);
    let log = stop(server);
    assert!(
        log.contains("another program wrote to `x.db`, or set its time, while it was open; no damage was found"),
        "{log}"
    );
    assert!(exported(&dir, "x.db").contains("\"after\""));
}

#[test]
fn server_behind_a_link_that_led_elsewhere_stops_and_leaves_a_whole_file() {
    let lose: [Lose; 2] = [
        |dir| fs::remove_file(dir.path("x.db")).unwrap(),
        |dir| {
            symlink("other.db", dir.path("link")).unwrap();
            fs::rename(dir.path("link"), dir.path("x.db")).unwrap();
        },
    ];
    for (lose, others) in lose
        .into_iter()
        .flat_map(|lose| [(lose, false), (lose, true)])
    {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "demo", "--db", "other.db"]);
        dir.run_ok(&["seed", "example", "--db", "real.db"]);
        symlink("real.db", dir.path("x.db")).unwrap();
        let server = serve(&dir, &[]);
        let beside = others.then(|| dir.serve(&["--db", "real.db", "--no-auth", "--admin-api"]));
        assert_eq!(post_seed(&server, "before").status, 200);
        lose(&dir);
        assert_eq!(post_seed(&server, "lost").status, 503);
        stop(server);
        // The log of a server that uses the file by its own name is left.
        if let Some(beside) = beside {
            assert_eq!(post_seed(&beside, "later").status, 200);
            assert_eq!(stop(beside), "");
        }
        dir.run_ok(&["check", "--db", "real.db"]);
        let exported = exported(&dir, "real.db");
        assert!(exported.contains("\"before\""));
        assert_eq!(exported.contains("\"later\""), others);
        let names = dir.file_names();
        assert!(names.iter().all(|name| !name.contains('-')), "{names:?}");
    }
}

#[test]
fn new_file_is_not_changed_by_the_log_of_the_former_one() {
    for (name, lose, _) in LOSSES {
        if !["replaced", "overwritten"].contains(name) {
            continue;
        }
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "demo", "--db", "other.db"]);
        let expected = exported(&dir, "other.db");
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        let server = serve(&dir, &[]);
        assert_eq!(post_seed(&server, "before").status, 200);
        lose(&dir);
        wait_for(&server, "/healthz", 503);
        stop(server);
        dir.run_ok(&["check", "--db", "x.db"]);
        assert!(exported(&dir, "x.db") == expected, "{name}");
    }
}

#[test]
fn log_of_another_server_at_the_same_path_is_left() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let former = serve(&dir, &[]);
    assert_eq!(post_seed(&former, "former").status, 200);
    for name in ["x.db", "x.db-wal", "x.db-shm"] {
        fs::remove_file(dir.path(name)).unwrap();
    }
    dir.run_ok(&["seed", "demo", "--db", "x.db"]);
    let next = serve(&dir, &[]);
    assert_eq!(post_seed(&next, "next").status, 200);
    assert_eq!(post_seed(&former, "lost").status, 503);
    stop(former);
    assert!(dir.path("x.db-wal").exists() && dir.path("x.db-shm").exists());
    assert_eq!(post_seed(&next, "later").status, 200);
    assert_eq!(stop(next), "");
    let exported = exported(&dir, "x.db");
    assert!(exported.contains("\"next\"") && exported.contains("\"later\""));
    assert!(!exported.contains("\"former\""));
    dir.run_ok(&["check", "--db", "x.db"]);
}

#[test]
fn read_only_server_serves_the_file_that_replaces_its_own() {
    let replace: [fn(&Path, &Path); 2] = [
        |from, to| fs::rename(from, to).unwrap(),
        |from, to| {
            fs::copy(from, to).unwrap();
        },
    ];
    for replace in replace {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        // The same counters as in the first file, but other data.
        dir.write(
            "other.json",
            dir.run_ok(&["export", "--db", "x.db"])
                .replace("my-app", "its-app"),
        );
        dir.run_ok(&["seed", "other.json", "--db", "other.db"]);
        dir.run_ok(&["seed", "demo", "--db", "large.db"]);
        let server = serve(&dir, &["--read-only", "--api", "current"]);
        let list = |server: &Server| server.get("/v3/apps", "").body;
        let first = list(&server);
        assert!(first.contains("\"my-app\""));

        replace(&dir.path("other.db"), &dir.path("x.db"));
        let start = Instant::now();
        while !list(&server).contains("\"its-app\"") {
            assert!(start.elapsed() < SOON, "{}", list(&server));
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(server.get("/healthz", "").status, 200);

        fs::remove_file(dir.path("x.db")).unwrap();
        wait_for(&server, "/healthz", 503);
        dir.write("x.db", "not a database");
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(server.get("/v3/apps", "").status, 503);
        replace(&dir.path("large.db"), &dir.path("x.db"));
        wait_for(&server, "/healthz", 200);
        let list = server.get("/v3/packages", "").body;
        assert!(list.contains("\"total_results\":300"), "{list}");
        let log = stop(server);
        for part in ["was replaced", "was removed", "is not an SQLite database"] {
            assert!(log.contains(part), "{part}: {log}");
        }
    }
}

#[test]
fn log_says_once_that_what_is_due_cannot_be_finished() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let server = serve(&dir, &["--api", "current", "--processing", "5s"]);
    let deleted = server.send(
        "DELETE /v3/packages/guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert_eq!(deleted.status, 202);
    fs::rename(dir.path("x.db"), dir.path("y.db")).unwrap();
    wait_for(&server, "/healthz", 503);
    // The job becomes due, and is tried each second from then on.
    std::thread::sleep(Duration::from_secs(9));
    let log = stop(server);
    let failure = "what is due could not be finished: `x.db` was removed";
    let failures = log.matches(failure).count();
    assert_eq!(failures, 1, "{log}");
}
