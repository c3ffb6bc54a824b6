//! `GET /v3/packages/:guid/download`: the same bytes, as a whole or one range of them.

use rusqlite::Connection;

use crate::support::Part::File;
use crate::support::{Response, Server, WorkDir, archive, error_2015, upload};
use crate::uploads::serve;

const PATH: &str = "/v3/packages/first/download";

/// Uploads 600,000 bytes, which are several pieces, to the package `first`. Returns them.
fn upload_bits(server: &Server, token: &str) -> Vec<u8> {
    let content: Vec<u8> = (0..251_u8).cycle().take(600_000).collect();
    let zip = archive(&[("data", &content)]);
    let request = upload("/v3/packages/first/upload", token, &[File("bits", &zip)]);
    assert_eq!(server.send(request).status, 200);
    zip
}

fn get_with(server: &Server, method: &str, token: &str, headers: &str) -> Response {
    server.send(format!(
        "{method} {PATH} HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\n{headers}\r\n"
    ))
}

#[test]
fn download_returns_what_was_uploaded() {
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let token = dir.token("dora");
    let zip = upload_bits(&server, &token);
    let answer = server.get(PATH, &token);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.bytes == zip);
    let length = zip.len().to_string();
    let tag = answer.header("etag").expect("an entity tag").to_owned();
    let expected = [
        ("content-length", &*length),
        ("content-type", "application/zip"),
        ("content-disposition", "attachment; filename=\"first.zip\""),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-cache"),
        ("vary", "Authorization"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value));
    }
    let head = get_with(&server, "HEAD", &token, "Range: bytes=0-1\r\n");
    assert_eq!((head.status, head.header("etag")), (200, Some(&*tag)));
    for (name, value) in expected {
        assert_eq!(head.header(name), Some(value));
    }
    let unchanged = get_with(&server, "GET", &token, &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(unchanged.status_and_body(), (304, ""));
}

#[test]
fn range_returns_a_part() {
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let token = dir.token("dora");
    let zip = upload_bits(&server, &token);
    let size = zip.len();
    let piece = 256 << 10;
    for (range, bytes) in [
        ("0-0".to_owned(), 0..1),
        ("5-9".to_owned(), 5..10),
        (format!("{}-{}", piece - 1, piece), piece - 1..piece + 1),
        (format!("{piece}-{}", 2 * piece - 1), piece..2 * piece),
        (format!("{}-", size - 3), size - 3..size),
        ("-7".to_owned(), size - 7..size),
        ("1-99999999999999999999".to_owned(), 1..size),
        (format!("-{}", 2 * size), 0..size),
    ] {
        let answer = get_with(&server, "GET", &token, &format!("Range: bytes={range}\r\n"));
        let content_range = format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1);
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.header("content-range"), Some(&*content_range));
        assert!(answer.bytes == zip[bytes], "{range}");
    }
    let tag = server.get(PATH, &token).header("etag").unwrap().to_owned();
    // What is no single range, or not of this file, is ignored.
    for headers in [
        "Range: bytes=0-1,5-9\r\n",
        "Range: bytes=9-5\r\n",
        "Range: bytes=x\r\n",
        "Range: pages=0-1\r\n",
        "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n",
        "Range: bytes=0-1\r\nIf-Range: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
        &format!("Range: bytes=0-1\r\nIf-Range: W/{tag}\r\n"),
    ] {
        let answer = get_with(&server, "GET", &token, headers);
        assert_eq!(answer.status, 200, "{headers}");
        assert!(answer.bytes == zip, "{headers}");
    }
    let headers = format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n");
    assert_eq!(get_with(&server, "GET", &token, &headers).bytes, zip[..2]);
    let range = format!("Range: bytes={size}-\r\n");
    let answer = get_with(&server, "GET", &token, &range);
    let text = format!("The range is not among the {size} bytes of the package");
    let expected = error_2015(10004, "CF-InvalidRequest", &text);
    assert_eq!(answer.status_and_body(), (416, expected.as_str()));
    let content_range = format!("bytes */{size}");
    assert_eq!(answer.header("content-range"), Some(&*content_range));
}

#[test]
fn download_of_bits_that_are_deleted_meanwhile_breaks_off() {
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let token = dir.token("dora");
    // More than the buffers of a connection hold.
    let zip = archive(&[("data", &vec![b'x'; 32 << 20])]);
    let request = upload("/v3/packages/first/upload", &token, &[File("bits", &zip)]);
    assert_eq!(server.send(request).status, 200);
    let mut connection = server.connect();
    connection.send(crate::support::get(PATH, &token));
    // The head: the response has begun.
    assert_eq!(connection.read(true).expect("a head").status, 200);
    let deleted = server.send(format!(
        "DELETE /v3/packages/first HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\n\r\n"
    ));
    assert_eq!(deleted.status, 204);
    let received = connection.read_to_end();
    assert!(received < zip.len(), "{received} of {}", zip.len());
    assert_eq!(server.get(PATH, &token).status, 404);
}

#[test]
fn damaged_bits_are_500_and_refused_by_export_and_named_by_check() {
    // What an export shows of bits with the checksum of others is valid.
    for (damage, is_exported) in [
        ("update blobs set size = -1", false),
        ("update blobs set size = 0", false),
        ("update blobs set size = 2", false),
        ("update blobs set size = 1000000", false),
        ("update blobs set sha256 = 'A' || char(10)", false),
        ("update blobs set sha256 = 'a' || char(0) || 'b'", false),
        ("update blobs set sha256 = 'READY'", false),
        ("update blobs set sha256 = printf('%064d', 0)", true),
        ("delete from blob_pieces where number = 0", false),
        ("update blob_pieces set content = x''", false),
        (
            "update blob_pieces set content = x'' where number = 0;
             update blobs set size = (select sum(length(content)) from blob_pieces)",
            false,
        ),
        (
            "delete from blob_pieces where number = 0;
             update blobs set size = (select sum(length(content)) from blob_pieces)",
            false,
        ),
    ] {
        let dir = WorkDir::of_files();
        let server = serve(&dir, &[]);
        let token = dir.token("dora");
        upload_bits(&server, &token);
        let sound = server.get(PATH, &token);
        let tag = sound.header("etag").expect("an entity tag").to_owned();
        assert_eq!(server.get("/healthz", "").status, 200);

        let other = Connection::open(dir.path("packages.db")).unwrap();
        let sql = format!("pragma ignore_check_constraints = on; {damage}");
        other.execute_batch(&sql).unwrap();
        for headers in [
            "",
            "Range: bytes=0-1\r\n",
            &format!("If-None-Match: {tag}\r\n"),
        ] {
            let answer = get_with(&server, "GET", &token, headers);
            assert_eq!(answer.status, 500, "{damage}: {headers}");
            assert_eq!(answer.header("etag"), None, "{damage}: {headers}");
        }
        assert_eq!(get_with(&server, "HEAD", &token, "").status, 500);
        assert_eq!(server.get("/healthz", "").status, 503, "{damage}");
        let checked = dir.run(&["check", "--db", "packages.db"]);
        assert_eq!(checked.status, 1, "{damage}");
        let is_named = |line: &str| line.contains(" bits ") || line.contains("a row in `blobs` ");
        assert!(
            checked.stderr.lines().any(is_named),
            "{damage}: {}",
            checked.stderr
        );
        let exported = dir.run(&["export", "--db", "packages.db"]);
        assert_eq!(exported.status, i32::from(!is_exported), "{damage}");
        if !is_exported {
            let fault = "cf-packages: `packages.db` is damaged (a row in `blobs` (id 1) w";
            assert!(exported.stderr.starts_with(fault), "{}", exported.stderr);
        }
        drop(other);
        server.signal("TERM");
        let (code, _, log) = server.wait();
        assert_eq!(code, Some(0), "{damage}");
        let fault = if is_exported {
            "a package `first` whose checksums are not those of its bits"
        } else {
            "a row in `blobs` (id 1) w"
        };
        assert!(log.contains(fault), "{damage}: {log}");
        assert!(!log.contains("panicked"), "{damage}: {log}");
    }
}

#[test]
fn refusals_in_current() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let (dora, audrey, stranger) = (dir.token("dora"), dir.token("audrey"), dir.token("x"));
    upload_bits(&server, &dora);
    let scope = |user: &str, scope: &str| {
        let arguments = ["token", "--user", user, "--scope", scope];
        dir.run_ok(&arguments).trim_end().to_owned()
    };
    let admin_read_only = scope("x", "cloud_controller.admin_read_only");
    let auditor = scope("x", "cloud_controller.global_auditor");
    let reader = scope("dora", "cloud_controller.read");
    for (guid, token, status, detail) in [
        ("first", "", 401, "Authentication error"),
        ("nope", &*dora, 404, "Package not found"),
        ("first", &*stranger, 404, "Package not found"),
        ("first", &*audrey, 403, "You are not authorized"),
        ("first", &*auditor, 403, "You are not authorized"),
        ("image", &*audrey, 403, "You are not authorized"),
        ("image", &*dora, 422, "Package type must be bits."),
        ("second", &*dora, 422, "Package has no bits to download."),
        ("ready", &*dora, 422, "Package has no bits to download."),
        ("first", &*dora, 200, ""),
        ("first", &*reader, 200, ""),
        ("first", &*admin_read_only, 200, ""),
        ("first", &*dir.admin_token(), 200, ""),
    ] {
        let answer = server.get(&format!("/v3/packages/{guid}/download"), token);
        assert_eq!(answer.status, status, "{guid}: {}", answer.body);
        assert!(answer.body.contains(detail), "{guid}: {}", answer.body);
    }
}

#[test]
fn refusals_in_2015() {
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let (dora, audrey) = (dir.token("dora"), dir.token("audrey"));
    upload_bits(&server, &dora);
    let scope = [
        "token",
        "--user",
        "dora",
        "--scope",
        "cloud_controller.read",
    ];
    let reader = dir.run_ok(&scope).trim_end().to_owned();
    for (guid, token, status) in [
        ("first", "", 401),
        ("nope", &*dora, 404),
        // The organization is suspended.
        ("stored", &*dora, 404),
        // The scope to write is needed too, the role is not.
        ("first", &*reader, 403),
        ("first", &*audrey, 200),
        ("image", &*dora, 422),
        ("second", &*dora, 422),
    ] {
        let answer = server.get(&format!("/v3/packages/{guid}/download"), token);
        assert_eq!(answer.status, status, "{guid}: {}", answer.body);
    }
}
