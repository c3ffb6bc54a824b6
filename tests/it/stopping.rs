//! Starting and stopping: one line on stdout, what was begun is answered, and the file alone remains.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::support::{Bench, Server, get};

/// What the design promises from the signal to the end.
const BOUND: Duration = Duration::from_secs(10);

/// Sends the signal; the server must end well, in time, with nothing more said. Answers what `meanwhile` did.
fn stop_while<T>(server: Server, signal: &str, meanwhile: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    server.signal(signal);
    let did = meanwhile();
    assert_eq!(server.wait(), (Some(0), String::new(), String::new()));
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    did
}

#[test]
fn what_is_in_flight_is_answered() {
    for signal in ["TERM", "INT"] {
        let bench = Bench::new();
        let server = bench.serve(&["--seed", "example", "--no-auth", "--delay", "2s"]);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(get("/v3/packages", ""));
        }
        // The delay does not concern it: once it is answered, those before were taken up.
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
                assert!(client.is_ended());
            }
        });
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "nobody listens any more"
        );
        assert_eq!(bench.names(), ["packages.db"]);
    }
}

#[test]
fn half_requests_and_idle_connections_hold_nothing_up() {
    let bench = Bench::new();
    let server = bench.serve(&["--seed", "example", "--no-auth"]);
    let mut idle: Vec<_> = (0..5).map(|_| server.connect()).collect();
    let mut kept: Vec<_> = (0..5).map(|_| server.connect()).collect();
    let mut half: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for client in &mut kept {
        client.send(get("/healthz", ""));
        assert_eq!(client.read(false).expect("an answer").status, 200);
    }
    for client in &mut half {
        client.send("GET /v3/packages HTTP/1.1\r\nHost: exam");
    }
    // Nothing was begun, so that nothing is waited for: far from the nine seconds of an answer in flight.
    stop_while(server, "TERM", || {
        for client in idle.iter_mut().chain(&mut kept).chain(&mut half) {
            assert!(client.is_ended());
        }
    });
    assert_eq!(bench.names(), ["packages.db"]);
}

#[test]
fn an_answer_that_takes_too_long_does_not_hold_it_up_either() {
    let bench = Bench::new();
    let server = bench.serve(&["--no-auth", "--delay", "1h"]);
    let mut client = server.connect();
    client.send(get("/v3/packages", ""));
    assert_eq!(server.get("/healthz", "").status, 200);
    stop_while(server, "TERM", || assert!(client.read(false).is_none()));
    assert_eq!(bench.names(), ["packages.db"]);
}

#[test]
fn a_client_that_does_not_read_holds_nothing_up() {
    let bench = Bench::new();
    bench.ok(&["seed", "--generate", "5000"]);
    let server = bench.serve(&["--no-auth"]);
    let mut client = server.connect();
    for _ in 0..20 {
        client.send(get("/v3/packages?per_page=5000", ""));
    }
    assert_eq!(server.get("/healthz", "").status, 200);
    stop_while(server, "TERM", || ());
    drop(client);
    assert_eq!(bench.names(), ["packages.db"]);
}

#[test]
fn it_stops_at_once_where_nothing_is_going_on() {
    let bench = Bench::new();
    stop_while(bench.serve(&[]), "TERM", || ());
    assert_eq!(bench.names(), ["packages.db"]);
}

#[test]
fn the_second_start_uses_the_file_as_it_is() {
    let bench = Bench::new();
    let first = bench.serve(&["--seed", "example"]);
    let token = bench.token("uaa-id-463");
    let list = first.get("/v3/packages", &token).body;
    first.stop();
    let before = bench.bytes("packages.db");
    let second = bench.serve(&[]);
    assert_eq!(
        second.get("/v3/packages", &token).told(),
        (200, list.as_str())
    );
    second.stop();
    assert!(
        bench.bytes("packages.db") == before,
        "serving changed the file"
    );
    // The same seed again changes nothing.
    bench.serve(&["--seed", "example"]).stop();
    let third = bench.serve(&[]);
    assert_eq!(
        third.get("/v3/packages", &token).told(),
        (200, list.as_str())
    );
}

#[test]
fn what_was_stored_survives_a_kill() {
    let bench = Bench::new();
    let server = bench.serve(&["--seed", "example"]);
    bench.write(
        "more.json",
        r#"{"packages": [{"guid": "more", "app": "my-app", "type": "bits"}]}"#,
    );
    bench.ok(&["seed", "more.json"]);
    server.signal("KILL");
    assert_eq!(server.wait().0, None);
    let server = bench.serve(&[]);
    assert_eq!(
        server.get("/v3/packages/more", &bench.admin_token()).status,
        200
    );
    server.stop();
    assert_eq!(bench.names(), ["more.json", "packages.db"]);
}

#[test]
fn the_file_is_its_owners_alone() {
    let bench = Bench::new();
    // Made here, or a file of 0 bytes that was there.
    bench.write("empty.db", "");
    std::fs::set_permissions(bench.path("empty.db"), PermissionsExt::from_mode(0o600))
        .expect("a mode");
    for name in ["made.db", "empty.db"] {
        let server = bench.serve(&["--db", name, "--seed", "example"]);
        bench.write(
            "role.json",
            format!(r#"{{"users": [{{"guid": "{name}"}}]}}"#),
        );
        bench.ok(&["seed", "role.json", "--db", name]);
        for file in bench.names().iter().filter(|file| file.starts_with(name)) {
            let mode = std::fs::metadata(bench.path(file))
                .expect("a file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        server.stop();
    }
    assert_eq!(bench.names(), ["empty.db", "made.db", "role.json"]);
}

#[test]
fn an_address_in_use_or_none_is_said_in_a_sentence() {
    let bench = Bench::new();
    let server = bench.serve(&[]);
    let taken = server.address().to_string();
    let ran = bench.run(&["serve", "--db", "other.db", "--listen", &taken]);
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
    let ran = bench.run(&["serve", "--listen", "nowhere"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
}

#[test]
fn it_stops_when_standard_input_closes_if_that_is_wanted() {
    let bench = Bench::new();
    // Standard input is empty from the start here.
    let ran = bench.run(&["serve", "--exit-with-stdin", "--listen", "127.0.0.1:0"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert!(
        ran.stdout.starts_with("listening on http://127.0.0.1:"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stdout.lines().count(), 1);
}

#[test]
fn every_flag_may_come_from_the_environment() {
    let bench = Bench::new();
    let server = Server::start(bench.command().envs([
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
    assert_eq!(bench.names(), ["named.db"]);
    // A flag wins.
    let server = Server::start(
        bench
            .command()
            .env("CF_PACKAGES_API", "current")
            .args(["--api", "2015"]),
    );
    assert_eq!(
        server.get("/v3", "").told(),
        (404, crate::support::unknown_request().as_str())
    );
}
