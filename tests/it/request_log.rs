//! The log: one line per request, why a token was refused, and no secret at any level.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Server, WorkDir, get};

/// Stops the server, which must exit with 0. Returns its log.
fn log_of(server: Server) -> String {
    server.signal("TERM");
    let (code, _, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    log
}

#[test]
fn each_request_is_one_line() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--no-auth", "--log-requests", "--api", "current"]);
    let response = server.get("/v3/packages/?per_page=2", "");
    let id = response.header("x-vcap-request-id").unwrap().to_owned();
    server.get("/healthz", "");
    let log = log_of(server);
    let line = log.strip_suffix('\n').unwrap();
    let (before, after) = line
        .split_once(" INFO GET /v3/packages?per_page=2 200 ")
        .unwrap();
    assert!(!before.contains('\n'), "{log}");
    assert!(after.ends_with(&format!(" ms {id} admin")), "{log}");
}

#[test]
fn json_log_has_a_member_for_each_part() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--log-requests", "--log", "json"]);
    let response = server.get("/v3/packages?page=1", "");
    let log = log_of(server);
    let line: Value = serde_json::from_str(&log).unwrap();
    for (member, value) in [
        ("level", Value::from("INFO")),
        ("message", "request".into()),
        ("method", "GET".into()),
        ("path", "/v3/packages".into()),
        ("query", "page=1".into()),
        ("status", 401.into()),
        (
            "request_id",
            response.header("x-vcap-request-id").unwrap().into(),
        ),
        ("refusal", "the request has no bearer token".into()),
    ] {
        assert_eq!(line[member], value, "{log}");
    }
    assert!(line["milliseconds"].is_number());
    assert_eq!(line.get("caller"), None);
}

#[test]
fn no_request_is_logged_without_a_terminal_or_below_its_level() {
    for flags in [
        &["--no-auth"][..],
        &["--no-auth", "--log-requests", "--log-level", "warn"],
    ] {
        let dir = WorkDir::new();
        let server = dir.serve(flags);
        server.get("/v3/packages", "");
        assert_eq!(log_of(server), "", "{flags:?}");
    }
}

#[test]
fn log_says_why_a_token_was_refused_and_the_answer_does_not() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let good = dir.admin_token();
    let other = dir.run_ok(&["token", "--admin", "--token-key", "another"]);
    let other = other.trim_end();
    let (message, _) = good.rsplit_once('.').unwrap();
    for (clock, token, reason) in [
        (
            "2090-01-01T00:00:00Z",
            &*good,
            "the server's clock, which `--clock` or the admin API set, shows 2090-01-01T00:00:00Z (the system's: ",
        ),
        (
            "2020-01-01T00:00:00Z",
            other,
            "no key of this server verifies the signature of the token: it was signed with the key of another database, or with another `--token-key`",
        ),
        (
            "2020-01-01T00:00:00Z",
            message,
            "the token is not a signed JSON Web Token",
        ),
    ] {
        for level in ["info", "debug"] {
            let mut flags = vec!["--clock", clock, "--log-level", level];
            if level == "info" {
                flags.push("--log-requests");
            }
            let server = dir.serve(&flags);
            let answer = server.get("/v3/packages", token);
            assert_eq!(answer.status, 401);
            assert!(
                answer.body.contains("Invalid Auth Token"),
                "{}",
                answer.body
            );
            let log = log_of(server);
            let id = answer.header("x-vcap-request-id").unwrap();
            let line = log.lines().find(|line| line.contains(id)).unwrap();
            assert!(line.contains(reason), "{log}");
            assert!(!answer.body.contains(reason));
        }
    }
}

#[test]
fn no_secret_is_logged_at_any_level() {
    let dir = WorkDir::new();
    dir.write("key", "the-signing-key");
    dir.write("password", "the-login-password");
    dir.write(
        "docker.json",
        r#"{"packages": [{"app": "my-app", "type": "docker", "image": "registry/image",
            "credentials": {"user": "robot", "password": "the-docker-password"}}]}"#,
    );
    for format in ["text", "json"] {
        let server = dir.serve(&[
            "--ephemeral",
            "--api",
            "current",
            "--seed",
            "example",
            "--seed",
            "docker.json",
            "--login",
            "--login-password-file",
            "password",
            "--token-key-file",
            "key",
            "--log",
            format,
            "--log-level",
            "debug",
            "--log-requests",
        ]);
        let login = |password: &str, query: &str| {
            let form = format!("grant_type=password&username=admin&password={password}");
            server.send(format!(
                "POST /oauth/token{query} HTTP/1.1\r\nHost: example.org\r\nAuthorization: Basic Y2Y6\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            ))
        };
        let granted = login("the-login-password", "?password=the-login-password");
        assert_eq!(granted.status, 200, "{}", granted.body);
        login("the-wrong-password", "");
        let granted: Value = serde_json::from_str(&granted.body).unwrap();
        let token = granted["access_token"].as_str().unwrap();
        let refresh = granted["refresh_token"].as_str().unwrap();
        let encoded = token.replace('.', "%2E");
        let twice = token.replace('.', "%252e");
        for target in [
            "/v3/packages".to_owned(),
            format!("/v3/packages?access_token={token}"),
            format!("/v3/packages?{token}"),
            format!("/v3/packages?{token}=1&page=1"),
            format!("/v3/packages?{encoded}=1"),
            format!("/v3/packages?page=1;x={token};password=the-login-password"),
            format!("/v3/packages?x={twice}"),
            "/v3/packages?x=BEARER%20the-signing-key&y=Basic+the-login-password".into(),
            "/v3/packages?x=https://admin:the-login-password@host".into(),
            "/v3/packages?x=%3Fpassword%3Dthe-login-password".into(),
            format!("/v3/packages/{token}?token=the-signing-key"),
            format!("/v3/packages/{encoded}"),
            format!("/v3/packages/{twice}"),
            "/v3/packages/a;password=the-login-password".into(),
            format!("/v3/packages/%FF{token}"),
            format!("/v3/packages#{token}"),
            "/login?username=admin&x=the-login-password".into(),
            "/LOGIN?the-login-password".into(),
            "/OAUTH/token?x=the-login-password".into(),
            "/%6Fauth/token/?x=the-login-password".into(),
            "/oauth/%FF?x=the-login-password".into(),
            "http://admin:the-login-password@example.org/v3/packages".into(),
            "/admin/export".into(),
            "/admin/requests".into(),
        ] {
            server.get(&target, token);
            server.get(&target, refresh);
            server.get(&target, &format!("{token}x"));
        }
        server.send(format!(
            "{token} /v3/packages HTTP/1.1\r\nHost: example.org\r\n\r\n"
        ));
        for header in [
            "X-Vcap-Request-Id",
            "X-Request-Id",
            "Referer",
            "User-Agent",
            "Cookie",
        ] {
            for value in [
                token,
                &encoded,
                "Bearer the-signing-key",
                "password=the-login-password",
            ] {
                let answer = server.send(format!(
                    "GET /v3/packages?by-header HTTP/1.1\r\nHost: example.org\r\n{header}: {value}\r\n\r\n"
                ));
                let id = answer.header("x-vcap-request-id").unwrap();
                assert_eq!(id.len(), 36, "{id}");
            }
        }
        let records = server.get("/admin/requests", token).body;
        assert!(records.contains("by-header"), "{records}");
        let log = log_of(server);
        assert!(log.contains("/v3/packages"), "{log}");
        let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
        for secret in [
            "the-signing-key",
            "the-login-password",
            "the-wrong-password",
            "the-docker-password",
            "eyJ",
            &signature(token),
            &signature(refresh),
        ] {
            assert!(!log.contains(secret), "{secret} in {log}");
            assert!(!records.contains(secret), "{secret} in {records}");
        }
    }
}

#[test]
fn control_characters_of_a_caller_do_not_reach_the_log() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let token = dir.token("evil\u{1b}[31m\nINFO forged");
    let server = dir.serve(&["--log-requests"]);
    assert_eq!(server.get("/v3/packages", &token).status, 200);
    let log = log_of(server);
    assert!(log.ends_with(" evil\\u{1b}[31m\\nINFO forged\n"), "{log:?}");
    assert_eq!(log.lines().count(), 1);
}

#[test]
fn format_characters_of_a_path_do_not_reach_the_log() {
    for format in ["text", "json"] {
        let dir = WorkDir::new();
        let server = dir.serve(&["--no-auth", "--log-requests", "--log", format]);
        server.get("/v3/a%E2%80%AEb%E2%80%A8c%EF%BB%BFd?a\u{202e}b\u{2028}", "");
        server.get("/v3/é?é", "");
        let log = log_of(server);
        let path = r"/v3/a\u{202e}b\u{2028}c\u{feff}d";
        let query = r"a\u{202e}b\u{2028}";
        let lines: Vec<_> = log.lines().collect();
        match format {
            "text" => assert!(lines[0].contains(&format!("{path}?{query} ")), "{log:?}"),
            _ => {
                let line: Value = serde_json::from_str(lines[0]).unwrap();
                assert_eq!(
                    (&line["path"], &line["query"]),
                    (&path.into(), &query.into())
                );
            }
        }
        assert!(lines[1].contains("/v3/é"), "{log:?}");
        assert!(
            !log.contains(['\u{202e}', '\u{2028}', '\u{feff}']),
            "{log:?}"
        );
    }
}

/// More requests than a pipe (64 KiB) and the queue (1,024 messages) hold lines about.
const MANY: usize = 3000;

/// Starts a server whose standard error nobody reads, and sends [`MANY`] requests, which are all answered.
fn server_that_dropped_messages(dir: &WorkDir) -> (Child, ChildStderr) {
    let mut child = dir
        .command()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--no-auth",
            "--log-requests",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = child.stderr.take().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line
        .trim_end()
        .strip_prefix("listening on http://")
        .unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let query = "x".repeat(200);
    let mut answers = BufReader::new(client.try_clone().unwrap());
    for _ in 0..MANY {
        let request = get(&format!("/v3/nothing?{query}"), "").replace("example.org", "localhost");
        client.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            let mut header = String::new();
            answers.read_line(&mut header).unwrap();
            if let Some(value) = header.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim_end().parse().unwrap();
            }
            if header == "\r\n" {
                break;
            }
        }
        answers.read_exact(&mut vec![0; length]).unwrap();
    }
    (child, stderr)
}

/// Stops a server, which must exit with 0.
fn stop(mut child: Child) {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn stderr_that_nobody_reads_delays_no_request_and_no_stop() {
    let dir = WorkDir::new();
    let (child, mut stderr) = server_that_dropped_messages(&dir);
    stop(child);
    let mut log = String::new();
    stderr.read_to_string(&mut log).unwrap();
    let logged = log.matches("GET /v3/nothing").count();
    assert!((1..MANY).contains(&logged), "{logged}");
}

#[test]
fn log_says_how_many_messages_it_lacks() {
    let dir = WorkDir::new();
    let (child, stderr) = server_that_dropped_messages(&dir);
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            let _ = sender.send(line.unwrap());
        }
    });
    let mut counted = 0;
    while counted < MANY {
        let line = lines.recv_timeout(Duration::from_secs(60)).unwrap();
        counted += match line.split_once(" messages were dropped") {
            Some((start, _)) => start.rsplit(' ').next().unwrap().parse().unwrap(),
            None => 1,
        };
    }
    assert_eq!(counted, MANY);
    stop(child);
}
