//! `POST /v3/packages/:guid/upload`: the bits of a package arrive, and what is wrong with them is said.

use std::time::Duration;

use crate::support::Part::{File, Text};
use crate::support::{Response, Server, WorkDir, archive, error_2015, upload};

/// Two packages that wait for bits, one in a suspended organization, a docker package and a package with a state.
pub const SEED: &str = r#"{
  "organizations": [{"name": "acme"}, {"name": "late", "suspended": true}],
  "spaces": [{"name": "dev", "organization": "acme"}, {"name": "old", "organization": "late"}],
  "apps": [{"name": "shop", "space": "dev"}, {"name": "attic", "space": "old"}],
  "users": [
    {"name": "dora", "guid": "dora", "roles": [{"role": "space_developer", "space": "dev"},
                                               {"role": "space_developer", "space": "old"}]},
    {"name": "nobody", "guid": "x"},
    {"name": "audrey", "guid": "audrey", "roles": [{"role": "space_auditor", "space": "dev"}]}
  ],
  "packages": [
    {"guid": "first", "app": "shop", "type": "bits"},
    {"guid": "second", "app": "shop", "type": "bits"},
    {"guid": "image", "app": "shop", "type": "docker", "image": "shop:1"},
    {"guid": "ready", "app": "shop", "type": "bits", "state": "READY"},
    {"guid": "stored", "app": "attic", "type": "bits"}
  ]
}"#;

/// Starts a server with [`SEED`] over `packages.db`.
pub fn serve(dir: &WorkDir, flags: &[&str]) -> Server {
    dir.write("seed.json", SEED);
    let mut all = vec!["--seed", "seed.json"];
    all.extend(flags);
    dir.serve(&all)
}

fn send(server: &Server, guid: &str, token: &str, parts: &[crate::support::Part<'_>]) -> Response {
    server.send(upload(&format!("/v3/packages/{guid}/upload"), token, parts))
}

fn error_current(title: &str, code: u32, detail: &str) -> String {
    let detail = detail.replace('"', "\\\"");
    format!("{{\"errors\":[{{\"detail\":\"{detail}\",\"title\":\"{title}\",\"code\":{code}}}]}}")
}

fn unprocessable(detail: &str) -> String {
    error_current("CF-UnprocessableEntity", 10008, detail)
}

fn package(server: &Server, guid: &str, token: &str) -> String {
    server.get(&format!("/v3/packages/{guid}"), token).body
}

#[test]
fn upload_is_processing_in_the_answer_and_ready_in_the_next_one() {
    let zip = archive(&[("index.html", b"<h1>shop</h1>")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let answer = send(&server, "first", &token, &[File("bits", &zip)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains(r#""state":"PROCESSING_UPLOAD""#));
    assert!(
        answer
            .body
            .contains(r#""checksum":{"type":"sha256","value":null}"#)
    );
    let ready = package(&server, "first", &token);
    assert!(ready.contains(r#""state":"READY""#), "{ready}");
    assert!(!ready.contains(r#""value":null"#), "{ready}");
    // The list, and the server of another process, show the same.
    let list = server.get("/v3/packages?guids=first&states=READY", &token);
    assert!(list.body.contains(r#""total_results":1"#), "{}", list.body);
    let other = dir.run_ok(&["get", "/v3/packages/first", "--api", "current", "--no-auth"]);
    assert!(other.contains(r#""state":"READY""#), "{other}");
}

#[test]
fn upload_in_2015_shows_the_sha_1() {
    let zip = archive(&[("a", b"x")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let token = dir.token("dora");
    let answer = send(&server, "first", &token, &[File("bits", &zip)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("\"state\": \"PROCESSING_UPLOAD\""));
    assert!(
        !answer.body.contains("\"updated_at\": null"),
        "{}",
        answer.body
    );
    let ready = package(&server, "first", &token);
    let hash = "\"hash\": {\n      \"type\": \"sha1\",\n      \"value\": \"";
    let (_, sha1) = ready.split_once(hash).expect(&ready);
    assert!(sha1[..40].bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn file_that_is_no_archive_or_too_large_makes_the_package_failed() {
    let large = archive(&[("large", &vec![b'x'; (1 << 20) + 1])]);
    let fits = archive(&[("fits", &vec![b'x'; 1 << 20])]);
    for (api, expected) in [
        (
            "2015",
            [
                "The zip provided was not valid",
                "AppBitsPackage::ZipSizeExceeded",
                "The zip provided was not valid",
            ],
        ),
        (
            "current",
            [
                "The app upload is invalid: Invalid zip archive.",
                "The app package is invalid: Package may not be larger than 1048576 bytes",
                "The app upload is invalid: Invalid zip archive (zipfile is empty).",
            ],
        ),
    ] {
        for (file, error) in [b"no archive", &*large, &archive(&[])]
            .into_iter()
            .zip(expected)
        {
            let dir = WorkDir::new();
            let server = serve(&dir, &["--api", api, "--max-upload", "1"]);
            let token = dir.token("dora");
            let answer = send(&server, "first", &token, &[File("bits", file)]);
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert!(answer.body.contains("PROCESSING_UPLOAD"), "{}", answer.body);
            let failed = package(&server, "first", &token);
            assert!(failed.contains("FAILED"), "{failed}");
            assert!(
                failed.contains(&format!("\"{error}\"")),
                "{error}: {failed}"
            );
            // Bits may be uploaded once, also if they were wrong.
            let again = send(&server, "first", &token, &[File("bits", &fits)]);
            assert_eq!(again.status, 400, "{}", again.body);
            // Exactly the limit fits.
            send(&server, "second", &token, &[File("bits", &fits)]);
            assert!(package(&server, "second", &token).contains("READY"));
        }
    }
}

#[test]
fn wrong_parts_are_named_before_the_package_is_looked_at() {
    let zip = archive(&[("a", b"x")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let neither = "Upload must include either resources or bits";
    let file = || File("bits", &zip);
    for (parts, detail) in [
        (vec![], neither),
        (vec![Text("bits", "not a file")], neither),
        (vec![Text("resources", "[]")], neither),
        (
            vec![file(), File("potato", b"x")],
            "Unknown field(s): 'potato'",
        ),
        (
            vec![Text("b", "x"), Text("a", "x"), Text("b", "x")],
            "Unknown field(s): 'b', 'a', Upload must include either resources or bits",
        ),
        (
            vec![file(), Text("resources", "[")],
            "Resources must be valid JSON.",
        ),
        (
            vec![file(), Text("resources", "{}")],
            "Resources must be valid JSON.",
        ),
        (
            vec![file(), Text("resources", "x"), Text("potato", "x")],
            "Resources must be valid JSON.",
        ),
    ] {
        let answer = send(&server, "nope", &token, &parts);
        let expected = unprocessable(detail);
        assert_eq!(answer.status_and_body(), (422, expected.as_str()));
    }
    let answer = send(&server, "first", &token, &[Text("resources", "[]"), file()]);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn wrong_parts_in_2015_are_named_in_its_words() {
    let zip = archive(&[("a", b"x")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let token = dir.token("dora");
    let none = "Bits path An application zip file must be uploaded";
    for (parts, text) in [
        (vec![], none.to_owned()),
        (vec![Text("bits", "x")], none.to_owned()),
        (
            vec![File("bits", &zip), Text("resources", "[]")],
            "Unknown field(s): 'resources'".to_owned(),
        ),
        (
            vec![Text("potato", "x")],
            format!("Unknown field(s): 'potato', {none}"),
        ),
    ] {
        let answer = send(&server, "nope", &token, &parts);
        let text = format!("The request is semantically invalid: {text}");
        let expected = error_2015(10008, "CF-UnprocessableEntity", &text);
        assert_eq!(answer.status_and_body(), (422, expected.as_str()));
    }
}

#[test]
fn refusals_come_in_the_order_of_the_reference() {
    let zip = archive(&[("a", b"x")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let (dora, audrey, stranger) = (dir.token("dora"), dir.token("audrey"), dir.token("x"));
    let not_found = error_current("CF-ResourceNotFound", 10010, "Package not found");
    let not_authorized = error_current(
        "CF-NotAuthorized",
        10003,
        "You are not authorized to perform the requested action",
    );
    let suspended = error_current("CF-OrgSuspended", 10017, "The organization is suspended");
    let already = error_current(
        "CF-PackageBitsAlreadyUploaded",
        150_004,
        "Bits may be uploaded only once. Create a new package to upload different bits.",
    );
    let not_authenticated = error_current("CF-NotAuthenticated", 10002, "Authentication error");
    let type_error = unprocessable("Package type must be bits.");
    for (guid, token, status, expected) in [
        ("first", "", 401, not_authenticated),
        ("nope", &*dora, 404, not_found.clone()),
        ("first", &*stranger, 404, not_found),
        ("first", &*audrey, 403, not_authorized),
        ("stored", &*dora, 403, suspended),
        ("image", &*dora, 422, type_error),
        ("ready", &*dora, 400, already),
    ] {
        let answer = send(&server, guid, token, &[File("bits", &zip)]);
        assert_eq!(
            answer.status_and_body(),
            (status, expected.as_str()),
            "{guid}"
        );
    }
    let read_only = dir.run_ok(&[
        "token",
        "--user",
        "dora",
        "--scope",
        "cloud_controller.read",
    ]);
    let answer = send(&server, "first", read_only.trim_end(), &[]);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(package(&server, "first", &dora).contains("AWAITING_UPLOAD"));
}

#[test]
fn malformed_body_is_refused_and_the_upload_can_be_tried_again() {
    let zip = archive(&[("a", b"x")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let whole = upload("/v3/packages/first/upload", &token, &[File("bits", &zip)]);
    let whole = String::from_utf8_lossy(&whole).replace("--x-boundary--", "--x-other---");
    let answer = server.send(whole.as_bytes());
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(
        answer.body.contains("The multipart body is malformed"),
        "{}",
        answer.body
    );
    assert!(package(&server, "first", &token).contains("AWAITING_UPLOAD"));
    let answer = send(&server, "first", &token, &[File("bits", &zip)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn upload_that_breaks_off_leaves_nothing() {
    let zip = archive(&[("a", &vec![b'x'; 3 << 20])]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let files = dir.file_names();
    let whole = upload("/v3/packages/first/upload", &token, &[File("bits", &zip)]);
    for length in [200, 400, whole.len() / 2, whole.len() - 1] {
        let mut connection = server.connect();
        connection.send(&whole[..length]);
        connection.half_close();
        // The answer, if there is one, comes after the server has noticed.
        let answer = connection.read(false);
        assert!(answer.is_none_or(|answer| answer.status == 400), "{length}");
        assert_eq!(dir.file_names(), files);
        assert!(package(&server, "first", &token).contains("AWAITING_UPLOAD"));
    }
    assert_eq!(server.send(&whole).status, 200);
    assert_eq!(dir.file_names(), files);
    assert!(package(&server, "first", &token).contains("READY"));
}

#[test]
fn killed_server_leaves_no_file_of_an_upload() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let files = dir.file_names();
    let zip = archive(&[("a", &vec![b'x'; 3 << 20])]);
    let whole = upload("/v3/packages/first/upload", &token, &[File("bits", &zip)]);
    let mut connection = server.connect();
    connection.send(&whole[..whole.len() / 2]);
    // The server has read something: it answers others on the same thread of control.
    assert_eq!(server.get("/healthz", "").status, 200);
    server.signal("KILL");
    server.wait();
    assert_eq!(dir.file_names(), files);
}

#[test]
fn body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current", "--max-upload", "1"]);
    let token = dir.token("dora");
    let answer = server.send(format!(
        "POST /v3/packages/first/upload HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\nContent-Type: multipart/form-data; boundary=x\r\nExpect: 100-continue\r\nContent-Length: 20000000\r\n\r\n"
    ));
    let expected = error_current("CF-InvalidRequest", 10004, "The request body is too large");
    assert_eq!(answer.status_and_body(), (413, expected.as_str()));
    assert!(package(&server, "first", &token).contains("AWAITING_UPLOAD"));
}

#[test]
fn slow_upload_delays_no_other_change() {
    let zip = archive(&[("a", &vec![b'x'; 1 << 20])]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let whole = upload("/v3/packages/first/upload", &token, &[File("bits", &zip)]);
    let mut slow = server.connect();
    slow.send(&whole[..whole.len() / 2]);
    let other = send(&server, "second", &token, &[File("bits", &zip)]);
    assert_eq!(other.status, 200, "{}", other.body);
    for piece in whole[whole.len() / 2..].chunks(100_000) {
        std::thread::sleep(Duration::from_millis(20));
        slow.send(piece);
    }
    assert_eq!(slow.read(false).expect("a response").status, 200);
    assert!(package(&server, "first", &token).contains("READY"));
}

#[test]
fn equal_bits_are_stored_once_and_freed_with_the_last_package() {
    let zip = archive(&[("a", &vec![b'x'; 4 << 20])]);
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let token = dir.token("dora");
    let size = || {
        let path = dir.path("packages.db");
        let wal = dir.path("packages.db-wal");
        let length = |path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        length(path) + length(wal)
    };
    let before = size();
    send(&server, "first", &token, &[File("bits", &zip)]);
    send(&server, "second", &token, &[File("bits", &zip)]);
    let stored = size() - before;
    assert!(stored < 2 * (4 << 20) + (1 << 20), "{stored}");
    for guid in ["first", "second"] {
        let path = format!("/v3/packages/{guid}/download");
        assert_eq!(server.get(&path, &token).bytes, zip);
    }
    let delete = |guid| {
        server.send(format!(
            "DELETE /v3/packages/{guid} HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\n\r\n"
        ))
    };
    assert_eq!(delete("first").status, 204);
    assert_eq!(
        server.get("/v3/packages/second/download", &token).bytes,
        zip
    );
    assert_eq!(delete("second").status, 204);
    server.stop();
    assert!(dir.run_ok(&["check"]).contains("bits: no fault"));
}

#[test]
fn read_only_server_says_that_nothing_can_be_uploaded() {
    let dir = WorkDir::of_files();
    dir.write("seed.json", SEED);
    dir.run_ok(&["seed", "seed.json"]);
    let token = dir.token("dora");
    let server = dir.serve(&["--read-only", "--api", "current"]);
    let answer = send(&server, "first", &token, &[]);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("--read-only"), "{}", answer.body);
}

#[test]
fn upload_remains_when_the_server_starts_again_with_its_seed() {
    let zip = archive(&[("index.html", b"<h1>shop</h1>")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    send(&server, "first", &token, &[File("bits", &zip)]);
    send(&server, "second", &token, &[File("bits", b"no archive")]);
    server.stop();
    let report = dir.run_ok(&["seed", "seed.json"]);
    assert!(
        report.contains("packages: 0 added, 0 changed, 5 unchanged"),
        "{report}"
    );
    let server = serve(&dir, &["--api", "current"]);
    for (guid, state) in [("first", "READY"), ("second", "FAILED")] {
        let package = package(&server, guid, &token);
        assert!(
            package.contains(&format!(r#""state":"{state}""#)),
            "{package}"
        );
    }
    let answer = server.get("/v3/packages/first/download", &token);
    assert!(answer.bytes == zip);
    server.stop();
    let waiting = SEED.replace(
        r#""guid": "first", "app": "shop","#,
        r#""guid": "first", "app": "shop", "state": "AWAITING_UPLOAD","#,
    );
    dir.write("waiting.json", waiting);
    let report = dir.run_ok(&["seed", "waiting.json"]);
    assert!(
        report.contains("packages: 0 added, 1 changed, 4 unchanged"),
        "{report}"
    );
}

#[test]
fn resources_are_looked_up_only_for_a_package_that_the_caller_may_upload() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let unknown = r#"[{"fn":"a","sha1":"0000000000000000000000000000000000000000"}]"#;
    for (user, guid, status) in [
        ("dora", "nope", 404),
        ("nobody", "first", 404),
        ("audrey", "first", 403),
        ("dora", "image", 422),
        ("dora", "ready", 400),
        ("dora", "first", 422),
    ] {
        let answer = send(
            &server,
            guid,
            &dir.token(user),
            &[Text("resources", unknown)],
        );
        assert_eq!(answer.status, status, "{user} {guid}: {}", answer.body);
        let is_looked_up = answer.body.contains("no package whose bits");
        assert_eq!(
            is_looked_up,
            (user, guid) == ("dora", "first"),
            "{}",
            answer.body
        );
    }
}

#[test]
fn resources_that_make_a_package_too_large_make_it_failed() {
    let jar = archive(&[("Main.class", &vec![b'x'; 700_000])]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current", "--max-upload", "1"]);
    let token = dir.token("dora");
    send(&server, "first", &token, &[File("bits", &jar)]);
    let first: serde_json::Value =
        serde_json::from_str(&dir.run(&["export"]).stdout).expect("an export");
    let sha1 = first["packages"][0]["sha1"].as_str().expect("a checksum");
    let resources = format!(r#"[{{"fn":"a","sha1":"{sha1}"}},{{"fn":"b","sha1":"{sha1}"}}]"#);
    let answer = send(&server, "second", &token, &[Text("resources", &resources)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let second = package(&server, "second", &token);
    let error = "The app package is invalid: Package may not be larger than 1048576 bytes";
    assert!(
        second.contains("FAILED") && second.contains(error),
        "{second}"
    );
}

#[test]
fn resource_replaces_the_entry_of_its_path_and_never_makes_a_file_a_folder() {
    let jar = archive(&[("Main.class", b"class")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    send(&server, "first", &token, &[File("bits", &jar)]);
    let export: serde_json::Value =
        serde_json::from_str(&dir.run(&["export"]).stdout).expect("an export");
    let sha1 = export["packages"][0]["sha1"].as_str().expect("a checksum");
    let sha1 = sha1.to_uppercase();
    let zip = archive(&[("a.txt", b"old"), ("b.txt", b"b")]);
    let resources = |paths: &[&str]| {
        let all = paths
            .iter()
            .map(|path| format!(r#"{{"fn":"{path}","sha1":"{sha1}"}}"#));
        format!("[{}]", all.collect::<Vec<_>>().join(","))
    };
    for (paths, conflict) in [(vec!["a.txt/x"], "a.txt"), (vec!["lib", "lib/x"], "lib")] {
        let parts = [Text("resources", &resources(&paths)), File("bits", &zip)];
        let answer = send(&server, "second", &token, &parts);
        let text = format!("Resources: `{conflict}` would be a file and a folder in the package");
        assert_eq!(
            answer.status_and_body(),
            (422, unprocessable(&text).as_str())
        );
    }
    let twice = resources(&["a.txt", "c.txt", "c.txt"]);
    let parts = [Text("resources", &twice), File("bits", &zip)];
    let answer = send(&server, "second", &token, &parts);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let stored = server.get("/v3/packages/second/download", &token).bytes;
    let stored = rawzip::ZipArchive::from_slice(&stored).expect("an archive");
    let mut found = Vec::new();
    for entry in stored.entries() {
        let entry = entry.expect("an entry");
        let data = stored.get_entry(entry.wayfinder()).expect("its data");
        found.push((
            entry.file_path().as_bytes().to_owned(),
            data.data().to_owned(),
        ));
    }
    let expected = [
        (b"b.txt".to_vec(), b"b".to_vec()),
        (b"a.txt".to_vec(), jar.clone()),
        (b"c.txt".to_vec(), jar),
    ];
    assert_eq!(found, expected);
}

#[test]
fn resources_are_taken_from_stored_bits() {
    let jar = archive(&[("Main.class", b"class")]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    send(&server, "first", &token, &[File("bits", &jar)]);
    let exported = dir.run_ok(&["export", "--bits", "bits"]);
    let (_, sha1) = exported.split_once("\"sha1\":\"").expect(&exported);
    let sha1 = &sha1[..40];
    let zip = archive(&[("run.sh", b"java -jar lib/a.jar")]);
    let resources = |sha1: &str| {
        format!(
            r#"[{{"path":"lib/a.jar","mode":"0600","size_in_bytes":1,"checksum":{{"value":"{sha1}"}}}}]"#
        )
    };
    let unknown = resources("0000000000000000000000000000000000000000");
    let parts = [Text("resources", &unknown), File("bits", &zip)];
    let answer = send(&server, "second", &token, &parts);
    let expected = unprocessable(
        "Resources: no package whose bits have the SHA-1 `0000000000000000000000000000000000000000` is stored, so that `lib/a.jar` cannot be taken from there; send it in `bits`",
    );
    assert_eq!(answer.status_and_body(), (422, expected.as_str()));

    let known = resources(sha1);
    let parts = [Text("resources", &known), File("bits", &zip)];
    let answer = send(&server, "second", &token, &parts);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let stored = server.get("/v3/packages/second/download", &token).bytes;
    let stored = rawzip::ZipArchive::from_slice(&stored).expect("an archive");
    let mut found = Vec::new();
    for entry in stored.entries() {
        let entry = entry.expect("an entry");
        let data = stored.get_entry(entry.wayfinder()).expect("its data");
        let path = entry.file_path().as_bytes().to_owned();
        found.push((path, entry.mode().value() & 0o777, data.data().to_owned()));
    }
    let expected = [
        (b"run.sh".to_vec(), 0o644, b"java -jar lib/a.jar".to_vec()),
        (b"lib/a.jar".to_vec(), 0o600, jar),
    ];
    assert_eq!(found, expected);
}

#[test]
fn uploads_are_taken_as_clients_send_them() {
    let zip = archive(&[("a", b"x")]);
    let resources = "--B\r\nContent-Disposition: form-data; name=\"resources\"\r\n\r\n[]\r\n";
    let bits = |disposition: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"bits\"; {disposition}\r\n\r\n")
    };
    let octets = "\r\nContent-Type: application/octet-stream";
    for (client, before) in [
        (
            "cf create-package",
            bits(&format!("filename=\"cf-cli-1234\"{octets}")),
        ),
        (
            "cf push",
            resources.to_owned() + &bits(&format!("filename=\"package.zip\"{octets}")),
        ),
        (
            "go-cfclient",
            bits(&format!("filename=\"package.zip\"{octets}")),
        ),
        (
            "the Python client",
            bits("filename=\"/home/dora/shop dir/shop.zip\""),
        ),
    ] {
        let dir = WorkDir::new();
        let server = serve(&dir, &["--api", "current"]);
        let token = dir.token("dora");
        let body = [before.as_bytes(), &zip, b"\r\n--B--\r\n"].concat();
        let head = format!(
            "POST /v3/packages/first/upload HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = server.send([head.as_bytes(), &body].concat());
        assert_eq!(answer.status, 200, "{client}: {}", answer.body);
        let stored = server.get("/v3/packages/first/download", &token).bytes;
        assert!(stored == zip, "{client}");
    }
}

#[test]
fn file_name_that_is_not_utf_8_is_a_file_name() {
    let zip = archive(&[("a", b"x")]);
    for name in [&b"filename=\"caf\xe9.zip\""[..], b"filename=\"%E9.zip\""] {
        let dir = WorkDir::new();
        let server = serve(&dir, &["--api", "current"]);
        let token = dir.token("dora");
        let disposition = &b"--B\r\nContent-Disposition: form-data; name=\"bits\"; "[..];
        let body = [disposition, name, b"\r\n\r\n", &zip, b"\r\n--B--\r\n"].concat();
        let head = format!(
            "POST /v3/packages/first/upload HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = server.send([head.as_bytes(), &body].concat());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let stored = server.get("/v3/packages/first/download", &token).bytes;
        assert!(stored == zip);
    }
}

#[test]
fn chunked_upload_is_taken() {
    let zip = archive(&[("a", &vec![b'x'; 300_000])]);
    let dir = WorkDir::new();
    let server = serve(&dir, &["--api", "current"]);
    let token = dir.token("dora");
    let whole = upload("/v3/packages/first/upload", &token, &[File("bits", &zip)]);
    let body_at = whole
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("the end of the head")
        + 4;
    let head = String::from_utf8_lossy(&whole[..body_at]);
    let length = format!("Content-Length: {}", whole.len() - body_at);
    let mut request = head
        .replace(&length, "Transfer-Encoding: chunked")
        .into_bytes();
    // Pieces that split the boundaries.
    for chunk in whole[body_at..].chunks(997) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let answer = server.send(request);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let stored = server.get("/v3/packages/first/download", &token).bytes;
    assert!(stored == zip);
}
