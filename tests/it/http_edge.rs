//! HTTP: paths, methods, headers, sizes, and malformed requests.

use crate::support::{Response, Server, WorkDir, error_2015, get, unknown_request};

fn served() -> (WorkDir, Server) {
    let dir = WorkDir::new();
    let server = dir.serve(&["--seed", "example", "--no-auth"]);
    (dir, server)
}

fn target_too_long() -> String {
    error_2015(10004, "CF-InvalidRequest", "The request target is too long")
}

#[test]
fn path_is_normalized_before_it_is_routed() {
    let (_dir, server) = served();
    let list = server.get("/v3/packages", "").body;
    for target in [
        "/v3/packages/",
        "/v3/packages//",
        "//v3/packages",
        "/v3//packages",
        "///v3///packages///",
        "/v3/packages.json",
        "/v3/%70ackages",
        "/%76%33/packages",
        "/v3/packages?",
        "/v3/packages/?page=1",
        "/v3/packages.json?page=1&per_page=50",
        "http://example.org/v3/packages",
        "http://x:8080/v3/packages?page=1",
        "/v3/packages#fragment",
    ] {
        assert_eq!(
            server.get(target, "").status_and_body(),
            (200, list.as_str()),
            "{target}"
        );
    }
    for target in [
        "/",
        "//",
        "/v3",
        "/v3/",
        "/v3/info",
        "/v2/info",
        "/v3/package",
        "/v3/packages2",
        "/V3/packages",
        "/v3/Packages",
        "/v3/packages.xml",
        "/v3/packages/a/b",
        "/v3/packages/guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78/upload",
        "/v3/packages%2F",
        "/v3/packages%00",
        "/v3/packages%0A",
        "/v3/packages%3Fpage=0",
        "/v3/packages%23",
        "/v3/packages%FF",
        "/v3/packages%zz",
        "/v3/../v3/packages",
        "/v3/packages;page=1",
        "/v3/organizations",
        "/v3/spaces",
        "/v3/apps",
        "/v3/apps/guid-459131aa-d1d2-4ce1-a5e7-c6a2a0429202/droplets",
        "/admin/export",
        "/admin/faults",
        "/v3/404",
        "/favicon.ico",
    ] {
        let answer = server.get(target, "");
        let expected = if target == "/v3/packages%2F" {
            (200, list.as_str())
        } else {
            (404, &*unknown_request())
        };
        assert_eq!(answer.status_and_body(), expected, "{target}");
    }
    // The text names the flag that enables the route.
    for ask in [
        get("/login", ""),
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".into(),
    ] {
        let answer = server.send(ask);
        assert_eq!(answer.status, 404);
        assert!(answer.body.contains("--login"), "{}", answer.body);
    }
}

#[test]
fn other_methods_are_answered_like_unknown_routes() {
    let (_dir, server) = served();
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW", "get", "Get",
        "GETT", "M-SEARCH",
    ] {
        for path in [
            "/v3/packages",
            "/v3/packages/guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78",
            "/healthz",
            "/",
        ] {
            if method == "DELETE" && path.contains("guid") {
                // This one deletes the package.
                continue;
            }
            let answer = server.send(format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
            ));
            assert_eq!(
                answer.status_and_body(),
                (404, unknown_request().as_str()),
                "{method} {path}"
            );
            assert_eq!(answer.header("allow"), None);
        }
    }
    for line in ["OPTIONS *", "CONNECT example.org:443"] {
        let answer = server.send(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(
            answer.status_and_body(),
            (404, unknown_request().as_str()),
            "{line}"
        );
    }
}

#[test]
fn unknown_routes_need_no_token() {
    let dir = WorkDir::new();
    let server = dir.serve(&[]);
    for (ask, status) in [
        (get("/v3/nothing", ""), 404),
        (get("/v3/nothing", "wrong"), 404),
        (
            "PUT /v3/packages HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".into(),
            404,
        ),
        (get("/healthz", ""), 200),
        (get("/openapi.json", ""), 200),
        (get("/v3/packages", ""), 401),
        (get("/v3/packages/x", ""), 401),
        (get("/v3/apps/x/packages", ""), 401),
    ] {
        assert_eq!(server.send(&ask).status, status, "{ask}");
    }
    assert_eq!(
        server.get("/healthz", "").status_and_body(),
        (200, "{\"status\":\"ok\"}")
    );
}

#[test]
fn json_suffix_without_a_name_is_no_suffix() {
    let (_dir, server) = served();
    for target in ["/v3/packages/.json", "/v3/packages//.json", "/.json"] {
        assert_eq!(server.get(target, "").status, 404, "{target}");
    }
}

#[test]
fn head_is_get_without_a_body() {
    let (_dir, server) = served();
    for target in [
        "/v3/packages",
        "/v3/packages?page=0",
        "/v3/packages/nope",
        "/nothing",
        "/healthz",
        "/openapi.json",
    ] {
        let got = server.get(target, "");
        let mut client = server.connect();
        client.send(format!(
            "HEAD {target} HTTP/1.1\r\nHost: example.org\r\n\r\n"
        ));
        let head = client.read(true).expect("an answer");
        let without_id_and_date = |answer: &Response| -> Vec<(String, String)> {
            let headers = answer.headers.iter();
            headers
                .filter(|(name, _)| name != "date" && name != "x-vcap-request-id")
                .cloned()
                .collect()
        };
        assert_eq!(
            (head.status, without_id_and_date(&head)),
            (got.status, without_id_and_date(&got)),
            "{target}"
        );
        assert_eq!(
            head.header("content-length"),
            Some(got.body.len().to_string().as_str())
        );
        // No body follows: the next bytes on the connection are the next response.
        client.send(get("/healthz", ""));
        assert_eq!(
            client.read(false).expect("an answer").status,
            200,
            "{target}"
        );
    }
}

#[test]
fn every_response_is_json_without_unneeded_headers() {
    let (_dir, server) = served();
    for (ask, status) in [
        (get("/v3/packages", ""), 200),
        (get("/v3/packages?page=0", ""), 400),
        (get("/v3/packages/nope", ""), 404),
        (get("/nothing", ""), 404),
        (get(&format!("/{}", "x".repeat(9000)), ""), 414),
    ] {
        let answer = server.send(&ask);
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("content-type"),
            Some("application/json; charset=utf-8")
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        for absent in [
            "server",
            "x-powered-by",
            "www-authenticate",
            "access-control-allow-origin",
            "transfer-encoding",
        ] {
            assert_eq!(answer.header(absent), None, "{absent}");
        }
    }
}

/// Whether `text` is a lower-case UUID.
fn is_uuid(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok_and(|uuid| uuid.hyphenated().to_string() == text)
}

#[test]
fn request_id_begins_with_the_id_that_the_client_sent() {
    let (_dir, server) = served();
    let long = "x".repeat(300);
    for (headers, own) in [
        ("", ""),
        ("X-Vcap-Request-Id: a b/c\r\n", "abc"),
        ("X-VCAP-REQUEST-ID: Abc_1-2\r\n", "Abc_1-2"),
        ("X-Request-ID: theirs\r\n", "theirs"),
        (
            "X-Request-Id: theirs\r\nX-Vcap-Request-Id: ours\r\n",
            "ours",
        ),
        ("X-Vcap-Request-Id: \r\n", ""),
        ("X-Vcap-Request-Id: !!! ???\r\n", ""),
        ("X-Vcap-Request-Id: \u{e4}\u{f6}x\r\n", "x"),
        (&format!("X-Vcap-Request-Id: /{long}\r\n"), &long[..255]),
        ("X-Vcap-Request-Id: a::b\r\n", "ab"),
    ] {
        let mut ids = Vec::new();
        for target in ["/v3/packages", "/v3/packages?page=0", "/nothing"] {
            let answer = server.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
            let id = answer
                .header("x-vcap-request-id")
                .expect("an id")
                .to_owned();
            let uuid = if own.is_empty() {
                Some(id.as_str())
            } else {
                id.strip_prefix(own)
                    .and_then(|rest| rest.strip_prefix("::"))
            };
            assert!(uuid.is_some_and(is_uuid), "{headers}: {id}");
            ids.push(id);
        }
        ids.dedup();
        assert_eq!(ids.len(), 3, "each response has a new id");
    }
}

#[test]
fn large_targets_and_heads_are_refused() {
    let (_dir, server) = served();
    let longest = format!(
        "/v3/packages?page=1&per_page={:0>1$}",
        1,
        8192 - "/v3/packages?page=1&per_page=".len()
    );
    assert_eq!(longest.len(), 8192);
    assert_eq!(server.get(&longest, "").status, 200);
    assert_eq!(
        server.get(&format!("{longest}0"), "").status_and_body(),
        (414, target_too_long().as_str())
    );
    // Larger than the buffer of a request head: refused before it is parsed.
    for head in [
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000)),
        format!(
            "GET /v3/packages HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n",
            "x".repeat(100_000)
        ),
        format!(
            "GET /v3/packages HTTP/1.1\r\nHost: x\r\n{}\r\n",
            "X-Many: x\r\n".repeat(10_000)
        ),
        format!(
            "GET /v3/packages HTTP/1.1\r\nHost: x\r\n{}\r\n",
            "X-Many: x\r\n".repeat(101)
        ),
    ] {
        let mut client = server.connect();
        client.send(&head);
        // The client may not see the response: TCP resets the connection if the server closes it with bytes unread.
        if let Some(answer) = client.read(false) {
            assert!(
                matches!(answer.status, 414 | 431),
                "{}: {}",
                head.len(),
                answer.status
            );
            assert!(client.is_ended());
        }
    }
    let fits = format!(
        "GET /v3/packages HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    assert_eq!(server.send(fits).status, 200);
}

#[test]
fn head_that_is_slightly_too_large_gets_431() {
    let (_dir, server) = served();
    let mut client = server.connect();
    // Exactly the size of the buffer, so that no byte is unread when the server closes the connection.
    let begin = "GET /v3/packages HTTP/1.1\r\nHost: x\r\nX-Large: ";
    client.send(format!("{begin}{}", "x".repeat(32 * 1024 - begin.len())));
    assert_eq!(client.read(false).expect("an answer").status, 431);
    assert!(client.is_ended());
}

#[test]
fn malformed_request_closes_only_its_own_connection() {
    let (_dir, server) = served();
    let mut other = server.connect();
    other.send(get("/healthz", ""));
    assert_eq!(other.read(false).expect("an answer").status, 200);
    for raw in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET /v3/packages\r\n\r\n",
        b"GET  /v3/packages HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v3/packages HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /v3/pack ages HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v3/packages HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"GET /v3/packages HTTP/1.1\r\nX: \x00\r\n\r\n",
        b"GET /v3/packages HTTP/1.1\r\nNo colon\r\n\r\n",
        b"GET /v3/packages HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v3/packages HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(raw);
        client.half_close();
        if let Some(answer) = client.read(false) {
            assert!(
                matches!(answer.status, 400 | 404 | 505),
                "{}: {}",
                String::from_utf8_lossy(raw),
                answer.status
            );
        }
        assert!(client.is_ended());
    }
    // A client that closes its sending half after the request is answered.
    let mut client = server.connect();
    client.send(get("/healthz", ""));
    client.half_close();
    assert_eq!(client.read(false).expect("an answer").status, 200);
    assert!(client.is_ended());
    // A client that closes the connection in the middle of a request does no harm.
    for half in [
        "",
        "G",
        "GET /v3/packages",
        "GET /v3/packages HTTP/1.1\r\nHost: x\r\n",
    ] {
        let mut client = server.connect();
        client.send(half);
        drop(client);
    }
    other.send(get("/healthz", ""));
    assert_eq!(other.read(false).expect("an answer").status, 200);
}

#[test]
fn request_must_name_one_host() {
    let (_bench, server) = served();
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n", 400),
        ("GET /nothing HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
        ("GET http://x/healthz HTTP/1.1\r\nHost: other\r\n\r\n", 200),
        ("GET http://x/healthz HTTP/1.1\r\n\r\n", 400),
        (
            "GET http://x/healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
            400,
        ),
        ("GET http://x/healthz HTTP/1.0\r\n\r\n", 200),
    ] {
        let answer = server.send(head);
        assert_eq!(answer.status, status, "{head}: {}", answer.body);
        assert!(status == 200 || answer.body.contains("`Host`"), "{head}");
    }
}

#[test]
fn line_feed_without_carriage_return_gets_400() {
    let (_bench, server) = served();
    for raw in [
        "GET /healthz HTTP/1.1\nHost: x\n\n",
        "GET /healthz HTTP/1.1\r\nHost: x\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\n",
        "\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(raw);
        assert_eq!(client.read(false).expect("an answer").status, 400, "{raw}");
        assert!(client.is_ended());
    }
    // In a body it is a byte as any other.
    let answer =
        server.send("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\n\n\n");
    assert_eq!(answer.status, 404);
}

#[test]
fn body_whose_end_is_not_clear_gets_400_and_ends_the_connection() {
    let (_bench, server) = served();
    let hidden = "GET /healthz HTTP/1.1\nHost: x\n\n";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    for request in [
        format!("{chunked}2;a\n\r\nab\r\n0\r\n\r\n"),
        format!("{chunked}2;\nxx\r\nab\r\n0\r\n\r\n"),
        format!("{chunked}2\nab\r\n0\r\n\r\n"),
        format!("{chunked}2\r\nab\r\n0\r\nX: y\n\r\n"),
        format!("{chunked}2\r\nab\r\n0\r\n\n"),
        "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n".into(),
        format!(
            "Transfer-Encoding:{}chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            " ".repeat(1100)
        ),
        format!("Content-Length: {}2\r\n\r\nab", "0".repeat(1100)),
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab".into(),
    ] {
        let mut client = server.connect();
        client.send(format!(
            "POST /nothing HTTP/1.1\r\nHost: x\r\n{request}{hidden}"
        ));
        let answer = client.read(false).expect("an answer");
        assert_eq!(answer.status, 400, "{request}: {}", answer.body);
        assert!(client.is_ended(), "{request}");
    }
    // A request before it is answered.
    let mut client = server.connect();
    let get = get("/healthz", "");
    client.send(format!("{get}{hidden}"));
    for status in [200, 400] {
        assert_eq!(client.read(false).expect("an answer").status, status);
    }
    assert!(client.is_ended());
}

#[test]
fn request_that_is_not_http_gets_an_error_as_any_other() {
    let (_bench, server) = served();
    let large = |length: usize| {
        let begin = "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ";
        format!("{begin}{}\r\n\r\n", "x".repeat(length - begin.len() - 4))
    };
    for (raw, status) in [
        ("\x16\x03\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.2\r\nHost: x\r\n\r\n".into(), 400),
        ("GET /healthz HTTP/1.1\nHost: x\n\n".into(), 400),
        (large(32 * 1024), 200),
        (large(32 * 1024 + 1), 431),
        (large(40_000), 431),
    ] {
        let mut client = server.connect();
        client.send(&raw);
        let answer = client.read(false).expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(is_uuid(answer.header("x-vcap-request-id").expect("an id")));
        if status != 200 {
            assert!(answer.body.contains("CF-InvalidRequest"), "{}", answer.body);
            assert!(client.is_ended());
        }
    }
    // The response to an earlier request on the connection stays whole.
    let mut client = server.connect();
    client.send(format!("{}nonsense\r\n\r\n", get("/openapi.json", "")));
    let first = client.read(false).expect("an answer");
    assert!(first.status == 200 && first.body.trim_end().ends_with('}'));
    assert_eq!(client.read(false).expect("an answer").status, 400);
}

#[test]
fn requests_may_arrive_in_pieces_or_pipelined() {
    let (_dir, server) = served();
    let list = server.get("/v3/packages?per_page=1", "").body;
    let mut client = server.connect();
    for byte in get("/v3/packages?per_page=1", "").bytes() {
        client.send([byte]);
    }
    assert_eq!(
        client.read(false).expect("an answer").status_and_body(),
        (200, list.as_str())
    );
    // Pipelined requests are answered in their order. The body of a GET is skipped.
    let mut all = String::new();
    for number in 0..20 {
        all.push_str(&get(&format!("/v3/packages?page={number}&per_page=1"), ""));
        all.push_str(
            "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        );
    }
    client.send(all);
    for number in 0..20 {
        let answer = client.read(false).expect("an answer");
        assert_eq!(
            answer.body,
            server
                .get(&format!("/v3/packages?page={number}&per_page=1"), "")
                .body
        );
        assert_eq!(
            client.read(false).expect("an answer").body,
            "{\"status\":\"ok\"}"
        );
    }
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(client.read(false).expect("an answer").status, 200);
    assert!(client.is_ended());
    let mut old = server.connect();
    old.send("GET /v3/packages?per_page=1 HTTP/1.0\r\n\r\n");
    assert_eq!(
        old.read(false).expect("an answer").status_and_body(),
        (200, list.as_str())
    );
    assert!(old.is_ended());
}

#[test]
fn client_may_request_256_pages_at_once() {
    let (_dir, server) = served();
    let mut clients: Vec<_> = (0..256).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(get(
            &format!("/v3/packages?page={}&per_page=1", number + 1),
            "",
        ));
    }
    for client in &mut clients {
        assert_eq!(client.read(false).expect("an answer").status, 200);
    }
}

#[test]
fn server_that_cannot_read_its_data_is_unhealthy() {
    let dir = WorkDir::of_files();
    let server = dir.serve(&["--no-auth", "--seed", "example"]);
    assert_eq!(server.get("/healthz", "").status, 200);
    let database = rusqlite::Connection::open(dir.path("packages.db")).expect("opens");
    database
        .execute_batch("drop table packages")
        .expect("the table is dropped");
    drop(database);
    assert_eq!(server.get("/v3/packages", "").status, 500);
    let answer = server.get("/healthz", "");
    assert_eq!(answer.status, 503, "{}", answer.body);
    let id = answer
        .header("x-vcap-request-id")
        .expect("an id")
        .to_owned();
    server.signal("TERM");
    let (_, _, log) = server.wait();
    assert!(log.contains(&id), "{log}");
}

#[test]
fn internal_error_is_logged_with_its_request_id() {
    let dir = WorkDir::of_files();
    let server = dir.serve(&["--no-auth", "--api", "current", "--log", "json"]);
    let database = rusqlite::Connection::open(dir.path("packages.db")).expect("opens");
    database
        .execute_batch("drop table packages")
        .expect("the table is dropped");
    drop(database);
    let answer = server.get("/v3/packages", "");
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains("table"), "{}", answer.body);
    let id = answer
        .header("x-vcap-request-id")
        .expect("an id")
        .to_owned();
    server.signal("TERM");
    let (status, _, log) = server.wait();
    assert_eq!(status, Some(0));
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert_eq!(lines[0]["request_id"], id.as_str(), "{log}");
}
