//! Starting and stopping: the line on stdout, requests in flight, signals, and the files that remain.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::support::{Part, Server, WorkDir, archive, get, upload};

/// The longest time from the signal to the exit that a test accepts. A server needs ten seconds at most; the rest is
/// for a loaded machine. It has to be shorter than the tests' delays, which a server must not wait for.
const BOUND: Duration = Duration::from_secs(60);

/// Sends the signal, runs `meanwhile`, and checks that the server exits with 0 and prints nothing. Returns the result
/// of `meanwhile`.
fn stop_while<T>(server: Server, signal: &str, meanwhile: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    server.signal(signal);
    let result = meanwhile();
    assert_eq!(server.wait(), (Some(0), String::new(), String::new()));
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    result
}

/// Returns whether the tests, and thus the server, were started by `nohup` or the like.
pub fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).expect("a mask") & 1 == 1)
}

#[test]
fn requests_in_flight_are_answered() {
    for signal in ["TERM", "INT", "HUP"] {
        if signal == "HUP" && is_hangup_ignored() {
            continue;
        }
        let work = WorkDir::new();
        let server = work.serve(&["--seed", "example", "--no-auth", "--delay", "2s"]);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(get("/v3/packages", ""));
        }
        // `--delay` does not apply to `/healthz`. Once these are answered, the requests before them have been read.
        for _ in 0..clients.len() {
            assert_eq!(server.get("/healthz", "").status, 200);
        }
        let address = server.address();
        stop_while(server, signal, || {
            for client in &mut clients {
                let answer = client.read(false).expect("an answer");
                assert!(
                    answer.body.contains("\"total_results\": 4"),
                    "{}",
                    answer.body
                );
                assert_eq!(answer.header("connection"), Some("close"));
                assert!(client.is_ended());
            }
        });
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "the address still accepts connections"
        );
        assert_eq!(work.file_names(), work.database_files());
    }
}

#[test]
fn last_answer_before_the_end_says_that_the_connection_closes() {
    let work = WorkDir::new();
    let server = work.serve(&["--seed", "example", "--no-auth", "--delay", "1s"]);
    let mut client = server.connect();
    client.send(get("/v3/packages", ""));
    // Once it is answered, the request before it has been read.
    assert_eq!(server.get("/healthz", "").status, 200);
    // The server has not read this one when it answers the first one.
    client.send(get("/v3/packages?page=2", ""));
    stop_while(server, "TERM", || {
        for close in [None, Some("close")] {
            let answer = client.read(false).expect("an answer");
            assert_eq!((answer.status, answer.header("connection")), (200, close));
        }
        assert!(client.is_ended());
    });
}

#[test]
fn requests_that_arrived_before_the_signal_are_answered() {
    for _ in 0..10 {
        let work = WorkDir::new();
        let server = work.serve(&["--no-auth"]);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients[..10] {
            client.send(get("/healthz", ""));
            assert_eq!(client.read(false).expect("an answer").status, 200);
        }
        // Further connections, which the server may not have accepted when it stops.
        clients.extend((0..10).map(|_| server.connect()));
        for client in &mut clients {
            client.send(get("/v3/packages", ""));
            client.send(get("/healthz", ""));
        }
        server.terminate();
        for client in &mut clients {
            for _ in 0..2 {
                assert_eq!(client.read(false).expect("an answer").status, 200);
            }
            assert!(client.is_ended());
        }
        assert_eq!(server.wait(), (Some(0), String::new(), String::new()));
    }
}

#[test]
fn running_write_is_interrupted_and_its_client_answered() {
    let work = WorkDir::new();
    let server = work.serve(&["--seed", "example", "--admin-api", "--no-auth"]);
    // A transaction of another program that keeps the database locked: the write waits, and then runs for long.
    let mut seed = String::new();
    for number in 0..400_000 {
        seed.push_str(&format!(
            "{{\"package\":{{\"guid\":\"p{number}\",\"app\":\"my-app\",\"type\":\"bits\"}}}}\n"
        ));
    }
    let mut client = server.connect();
    client.send(format!(
        "POST /admin/seed HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{seed}",
        seed.len()
    ));
    server.terminate();
    let begin = Instant::now();
    let status = client.read(false).expect("an answer").status;
    assert_eq!(server.wait(), (Some(0), String::new(), String::new()));
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    let packages = work.run_ok(&["export"]).matches("\"guid\":\"p").count();
    // A fast machine may have stored all of it in time.
    assert!(
        matches!((status, packages), (503, 0) | (200, 400_000)),
        "{status}, {packages} packages"
    );
    assert_eq!(work.file_names(), work.database_files());
}

#[test]
fn upload_that_has_not_arrived_is_broken_off() {
    let work = WorkDir::new();
    let server = work.serve(&["--seed", "example", "--no-auth"]);
    let zip = archive(&[("data", &vec![b'x'; 1 << 20])]);
    let path = "/v3/packages/guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78";
    let whole = upload(&format!("{path}/upload"), "", &[Part::File("bits", &zip)]);
    let mut client = server.connect();
    client.send(&whole[..whole.len() / 2]);
    // The server has read the head of the request: it answers others that came later.
    assert_eq!(server.get("/healthz", "").status, 200);
    let begin = Instant::now();
    let answer = stop_while(server, "TERM", || client.read(false).expect("an answer"));
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("The server is stopping"),
        "{}",
        answer.body
    );
    // Two seconds, in which the client might go on sending; nine if the server waited for the rest.
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(work.file_names(), work.database_files());
    let server = work.serve(&["--no-auth"]);
    assert!(server.get(path, "").body.contains("AWAITING_UPLOAD"));
    assert_eq!(server.send(&whole).status, 200);
}

#[test]
fn body_that_has_not_arrived_is_broken_off() {
    let work = WorkDir::new();
    let flags = [
        "--seed",
        "example",
        "--no-auth",
        "--api",
        "current",
        "--admin-api",
    ];
    let server = work.serve(&flags);
    let mut clients = ["/v3/packages", "/admin/seed", "/admin/faults"].map(|path| {
        let mut client = server.connect();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{{"
        ));
        client
    });
    // The server has read the heads of the requests: it answers one that came later.
    assert_eq!(server.get("/healthz", "").status, 200);
    stop_while(server, "TERM", || {
        for client in &mut clients {
            // Without the answer, the connection would be cut off at the end of the stop.
            let answer = client.read(false).expect("an answer");
            assert_eq!(answer.status, 503, "{}", answer.body);
        }
    });
}

#[test]
fn upload_that_has_arrived_is_stored_although_the_server_stops() {
    let work = WorkDir::new();
    let server = work.serve(&["--seed", "example", "--no-auth"]);
    let zip = archive(&[("data", &vec![b'x'; 30 << 20])]);
    let path = "/v3/packages/guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78";
    let mut client = server.connect();
    client.send(upload(
        &format!("{path}/upload"),
        "",
        &[Part::File("bits", &zip)],
    ));
    // All of it is with the server once the first of several transactions is committed.
    while work.number("select count(*) from blobs") == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let answer = stop_while(server, "TERM", || client.read(false).expect("an answer"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(work.run_ok(&["check"]).contains("bits: no fault"));
    let server = work.serve(&["--no-auth"]);
    let stored = server.get(&format!("{path}/download"), "").bytes;
    assert!(stored == zip);
}

#[test]
fn only_requests_in_flight_get_the_grace_period() {
    let work = WorkDir::new();
    let server = work.serve(&["--no-auth", "--delay", "1h"]);
    let mut in_flight = server.connect();
    in_flight.send(get("/v3/packages", ""));
    let mut others: Vec<_> = (0..15).map(|_| server.connect()).collect();
    for (number, client) in others.iter_mut().enumerate() {
        match number % 3 {
            0 => {}
            1 => client.send("GET /v3/packages HTTP/1.1\r\nHost: exam"),
            _ => {
                client.send(get("/healthz", ""));
                assert_eq!(client.read(false).expect("an answer").status, 200);
            }
        }
    }
    let (others_ended, in_flight_ended) = stop_while(server, "TERM", || {
        std::thread::scope(|scope| {
            let in_flight = scope.spawn(|| {
                assert!(in_flight.read(false).is_none());
                Instant::now()
            });
            for client in &mut others {
                assert!(client.is_ended());
            }
            let others_ended = Instant::now();
            (others_ended, in_flight.join().expect("no panic"))
        })
    });
    assert!(
        others_ended < in_flight_ended,
        "idle connections and half requests were kept open"
    );
    assert_eq!(work.file_names(), work.database_files());
}

#[test]
fn client_that_does_not_read_does_not_delay_the_exit() {
    let work = WorkDir::new();
    work.run_ok(&["seed", "--generate", "5000"]);
    let server = work.serve(&["--no-auth"]);
    let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        for _ in 0..20 {
            client.send(get("/v3/packages?per_page=5000", ""));
        }
    }
    assert_eq!(server.get("/healthz", "").status, 200);
    let begin = Instant::now();
    stop_while(server, "TERM", || ());
    // Two seconds on an idle machine; nine if the server waited for the clients.
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
    drop(clients);
    assert_eq!(work.file_names(), work.database_files());
}

#[test]
fn idle_server_stops_on_sigterm() {
    let work = WorkDir::new();
    stop_while(work.serve(&[]), "TERM", || ());
    assert_eq!(work.file_names(), work.database_files());
}

#[cfg(target_os = "linux")]
#[test]
fn ignored_hangup_stays_ignored() {
    let work = WorkDir::new();
    let binary = env!("CARGO_BIN_EXE_cf-packages");
    // As `nohup` does it: `exec` keeps what the shell ignores.
    let mut command = std::process::Command::new("sh");
    command.current_dir(work.path("."));
    command.env("CF_PACKAGES_ALLOWED_HOST", "example.org");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", binary]);
    let server = Server::start_whole(command.args(["serve", "--listen", "127.0.0.1:0"]));
    server.signal("HUP");
    assert_eq!(server.get("/healthz", "").status, 200);
    stop_while(server, "TERM", || ());
}

#[test]
fn second_start_does_not_change_the_file() {
    let work = WorkDir::of_files();
    let first = work.serve(&["--seed", "example"]);
    let token = work.token("uaa-id-463");
    let list = first.get("/v3/packages", &token).body;
    first.stop();
    let before = work.read("packages.db");
    let second = work.serve(&[]);
    assert_eq!(
        second.get("/v3/packages", &token).status_and_body(),
        (200, list.as_str())
    );
    second.stop();
    assert!(
        work.read("packages.db") == before,
        "serving changed the file"
    );
    // The same seed again changes nothing.
    work.serve(&["--seed", "example"]).stop();
    let third = work.serve(&[]);
    assert_eq!(
        third.get("/v3/packages", &token).status_and_body(),
        (200, list.as_str())
    );
}

#[test]
fn committed_seed_survives_sigkill() {
    let work = WorkDir::new();
    let server = work.serve(&["--seed", "example"]);
    work.write(
        "more.json",
        r#"{"packages": [{"guid": "more", "app": "my-app", "type": "bits"}]}"#,
    );
    work.run_ok(&["seed", "more.json"]);
    server.signal("KILL");
    assert_eq!(server.wait().0, None);
    let server = work.serve(&[]);
    assert_eq!(
        server.get("/v3/packages/more", &work.admin_token()).status,
        200
    );
    server.stop();
    let files = [&["more.json"], work.database_files()].concat();
    assert_eq!(work.file_names(), files);
}

#[test]
fn database_files_are_readable_by_their_owner_only() {
    let work = WorkDir::new();
    // A file that the server creates, and an existing file of 0 bytes.
    work.write("empty.db", "");
    std::fs::set_permissions(work.path("empty.db"), PermissionsExt::from_mode(0o600))
        .expect("a mode");
    for name in ["created.db", "empty.db"] {
        let server = work.serve(&["--db", name, "--seed", "example"]);
        work.write(
            "role.json",
            format!(r#"{{"users": [{{"guid": "{name}"}}]}}"#),
        );
        work.run_ok(&["seed", "role.json", "--db", name]);
        for file in work
            .file_names()
            .iter()
            .filter(|file| file.starts_with(name))
        {
            let mode = std::fs::metadata(work.path(file))
                .expect("a file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        server.stop();
    }
    assert_eq!(work.file_names(), ["created.db", "empty.db", "role.json"]);
}

#[test]
fn address_that_cannot_be_used_is_named() {
    let work = WorkDir::new();
    let server = work.serve(&[]);
    let taken = server.address().to_string();
    let ran = work.run(&["serve", "--db", "other.db", "--listen", &taken]);
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            1,
            "",
            &*format!(
                "cf-packages: cannot listen on `{taken}`: address already in use; name another with `--listen`\n"
            )
        )
    );
    let ran = work.run(&["serve", "--listen", "nowhere"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
}

#[test]
fn exit_with_stdin_stops_when_standard_input_ends() {
    let work = WorkDir::new();
    // Standard input is empty here.
    let ran = work.run(&["serve", "--exit-with-stdin", "--listen", "127.0.0.1:0"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert!(
        ran.stdout.starts_with("listening on http://127.0.0.1:"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stdout.lines().count(), 1);
}

#[test]
fn flags_may_come_from_the_environment() {
    let work = WorkDir::new();
    let server = Server::start(work.command().envs([
        ("CF_PACKAGES_DB", "named.db"),
        ("CF_PACKAGES_SEED", "example"),
        ("CF_PACKAGES_API", "current"),
        ("CF_PACKAGES_NO_AUTH", "true"),
    ]));
    let answer = server.get("/v3/packages?per_page=1", "");
    assert!(
        answer
            .body
            .starts_with("{\"pagination\":{\"total_results\":4,\"total_pages\":4,"),
        "{}",
        answer.body
    );
    server.stop();
    assert_eq!(work.file_names(), ["named.db"]);
    // A flag takes precedence over the environment.
    let server = Server::start(
        work.command()
            .env("CF_PACKAGES_API", "current")
            .args(["--api", "2015"]),
    );
    assert_eq!(
        server.get("/v3", "").status_and_body(),
        (404, crate::support::unknown_request().as_str())
    );
}
