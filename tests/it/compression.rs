//! Which responses are compressed, for which clients, and how they are cached.

use crate::support::Part::File;
use crate::support::{Response, Server, WorkDir, archive, upload};

const LIST: &str = "/v3/packages?per_page=20";

fn served(flags: &[&str]) -> (WorkDir, Server) {
    let dir = WorkDir::new();
    let always = ["--ephemeral", "--seed", "demo", "--api", "current"];
    let server = dir.serve(&[&always, flags].concat());
    (dir, server)
}

fn send(server: &Server, method: &str, target: &str, headers: &[&str]) -> Response {
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    server.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: example.org\r\n{headers}\r\n"
    ))
}

fn get(server: &Server, target: &str, headers: &[&str]) -> Response {
    send(server, "GET", target, headers)
}

const GZIP: &str = "Accept-Encoding: gzip, deflate, br";

#[test]
fn large_document_is_compressed_for_clients_that_ask() {
    for cache in ["0", "64"] {
        let (_dir, server) = served(&["--no-auth", "--cache-size", cache]);
        // The second one comes from the cache, if there is one.
        for _ in 0..2 {
            let plain = get(&server, LIST, &[]);
            let packed = get(&server, LIST, &[GZIP]);
            assert_eq!(plain.header("content-encoding"), None);
            assert_eq!(packed.header("content-encoding"), Some("gzip"));
            assert_eq!(packed.body, plain.body);
            assert!(packed.bytes.len() * 4 < plain.bytes.len());
            for response in [&plain, &packed] {
                assert_eq!(
                    response.header("vary"),
                    Some("Authorization, Accept-Encoding")
                );
                let length = response.bytes.len().to_string();
                assert_eq!(response.header("content-length"), Some(&*length));
            }
            assert_ne!(plain.header("etag"), packed.header("etag"));
        }
        let refused = get(&server, LIST, &["Accept-Encoding: gzip;q=0, br"]);
        assert_eq!(refused.header("content-encoding"), None);
        let preferred = get(&server, LIST, &["Accept-Encoding: gzip;q=0.5, identity"]);
        assert_eq!(preferred.header("content-encoding"), None);
    }
}

#[test]
fn list_that_is_not_cached_is_compressed_too() {
    let (_dir, server) = served(&["--no-auth"]);
    for target in ["/v3/users", "/v3/roles"] {
        let plain = get(&server, target, &[]);
        let packed = get(&server, target, &[GZIP]);
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{target}");
        assert_eq!(packed.body, plain.body);
        for response in [&plain, &packed] {
            let vary = response.header("vary");
            assert_eq!(vary, Some("Authorization, Accept-Encoding"));
        }
    }
}

#[test]
fn head_has_the_headers_of_the_compressed_response() {
    let (_dir, server) = served(&["--no-auth"]);
    let get = get(&server, LIST, &[GZIP]);
    let head = send(&server, "HEAD", LIST, &[GZIP]);
    assert_eq!(head.status, 200);
    for name in ["content-encoding", "content-length", "etag", "vary"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[test]
fn client_that_has_either_coding_gets_304() {
    let (_dir, server) = served(&["--no-auth"]);
    let tag = |headers: &[&str]| {
        let response = get(&server, LIST, headers);
        response.header("etag").expect("an entity tag").to_owned()
    };
    let (plain, packed) = (tag(&[]), tag(&[GZIP]));
    for accepted in [&[][..], &[GZIP]] {
        for tag in [&plain, &packed] {
            for value in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
                let known = format!("If-None-Match: {value}");
                let response = get(&server, LIST, &[accepted, &[&*known]].concat());
                assert_eq!(response.status_and_body(), (304, ""), "{known}");
                assert_eq!(response.header("etag"), Some(&**tag));
                assert_eq!(response.header("content-encoding"), None);
                assert_eq!(
                    response.header("vary"),
                    Some("Authorization, Accept-Encoding")
                );
            }
        }
    }
    for (accepted, tag) in [(&[][..], &plain), (&[GZIP], &packed)] {
        let any = get(&server, LIST, &[accepted, &["If-None-Match: *"]].concat());
        assert_eq!((any.status, any.header("etag")), (304, Some(&**tag)));
    }
    let other = get(&server, LIST, &[GZIP, "If-None-Match: \"other\""]);
    assert_eq!(other.status, 200);
    assert_eq!(other.header("etag"), Some(&*packed));
}

#[test]
fn compressed_response_shows_every_change() {
    let (_dir, server) = served(&["--no-auth"]);
    let before = get(&server, LIST, &[GZIP]);
    let list: serde_json::Value = serde_json::from_str(&before.body).expect("JSON");
    let guid = list["resources"][0]["guid"].as_str().expect("a guid");
    let body = "{\"metadata\":{\"labels\":{\"new\":\"label\"}}}";
    let changed = server.send(format!(
        "PATCH /v3/packages/{guid} HTTP/1.1\r\nHost: example.org\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(changed.status, 200);
    let tag = before.header("etag").expect("an entity tag");
    let after = get(&server, LIST, &[GZIP, &format!("If-None-Match: {tag}")]);
    assert_eq!(after.status, 200);
    assert!(after.body.contains("\"new\":\"label\""));
    assert_eq!(after.body, get(&server, LIST, &[]).body);
}

#[test]
fn short_document_is_not_compressed() {
    let (_dir, server) = served(&["--no-auth"]);
    for target in [
        "/v3/packages?per_page=1",
        "/v3/info",
        "/healthz",
        "/v3/packages/none",
    ] {
        let response = get(&server, target, &[GZIP]);
        assert_eq!(response.header("content-encoding"), None, "{target}");
    }
}

#[test]
fn openapi_document_is_compressed() {
    let (_dir, server) = served(&["--no-auth"]);
    for _ in 0..2 {
        let packed = get(&server, "/openapi.json", &[GZIP]);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        let plain = get(&server, "/openapi.json", &[]);
        assert_eq!(packed.body, plain.body);
        for response in [plain, packed] {
            assert_eq!(response.header("vary"), Some("Accept-Encoding"));
        }
    }
}

#[test]
fn tokens_exports_and_downloads_are_not_compressed() {
    let dir = WorkDir::new();
    let server = crate::uploads::serve(
        &dir,
        &[
            "--api",
            "current",
            "--admin-api",
            "--login",
            "--login-password",
            "pw",
        ],
    );
    let token = dir.token("dora");
    let zip = archive(&[("data", &[b'x'; 100_000])]);
    let uploaded = upload("/v3/packages/first/upload", &token, &[File("bits", &zip)]);
    assert_eq!(server.send(uploaded).status, 200);
    let bearer = format!("Authorization: bearer {token}");
    let download = get(&server, "/v3/packages/first/download", &[GZIP, &bearer]);
    assert_eq!(download.header("content-encoding"), None);
    assert!(download.bytes == zip);
    let range = get(
        &server,
        "/v3/packages/first/download",
        &[GZIP, &bearer, "Range: bytes=1-9"],
    );
    assert_eq!((range.status, &range.bytes[..]), (206, &zip[1..10]));
    let admin = format!("Authorization: bearer {}", dir.admin_token());
    let export = get(&server, "/admin/export", &[GZIP, &admin]);
    assert_eq!(
        (export.status, export.header("content-encoding")),
        (200, None)
    );
    let form = "grant_type=password&username=admin&password=pw";
    let login = server.send(format!(
        "POST /oauth/token HTTP/1.1\r\nHost: example.org\r\n{GZIP}\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic Y2Y6\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    ));
    assert_eq!(
        (login.status, login.header("content-encoding")),
        (200, None),
        "{}",
        login.body
    );
}
