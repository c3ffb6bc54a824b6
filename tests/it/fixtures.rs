//! Fixture files, and servers that leave nothing behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use crate::support::{Server, WorkDir};

const CLOCK: &str = "2026-01-01T00:00:00Z";

/// Starts a server whose temporary folder is the dir's, so that the test sees what is left in it.
fn ephemeral(dir: &WorkDir, flags: &[&str]) -> Server {
    let mut command = dir.command();
    command
        .env("TMPDIR", dir.path(""))
        .arg("--ephemeral")
        .args(flags);
    Server::start(&mut command)
}

fn first_page(server: &Server, token: &str) -> String {
    let answer = server.get("/v3/packages", token);
    assert_eq!(answer.status, 200);
    answer.body
}

#[test]
fn ephemeral_server_leaves_nothing_after_sigterm() {
    let dir = WorkDir::new();
    let server = ephemeral(&dir, &["--seed", "demo", "--token-key", "k"]);
    let folders = dir.file_names();
    assert_eq!(folders.len(), 1);
    let mode = fs::metadata(dir.path(&folders[0]))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    server.stop();
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn folder_of_a_killed_server_is_removed_by_the_next_server() {
    let dir = WorkDir::new();
    let living = ephemeral(&dir, &["--token-key", "k"]);
    let killed = ephemeral(&dir, &["--token-key", "k"]);
    killed.signal("KILL");
    killed.wait();
    assert_eq!(dir.file_names().len(), 2);
    let next = ephemeral(&dir, &["--token-key", "k"]);
    assert_eq!(dir.file_names().len(), 2);
    assert_eq!(living.get("/healthz", "").status, 200);
    next.stop();
    living.stop();
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn servers_started_at_once_have_separate_data() {
    let dir = WorkDir::new();
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| ephemeral(&dir, &["--no-auth", "--seed", "example"])))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    assert_eq!(dir.file_names().len(), 20);
    for server in &servers {
        assert!(first_page(server, "").contains("\"total_results\": 4"));
    }
    for server in servers {
        server.stop();
    }
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn server_stops_when_standard_input_ends() {
    let dir = WorkDir::new();
    let mut server: Child = dir
        .command()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ephemeral",
            "--exit-with-stdin",
        ])
        .env("TMPDIR", dir.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(
        line.starts_with("listening on http://127.0.0.1:"),
        "{line:?}"
    );
    assert!(server.try_wait().unwrap().is_none());
    drop(server.stdin.take());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn from_serves_a_copy_and_does_not_change_the_original() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "fixture.db"]);
    let before = (dir.read("fixture.db"), dir.file_names());
    let server = Server::start(dir.command().args([
        "--ephemeral",
        "--from",
        "fixture.db",
        "--no-auth",
        "--seed",
        "demo",
    ]));
    assert!(first_page(&server, "").contains("\"total_results\": 304"));
    server.stop();
    assert_eq!((dir.read("fixture.db"), dir.file_names()), before);
}

#[test]
fn read_only_server_changes_no_file() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "fixture.db"]);
    let before = (dir.read("fixture.db"), dir.file_names());
    let server = dir.serve(&[
        "--db",
        "fixture.db",
        "--read-only",
        "--no-auth",
        "--admin-api",
    ]);
    assert!(first_page(&server, "").contains("\"total_results\": 4"));
    assert_eq!(dir.file_names(), before.1);
    let refused = server.send(
        "POST /admin/seed HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{\"name\":\"demo\"}",
    );
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("--read-only"), "{}", refused.body);
    server.stop();
    assert_eq!((dir.read("fixture.db"), dir.file_names()), before);
}

#[test]
fn read_only_server_refuses_a_file_with_a_wal() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "fixture.db"]);
    dir.write("fixture.db-wal", [1; 100]);
    let ran = dir.run(&[
        "serve",
        "--db",
        "fixture.db",
        "--read-only",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("fixture.db-wal"), "{}", ran.stderr);
}

#[test]
fn same_seed_and_clock_give_the_same_bytes() {
    let answers: Vec<String> = (0..2)
        .map(|_| {
            let dir = WorkDir::new();
            dir.write("seed.json", SEED);
            let server = ephemeral(
                &dir,
                &[
                    "--seed",
                    "seed.json",
                    "--clock",
                    CLOCK,
                    "--no-auth",
                    "--api",
                    "current",
                ],
            );
            first_page(&server, "")
        })
        .collect();
    assert_eq!(answers[0], answers[1]);
}

/// A seed without guids and times.
const SEED: &str = r#"{
    "organizations": [{"name": "acme"}],
    "spaces": [{"name": "dev", "organization": "acme"}],
    "apps": [{"name": "shop", "space": "dev"}],
    "packages": [{"app": "shop", "type": "bits"}, {"app": "shop", "type": "docker", "image": "i"}]
}"#;

#[test]
fn get_prints_the_bytes_of_the_server() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo"]);
    let user = dir.run_ok(&["export", "--jsonl"]);
    let user = user
        .lines()
        .find_map(|line| line.strip_prefix("{\"user\":{\"guid\":\""))
        .unwrap();
    let user = user.split('"').next().unwrap();
    for api in ["2015", "current"] {
        let server = dir.serve(&["--api", api, "--external-url", "http://127.0.0.1:8080"]);
        let (admin, member) = (dir.admin_token(), dir.token(user));
        for target in [
            "/v3/packages",
            "/v3/packages?per_page=2&page=9",
            "/v3/packages?per_page=0",
            "/v3",
            "/nope",
        ] {
            let by_admin = dir.run(&["get", target, "--api", api, "--admin"]);
            let answer = server.get(target, &admin);
            assert_eq!(by_admin.stdout, answer.body, "{target}");
            assert_eq!(by_admin.status, i32::from(answer.status != 200), "{target}");
            let by_member = dir.run(&["get", target, "--api", api, "--user", user]);
            assert_eq!(
                by_member.stdout,
                server.get(target, &member).body,
                "{target}"
            );
            let without_token = dir.run(&["get", target, "--api", api]);
            assert_eq!(
                without_token.stdout,
                server.get(target, "").body,
                "{target}"
            );
        }
        server.stop();
    }
}

#[test]
fn healthcheck_tells_whether_the_server_is_up() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--seed", "example", "--delay", "0s"]);
    assert_eq!(
        server.get("/healthz", "").status_and_body(),
        (200, "{\"status\":\"ok\"}")
    );
    let url = format!("http://{}", server.address());
    dir.run_ok(&["healthcheck", &url]);
    dir.run_ok(&["healthcheck", &format!("{url}/healthz")]);
    server.stop();
    let ran = dir.run(&["healthcheck", &url]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr
            .starts_with(&format!("cf-packages: `{url}` does not answer")),
        "{}",
        ran.stderr
    );
}

#[test]
fn contradicting_flags_are_wrong_usage() {
    let dir = WorkDir::new();
    for flags in [
        &["--ephemeral", "--db", "x.db"][..],
        &["--ephemeral", "--read-only"],
        &["--from", "x.db"],
        &["--read-only", "--seed", "demo"],
        &["--seed", "-", "--exit-with-stdin"],
        &["--listen", "0.0.0.0:0", "--no-auth"],
    ] {
        let mut arguments = vec!["serve"];
        arguments.extend(flags);
        let ran = dir.run(&arguments);
        assert_eq!(ran.status, 2, "{flags:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    assert_eq!(dir.file_names(), Vec::<String>::new());
}
