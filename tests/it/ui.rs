//! The page for browsers: who gets it, and with which headers. `.ci/browser` opens it in a browser.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Response, Server, Terminal, WorkDir, unknown_request};

/// What a browser sends for an address that was typed.
const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn send(server: &Server, line: &str, headers: &str) -> Response {
    server.send(format!(
        "{line} HTTP/1.1\r\nHost: example.org\r\n{headers}\r\n"
    ))
}

/// Returns the values of an attribute in the page.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!(" {name}=\"");
    page.match_indices(&start)
        .filter_map(|(at, _)| page[at + start.len()..].split('"').next())
        .collect()
}

#[test]
fn browser_gets_the_page_and_other_clients_what_they_got() {
    let dir = WorkDir::new();
    for api in ["2015", "current"] {
        let server = dir.serve(&["--api", api]);
        let page = send(&server, "GET /", BROWSER);
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(page.body.starts_with("<!doctype html>"), "{}", page.body);
        assert_eq!(page.header("vary"), Some("Accept, Accept-Encoding"));
        for accept in ["", "Accept: */*\r\n", "Accept: application/json\r\n"] {
            let answer = send(&server, "GET /", accept);
            assert_eq!(
                answer.header("content-type"),
                Some("application/json; charset=utf-8")
            );
            assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
            assert_eq!(answer.header("content-security-policy"), None);
            if api == "current" {
                assert_eq!(answer.status, 200);
                assert!(answer.body.contains("cloud_controller_v3"));
            } else {
                assert_eq!(answer.status_and_body(), (404, &*unknown_request()));
            }
        }
        server.stop();
    }
}

#[test]
fn page_may_load_only_its_own_files_and_names_them_relatively() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--external-url", "https://example.org/prefix"]);
    let page = send(&server, "GET /", BROWSER);
    let links = attributes(&page.body, "href");
    let files = links.into_iter().chain(attributes(&page.body, "src"));
    let files: Vec<_> = files.filter(|name| !name.starts_with('#')).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        // So that a path prefix that a proxy removes is kept.
        assert!(file.starts_with("ui/"), "{file}");
        assert_eq!(send(&server, &format!("GET /{file}"), "").status, 200);
    }
    for (name, content_type) in [
        ("", "text/html; charset=utf-8"),
        ("ui/main.js", "text/javascript; charset=utf-8"),
        ("ui/style.css", "text/css; charset=utf-8"),
        ("ui/icon.svg", "image/svg+xml"),
    ] {
        let file = send(&server, &format!("GET /{name}"), BROWSER);
        for (header, value) in [
            ("content-type", content_type),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(file.header(header), Some(value), "{name}");
        }
        // What the policy forbids would not work.
        for forbidden in [" style=", "javascript:", "http-equiv"] {
            assert!(!file.body.contains(forbidden), "{name} has {forbidden}");
        }
    }
    for unknown in [
        "/ui",
        "/ui/nothing.js",
        "/ui/index.html",
        "/ui/main.js/more",
        "/ui/../Cargo.toml",
    ] {
        let answer = send(&server, &format!("GET {unknown}"), BROWSER);
        assert_eq!(answer.status_and_body(), (404, &*unknown_request()));
    }
}

#[test]
fn file_that_a_browser_has_is_not_sent_again() {
    let dir = WorkDir::new();
    let server = dir.serve(&[]);
    let plain = send(&server, "GET /ui/style.css", "");
    let gzip = "Accept-Encoding: gzip\r\n";
    let compressed = send(&server, "GET /ui/style.css", gzip);
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.body, plain.body);
    assert!(compressed.bytes.len() < plain.bytes.len() / 2);
    let tags = [&plain, &compressed].map(|answer| answer.header("etag").unwrap().to_owned());
    assert_ne!(tags[0], tags[1]);
    for tag in &tags {
        for coding in ["", gzip] {
            let condition = format!("If-None-Match: {tag}\r\n{coding}");
            let unchanged = send(&server, "GET /ui/style.css", &condition);
            assert_eq!(unchanged.status_and_body(), (304, ""));
            assert_eq!(unchanged.header("etag"), Some(&**tag));
            assert_eq!(unchanged.header("vary"), Some("Accept-Encoding"));
        }
    }
    let other = send(
        &server,
        "GET /ui/main.js",
        &format!("If-None-Match: {}\r\n", tags[0]),
    );
    assert_eq!(other.status, 200);
}

#[test]
fn head_has_the_headers_of_get() {
    let dir = WorkDir::new();
    let server = dir.serve(&[]);
    for target in ["/", "/ui/main.js"] {
        let [get, head] = ["GET", "HEAD"].map(|method| {
            let answer = send(&server, &format!("{method} {target}"), BROWSER);
            let mut headers = answer.headers;
            headers.retain(|(name, _)| !["date", "x-vcap-request-id"].contains(&&**name));
            (answer.status, headers)
        });
        assert_eq!(get, head, "{target}");
    }
    for method in ["POST", "DELETE", "PUT"] {
        let answer = send(&server, &format!("{method} /ui/main.js"), "");
        assert_eq!(answer.status, 404, "{method}");
    }
}

#[test]
fn server_without_the_page_answers_browsers_as_other_clients() {
    let dir = WorkDir::new();
    for api in ["2015", "current"] {
        let server = dir.serve(&["--api", api, "--no-ui"]);
        let [browser, other] = [BROWSER, ""].map(|accept| send(&server, "GET /", accept));
        assert_eq!(browser.status_and_body(), other.status_and_body());
        assert_eq!(other.status, if api == "2015" { 404 } else { 200 });
        assert_eq!(other.header("vary"), None);
        for target in ["/ui/main.js", "/ui/config"] {
            assert_eq!(send(&server, &format!("GET {target}"), "").status, 404);
        }
        server.stop();
    }
}

#[test]
fn page_learns_how_its_viewer_is_identified() {
    for (flags, edition, authentication, has_admin) in [
        (&[][..], "2015", "token", false),
        (&["--no-auth"], "2015", "none", false),
        (
            &["--api", "current", "--admin-api"],
            "current",
            "token",
            true,
        ),
        (
            &["--api", "current", "--login", "--login-password", "x"],
            "current",
            "login",
            false,
        ),
    ] {
        let dir = WorkDir::new();
        let clock = ["--clock", "2026-01-01T00:00:00Z"];
        let server = dir.serve(&[flags, &clock].concat());
        let answer = send(&server, "GET /ui/config", "");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let config: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            config,
            serde_json::json!({
                "edition": edition,
                "authentication": authentication,
                "admin_api": has_admin,
                "time": "2026-01-01T00:00:00Z",
                "time_stands_still": true,
            })
        );
    }
}

#[test]
fn faults_and_records_of_requests_are_about_the_api_only() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--no-auth", "--admin-api", "--api", "current"]);
    let rule = r#"{"path": "/*", "cut": true, "times": 3}"#;
    let added = server.send(format!(
        "POST /admin/faults HTTP/1.1\r\nHost: example.org\r\nContent-Length: {}\r\n\r\n{rule}",
        rule.len()
    ));
    assert_eq!(added.status, 200, "{}", added.body);
    for target in ["/ui/main.js", "/ui/config"] {
        assert_eq!(send(&server, &format!("GET {target}"), "").status, 200);
    }
    let requests = send(&server, "GET /admin/requests", "").body;
    assert_eq!(requests, r#"{"requests":[],"forgotten":0}"#);
    let rules = send(&server, "GET /admin/faults", "").body;
    assert!(rules.contains("\"times\":3"), "{rules}");
}

const PORT: &str = "127.0.0.1:0";

/// Returns what `serve` shows at a terminal until it listens.
fn shown(dir: &WorkDir, listen: &str, flags: &[&str]) -> String {
    let terminal = Terminal::open();
    let mut command = dir.command();
    command
        .args(["serve", "--listen", listen, "--exit-with-stdin"])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(terminal.stdio());
    let (code, shown) = terminal.run(&mut command);
    assert_eq!(code, Some(0), "{shown}");
    shown
}

/// Returns the link to the page.
fn link(shown: &str) -> Option<&str> {
    shown
        .lines()
        .find_map(|line| line.trim_end().strip_prefix("page: "))
}

#[test]
fn terminal_shows_a_link_whose_fragment_is_an_admins_token() {
    let dir = WorkDir::new();
    let text = shown(&dir, PORT, &["--api", "current"]);
    let (url, token) = link(&text).expect(&text).split_once("#token=").unwrap();
    assert!(
        url.starts_with("http://127.0.0.1:") && url.ends_with('/'),
        "{url}"
    );
    // The token outlives the server: the key is that of the database.
    let server = dir.serve(&["--api", "current"]);
    assert_eq!(server.get("/v3/packages", token).status, 200);
    server.stop();

    let text = shown(&dir, PORT, &["--no-auth"]);
    assert!(link(&text).expect(&text).ends_with('/'), "{text}");
    assert_eq!(link(&shown(&dir, PORT, &["--no-ui"])), None);
    assert_eq!(link(&shown(&dir, PORT, &["--log-level", "warn"])), None);
    let socket = dir.path("socket");
    let listen = format!("unix:{}", socket.display());
    assert_eq!(link(&shown(&dir, &listen, &[])), None);
}
