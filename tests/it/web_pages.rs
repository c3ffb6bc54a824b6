//! Which hosts a server answers for, and which web pages may use it.

use crate::support::{Response, Server, WorkDir};

/// Sends a request with these headers beside its length.
fn send(server: &Server, line: &str, headers: &[&str], body: &str) -> Response {
    server.send(format!(
        "{line} HTTP/1.1\r\n{}\r\nContent-Length: {}\r\n\r\n{body}",
        headers.join("\r\n"),
        body.len()
    ))
}

const EVIL: &str = "Origin: http://evil.example";

#[test]
fn server_on_loopback_refuses_other_hosts() {
    let dir = WorkDir::new();
    let server = dir.serve(&[
        "--no-auth",
        "--admin-api",
        "--allowed-host",
        "named.example",
        "--external-url",
        "https://api.example.com:8443",
    ]);
    let status = |host: &str| {
        let response = send(
            &server,
            "GET /admin/export",
            &[&format!("Host: {host}")],
            "",
        );
        (response.status, response.body)
    };
    let port = server.address().port();
    for host in [
        "localhost".to_owned(),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("a.localhost:{port}"),
        "named.example".to_owned(),
        "api.example.com:8443".to_owned(),
    ] {
        assert_eq!(status(&host).0, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""] {
        let (status, body) = status(host);
        assert_eq!(status, 421, "{host}");
        assert!(body.contains("--allowed-host"), "{body}");
    }
    for path in ["/healthz", "/openapi.json", "/nothing"] {
        let response = send(&server, &format!("GET {path}"), &["Host: evil.example"], "");
        assert_eq!(response.status, 421, "{path}");
    }
    // The host of a target in absolute form counts.
    let response = send(
        &server,
        "GET http://evil.example/healthz",
        &["Host: localhost"],
        "",
    );
    assert_eq!(response.status, 421);
}

#[test]
fn server_elsewhere_answers_for_every_host_unless_some_are_named() {
    let dir = WorkDir::new();
    let healthz =
        |server: &Server| send(server, "GET /healthz", &["Host: evil.example"], "").status;
    let serve = |allowed: Option<&str>| {
        let mut command = dir.command();
        match allowed {
            Some(allowed) => command.env("CF_PACKAGES_ALLOWED_HOST", allowed),
            None => command.env_remove("CF_PACKAGES_ALLOWED_HOST"),
        };
        Server::start_whole(command.args(["serve", "--listen", "0.0.0.0:0"]))
    };
    let server = serve(None);
    assert_eq!(healthz(&server), 200);
    server.stop();
    let server = serve(Some("named.example"));
    assert_eq!(healthz(&server), 421);
}

#[test]
fn page_of_another_origin_changes_nothing() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--ephemeral", "--no-auth", "--api", "current"]);
    let own = format!("Origin: http://{}", server.address());
    let host = format!("Host: {}", server.address());
    let text = "Content-Type: text/plain";
    for line in [
        "POST /admin/seed",
        "POST /admin/reset",
        "POST /admin/token",
        "PUT /admin/clock",
        "POST /admin/faults",
        "DELETE /admin/faults",
        "POST /oauth/token",
    ] {
        for page in [
            EVIL,
            "Origin: null",
            "Origin: http://localhost:1",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site",
            "Origin: http://evil.example\r\nOrigin: http://localhost",
        ] {
            let response = send(&server, line, &[&host, text, page], "{\"name\":\"demo\"}");
            assert_eq!(response.status, 403, "{line} {page}");
            assert!(
                response.body.contains("--allow-origin"),
                "{}",
                response.body
            );
            assert_eq!(response.header("access-control-allow-origin"), None);
        }
    }
    let seed = |headers: &[&str]| {
        let response = send(&server, "POST /admin/seed", headers, "{\"name\":\"demo\"}");
        assert_eq!(response.status, 200, "{headers:?}: {}", response.body);
    };
    // The server's own pages, a person who typed the address, `curl -d`, and a client that sends no type at all.
    seed(&[&host, &own, "Sec-Fetch-Site: same-origin"]);
    seed(&[&host, "Sec-Fetch-Site: none"]);
    seed(&[&host, "Content-Type: application/x-www-form-urlencoded"]);
    seed(&[&host]);
    // Another origin may ask, but its pages cannot read the response.
    let response = send(&server, "GET /v3/packages", &[&host, EVIL], "");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("access-control-allow-origin"), None);
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn page_of_an_allowed_origin_may_read_and_change() {
    let dir = WorkDir::new();
    let server = dir.serve(&[
        "--ephemeral",
        "--no-auth",
        "--allow-origin",
        "http://localhost:3000",
        "--allow-origin",
        "https://app.example/",
    ]);
    let host = "Host: localhost";
    for origin in ["http://localhost:3000", "https://app.example"] {
        let page = format!("Origin: {origin}");
        let preflight = send(
            &server,
            "OPTIONS /admin/seed",
            &[
                host,
                &page,
                "Access-Control-Request-Method: POST",
                "Access-Control-Request-Headers: authorization,content-type",
            ],
            "",
        );
        assert_eq!(preflight.status, 204);
        assert_eq!(
            preflight.header("access-control-allow-headers"),
            Some("authorization,content-type")
        );
        let seed = [host, &page, "Sec-Fetch-Site: cross-site"];
        let response = send(&server, "POST /admin/seed", &seed, "{\"name\":\"demo\"}");
        assert_eq!(response.status, 200, "{}", response.body);
        for response in [
            preflight,
            response,
            send(&server, "GET /healthz", &[host, &page], ""),
            send(&server, "GET /nothing", &[host, &page], ""),
        ] {
            assert_eq!(response.header("access-control-allow-origin"), Some(origin));
            assert_eq!(response.header("access-control-allow-credentials"), None);
            assert_eq!(response.header("vary"), Some("Origin"));
        }
    }
    let evil = send(
        &server,
        "OPTIONS /admin/seed",
        &[host, EVIL, "Access-Control-Request-Method: POST"],
        "",
    );
    assert_eq!(evil.status, 404);
    assert_eq!(evil.header("access-control-allow-origin"), None);
    // A cache must not give the response to one origin to another.
    assert_eq!(evil.header("vary"), Some("Origin"));
    assert_eq!(
        send(&server, "POST /admin/reset", &[host, EVIL], "").status,
        403
    );
}

#[test]
fn wrong_hosts_and_origins_of_flags_are_refused() {
    let dir = WorkDir::new();
    for flags in [
        ["--allowed-host", "http://a"],
        ["--allowed-host", "a:80"],
        ["--allow-origin", "*"],
        ["--allow-origin", "null"],
        ["--allow-origin", "localhost:3000"],
        ["--allow-origin", "ftp://x"],
        ["--allow-origin", "file://x"],
        ["--allow-origin", "chrome-extension://abcdefghijklmnop"],
        ["--allow-origin", "://x"],
    ] {
        let ran = dir.run(&["serve", "--listen", "127.0.0.1:0", flags[0], flags[1]]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{flags:?}");
        assert!(ran.stderr.contains(flags[1]), "{}", ran.stderr);
    }
}
