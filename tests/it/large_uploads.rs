//! Uploads that are stored in several transactions, and what is left of them if they are interrupted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::Part::File;
use crate::support::{Response, Server, WorkDir, archive, upload};
use crate::uploads::serve;

/// Larger than what one transaction stores.
const LARGE: u64 = 40 << 20;

/// Returns an archive of about that many bytes, which differs for each `seed`.
fn archive_of(size: u64, seed: u64) -> Vec<u8> {
    let numbers = (0..size / 8).map(|number| (number << 8) | seed);
    let content: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
    archive(&[("data", &content)])
}

fn send(server: &Server, guid: &str, token: &str, zip: &[u8]) -> Response {
    let target = format!("/v3/packages/{guid}/upload");
    server.send(upload(&target, token, &[File("bits", zip)]))
}

fn download(server: &Server, guid: &str, token: &str) -> Vec<u8> {
    let target = format!("/v3/packages/{guid}/download");
    server.get(&target, token).bytes
}

#[test]
fn large_upload_keeps_the_write_ahead_log_short() {
    let zip = archive_of(LARGE, 0);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let ended = AtomicBool::new(false);
    let largest = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut largest = 0;
            while !ended.load(Ordering::Relaxed) {
                let log = std::fs::metadata(dir.path("packages.db-wal"));
                largest = largest.max(log.map_or(0, |log| log.len()));
                std::thread::sleep(Duration::from_millis(1));
            }
            largest
        });
        let answer = send(&server, "first", &token, &zip);
        ended.store(true, Ordering::Relaxed);
        assert_eq!(answer.status, 200, "{}", answer.body);
        watch.join().expect("no panic")
    });
    assert!(largest < 28 << 20, "{largest}");
    assert!(download(&server, "first", &token) == zip);
    server.stop();
    assert!(dir.run_ok(&["check"]).contains("bits: no fault"));
}

#[test]
fn equal_large_uploads_at_once_are_stored_once() {
    let zip = archive_of(LARGE, 1);
    let dir = WorkDir::new();
    // Two servers over one file.
    let servers = [
        serve(&dir, &["--api", "current"]),
        dir.serve(&["--api", "current"]),
    ];
    let token = dir.token("dora");
    std::thread::scope(|scope| {
        for (server, guid) in servers.iter().zip(["first", "second"]) {
            let (zip, token) = (&zip, &token);
            scope.spawn(move || assert_eq!(send(server, guid, token, zip).status, 200));
        }
    });
    assert_eq!(dir.number("select count(*) from blobs"), 1);
    for guid in ["first", "second"] {
        assert!(download(&servers[0], guid, &token) == zip);
    }
}

#[test]
fn large_uploads_to_two_servers_wait_for_each_other() {
    // Together larger than the write-ahead log may become.
    let zips = [archive_of(2 * LARGE, 6), archive_of(2 * LARGE, 7)];
    let dir = WorkDir::new();
    let servers = [
        serve(&dir, &["--api", "current"]),
        dir.serve(&["--api", "current"]),
    ];
    let token = dir.token("dora");
    std::thread::scope(|scope| {
        for ((server, guid), zip) in servers.iter().zip(["first", "second"]).zip(&zips) {
            let token = &token;
            scope.spawn(move || {
                let answer = send(server, guid, token, zip);
                assert_eq!(answer.status, 200, "{}", answer.body);
            });
        }
    });
    assert_eq!(dir.number("select count(due) from blobs"), 0);
    for (guid, zip) in ["first", "second"].iter().zip(&zips) {
        assert!(download(&servers[0], guid, &token) == *zip);
    }
}

#[test]
fn large_upload_waits_for_a_writer_that_takes_longer_than_a_request_may_wait() {
    let zip = archive_of(LARGE, 8);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let held = dir.hold_writers();
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| send(&server, "first", &token, &zip));
        // A request is refused after 5 seconds.
        std::thread::sleep(Duration::from_secs(7));
        drop(held);
        assert_eq!(answer.join().expect("no panic").status, 200);
    });
    assert!(download(&server, "first", &token) == zip);
}

#[test]
fn one_of_two_large_uploads_of_a_package_is_stored() {
    let zips = [archive_of(LARGE, 2), archive_of(LARGE, 3)];
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let mut statuses = std::thread::scope(|scope| {
        let sent = zips.each_ref().map(|zip| {
            let (server, token) = (&server, &token);
            scope.spawn(move || send(server, "first", token, zip).status)
        });
        sent.map(|sent| sent.join().expect("no panic"))
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(dir.number("select count(*) from blobs"), 1);
    let stored = download(&server, "first", &token);
    assert!(zips.contains(&stored));
}

#[test]
fn package_that_is_deleted_during_its_upload_leaves_no_bits() {
    let zip = archive_of(LARGE, 4);
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let token = dir.token("dora");
    let delete = format!(
        "DELETE /v3/packages/first HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\n\r\n"
    );
    let answer = std::thread::scope(|scope| {
        let answer = scope.spawn(|| send(&server, "first", &token, &zip));
        // Once pieces are stored, their transactions alternate with others.
        while dir.number("select count(*) from blob_pieces") == 0 && !answer.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(server.send(&delete).status, 204);
        answer.join().expect("no panic")
    });
    // A fast machine may have stored all of it before.
    assert!(matches!(answer.status, 404 | 200), "{}", answer.body);
    assert_eq!(server.get("/v3/packages/first", &token).status, 404);
    assert_eq!(dir.number("select count(*) from blobs"), 0);
    assert_eq!(dir.number("select count(*) from blob_pieces"), 0);
}

#[test]
fn pieces_that_a_killed_server_left_are_invisible_and_deleted() {
    let dir = WorkDir::new();
    serve(&dir, &["--api", "current"]).stop();
    dir.change(&[
        "insert into blobs (sha1, sha256, size, due) values ('1', '2', 300000, 1)",
        "insert into blob_pieces (blob_id, number, content) select b.id, 0, secret from blobs b, token_keys",
    ]);
    assert!(dir.run_ok(&["check"]).contains("bits: no fault"));
    dir.run_ok(&["export", "--bits", "bits"]);
    let exported = std::fs::read_dir(dir.path("bits"));
    assert_eq!(exported.map_or(0, Iterator::count), 0);
    let server = dir.serve(&["--api", "current"]);
    while dir.number("select count(*) from blob_pieces") > 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(dir.number("select count(*) from blobs"), 0);
    server.stop();
}

#[test]
fn server_that_is_killed_while_it_stores_an_upload_loses_only_the_upload() {
    let zip = archive_of(LARGE, 5);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let mut client = server.connect();
    client.send(upload(
        "/v3/packages/first/upload",
        &token,
        &[File("bits", &zip)],
    ));
    while dir.number("select count(*) from blobs") == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    server.signal("KILL");
    server.wait();
    assert!(dir.run_ok(&["check"]).contains("bits: no fault"));
    let server = dir.serve(&["--api", "current"]);
    let package = server.get("/v3/packages/first", &token).body;
    if package.contains("AWAITING_UPLOAD") {
        assert_eq!(send(&server, "first", &token, &zip).status, 200);
    }
    // Otherwise all of it was stored before the signal.
    assert!(download(&server, "first", &token) == zip);
}
