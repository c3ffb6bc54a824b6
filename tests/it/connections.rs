//! Connections: how many are served, which are closed for others, and what happens to unread request bodies.

use std::time::Duration;

use crate::support::{Connection, Server, WorkDir, get};

/// With so many open files a server has places for 32 connections, and 64 more that get one response.
const FILES: u32 = 160;
const PLACES: usize = 32;

/// Starts a server all of whose places are taken by requests that it does not answer, and returns it with their connections.
fn serve_without_free_places(work: &WorkDir) -> (Server, Vec<Connection>) {
    let server = work.serve_with_file_limit(FILES, &["--no-auth", "--delay", "1h"]);
    let mut busy: Vec<_> = (0..PLACES).map(|_| server.connect()).collect();
    for client in &mut busy {
        client.send(get("/v3/packages", ""));
    }
    // Accepted after the others.
    assert_eq!(server.get("/healthz", "").status, 200);
    (server, busy)
}

#[test]
fn connection_beyond_the_limit_gets_503_and_health_is_answered() {
    let work = WorkDir::new();
    let (server, _busy) = serve_without_free_places(&work);
    for _ in 0..3 {
        let mut client = server.connect();
        client.send(get("/v3/packages", ""));
        let answer = client.read(false).expect("an answer");
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(
            answer.body.contains("CF-ServiceUnavailable"),
            "{}",
            answer.body
        );
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(client.is_ended());
        assert_eq!(server.get("/healthz", "").status, 200);
    }
    // A client that sends nothing gets the same answer.
    let mut silent = server.connect();
    assert_eq!(silent.read(false).expect("an answer").status, 503);
    assert!(silent.is_ended());
}

#[test]
fn silent_connections_do_not_keep_health_checks_out() {
    let work = WorkDir::new();
    let (server, _busy) = serve_without_free_places(&work);
    for round in 0..20 {
        let mut silent: Vec<_> = (0..100).map(|_| server.connect()).collect();
        // Half of a head is no request either.
        silent.last_mut().expect("one").send("GET /healthz HT");
        for _ in 0..3 {
            assert_eq!(server.get("/healthz", "").status, 200, "round {round}");
        }
        // The oldest ones have made room.
        let answer = silent[0].read(false).expect("an answer");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(silent[0].is_ended());
    }
}

#[test]
fn clients_that_send_a_body_slowly_do_not_keep_health_checks_out() {
    let work = WorkDir::new();
    let (server, _busy) = serve_without_free_places(&work);
    let mut slow = Vec::new();
    for round in 0..5 {
        for request in ["POST /v3/packages", "GET /healthz"] {
            for _ in 0..100 {
                let mut client = server.connect();
                client.send(format!(
                    "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{"
                ));
                slow.push(client);
            }
            // All reserved places may be those of checks that are being answered, for a moment.
            let is_answered = (0..50).any(|_| server.get("/healthz", "").status == 200);
            assert!(is_answered, "round {round}");
        }
    }
}

#[test]
fn clients_that_send_a_head_slowly_lose_their_place_to_others() {
    let work = WorkDir::new();
    let server = work.serve_with_file_limit(FILES, &["--no-auth"]);
    let mut slow: Vec<_> = (0..PLACES).map(|_| server.connect()).collect();
    let mut refused = 0;
    loop {
        for client in &mut slow {
            // Fails if it has lost its place.
            client.send("G");
        }
        match server.get("/v3/packages", "").status {
            200 => break,
            503 => refused += 1,
            other => panic!("{other}"),
        }
        assert!(refused < 300, "others are shut out");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(refused > 0);
}

#[test]
fn clients_take_turns_while_others_get_no_place() {
    let work = WorkDir::new();
    let server = work.serve_with_file_limit(FILES, &["--no-auth"]);
    let mut busy: Vec<_> = (0..PLACES).map(|_| server.connect()).collect();
    let mut answers = || {
        for client in &mut busy {
            client.send(get("/v3/packages", ""));
        }
        let answers = busy.iter_mut().map(|client| client.read(false));
        answers.collect::<Option<Vec<_>>>().expect("answers")
    };
    for answer in answers() {
        assert_eq!(answer.header("connection"), None);
    }
    // Their clients have kept the server waiting for less than the time after which they lose their places.
    assert_eq!(server.get("/v3/packages", "").status, 503);
    for answer in answers() {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(server.get("/v3/packages", "").status, 200);
}

#[test]
fn client_that_loses_its_place_within_a_body_gets_503() {
    let work = WorkDir::new();
    let server = work.serve_with_file_limit(FILES, &["--no-auth", "--api", "current"]);
    let mut slow: Vec<_> = (0..PLACES).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.send("POST /v3/packages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{");
    }
    let gets_place = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        server.get("/v3/packages", "").status == 200
    });
    assert!(gets_place);
    let evicted = slow.iter_mut().find_map(|client| {
        client.half_close();
        let answer = client.read(false)?;
        (answer.status == 503).then_some(answer)
    });
    let evicted = evicted.expect("one that lost its place");
    assert_eq!(evicted.header("retry-after"), Some("1"));
    assert!(evicted.body.contains("overloaded"), "{}", evicted.body);
}

#[test]
fn clients_that_do_not_read_lose_their_place_to_others() {
    let work = WorkDir::new();
    let server = work.serve_with_file_limit(FILES, &["--no-auth", "--api", "current"]);
    let requests = get("/openapi.json", "").repeat(200);
    let mut unread: Vec<_> = (0..PLACES).map(|_| server.connect()).collect();
    for client in &mut unread {
        client.send(&requests);
    }
    let mut refused = 0;
    loop {
        match server.get("/v3/packages", "").status {
            200 => break,
            503 => refused += 1,
            other => panic!("{other}"),
        }
        assert!(refused < 600, "others are shut out");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(server.get("/healthz", "").status, 200);
    server.stop();
}

#[test]
#[cfg(target_os = "linux")]
fn system_keeps_only_the_beginning_of_a_response_that_is_not_read() {
    let work = WorkDir::new();
    work.run_ok(&["seed", "--generate", "5000"]);
    let server = work.serve(&["--no-auth"]);
    let target = "/v3/packages?per_page=5000";
    let whole = server.get(target, "").body.len();
    let mut client = server.connect();
    client.send(get(target, ""));
    assert_eq!(client.read(true).expect("a head").status, 200);
    // Meanwhile the server sends as much of the body as the system takes.
    for _ in 0..50 {
        assert_eq!(server.get("/healthz", "").status, 200);
    }
    drop(server);
    let kept = client.read_to_end();
    assert!(0 < kept && kept < whole / 4, "{kept} of {whole} bytes");
}

#[test]
fn server_with_too_few_descriptors_ends_with_an_error_that_names_the_limit() {
    // A connection to a PostgreSQL server takes more of them.
    let work = WorkDir::of_files();
    for files in [15, 16, 20, 22, 31] {
        let output = work.run_after(
            &format!("ulimit -n {files}"),
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--exit-with-stdin",
                "--seed",
                "example",
                "--ephemeral",
            ],
        );
        let stderr = String::from_utf8(output.stderr).unwrap();
        let sentence = format!(
            "cf-packages: the limit of open files is `{files}`, and a server needs at least `32`; raise it with `ulimit -n`\n"
        );
        assert_eq!((output.status.code(), stderr), (Some(1), sentence));
    }
    let server = work.serve_with_file_limit(32, &["--no-auth"]);
    assert_eq!(server.get("/v3/packages", "").status, 200);
    server.stop();
}

#[test]
fn clients_are_answered_when_there_are_no_descriptors() {
    let work = WorkDir::new();
    let server = work.serve_with_file_limit(40, &["--no-auth"]);
    assert_eq!(server.get("/healthz", "").status, 200);
    let mut clients: Vec<_> = (0..60).map(|_| server.connect()).collect();
    let mut refused = 0;
    for client in &mut clients {
        client.send("GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        // A connection that was refused before the request arrived may have been reset.
        let status = client.read(false).map_or(503, |answer| answer.status);
        assert!(matches!(status, 404 | 503), "{status}");
        refused += usize::from(status == 503);
        assert!(client.is_ended());
    }
    assert!(refused > 0);
    // The server closes its side of the connections a moment after the clients have seen the end.
    let is_healthy = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        server.get("/healthz", "").status == 200
    });
    assert!(is_healthy);
}

#[test]
fn unread_body_does_not_cost_the_next_request() {
    let work = WorkDir::new();
    let server = work.serve(&["--seed", "example"]);
    let small = "x".repeat(1000);
    let large = "x".repeat(1_000_000);
    let mut client = server.connect();
    for _ in 0..20 {
        client.send(format!(
            "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{small}",
            small.len()
        ));
        let answer = client.read(false).expect("an answer");
        assert_eq!(
            (answer.status, answer.header("connection")),
            (404, None),
            "a short body is read"
        );
    }
    for head in [
        format!("Content-Length: {}\r\n\r\n{large}", large.len()),
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
            large.len()
        ),
    ] {
        let mut client = server.connect();
        client.send(format!(
            "POST /nothing HTTP/1.1\r\nHost: localhost\r\n{head}"
        ));
        // All of it was sent before the answer is read, and the answer is not lost.
        let answer = client.read(false).expect("an answer");
        assert_eq!(
            (answer.status, answer.header("connection")),
            (404, Some("close")),
            "a long body is not read"
        );
        assert!(client.is_ended());
    }
    // The body is not waited for if the client waits for 100 Continue.
    let mut client = server.connect();
    client.send("POST /nothing HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    let answer = client.read(false).expect("an answer");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (404, Some("close"))
    );
    assert!(client.is_ended());
}

#[test]
fn malformed_or_cut_body_is_answered_with_connection_close() {
    let work = WorkDir::new();
    let server = work.serve(&["--ephemeral", "--no-auth", "--api", "current"]);
    for path in [
        "/v3/packages",
        "/v3/builds",
        "/admin/seed",
        "/admin/reset",
        "/admin/faults",
        "/admin/builds/x",
        "/nothing",
    ] {
        for (body, is_cut) in [
            ("Transfer-Encoding: chunked\r\n\r\nxyz\r\n", false),
            (
                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nxyz\r\n",
                false,
            ),
            ("Transfer-Encoding: chunked\r\n\r\n2\r\n{}", true),
            ("Content-Length: 9\r\n\r\n{}", true),
        ] {
            let mut client = server.connect();
            client.send(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{body}"));
            if is_cut {
                client.half_close();
            }
            let answer = client.read(false).expect("an answer");
            assert_eq!(
                (answer.status, answer.header("connection")),
                (400, Some("close")),
                "{path} {body:?}"
            );
            assert!(client.is_ended());
        }
    }
}

#[test]
fn body_that_is_announced_as_too_long_is_refused_before_it_is_sent() {
    let work = WorkDir::new();
    let server = work.serve(&["--ephemeral", "--no-auth", "--api", "current"]);
    for path in ["/v3/packages", "/admin/seed", "/admin/reset"] {
        for expect in ["", "Expect: 100-continue\r\n"] {
            let mut client = server.connect();
            client.send(format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\n{expect}Content-Length: 1000000000\r\n\r\n"
            ));
            let answer = client.read(false).expect("an answer");
            assert_eq!(
                (answer.status, answer.header("connection")),
                (413, Some("close")),
                "{path} {expect}"
            );
            assert!(client.is_ended());
        }
    }
}
