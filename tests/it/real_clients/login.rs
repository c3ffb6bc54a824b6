//! `POST /oauth/token` and `GET /login`: without `--login`, with wrong credentials, and the use of each kind of token.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::server::{ClientResponse, PASSWORD, Server};
use super::text;
use crate::support::WorkDir;

/// Requests a token as the `cf` command does.
pub fn request_token(server: &Server, form: &str) -> ClientResponse {
    let head = [
        "POST /oauth/token HTTP/1.1",
        "Host: HOST",
        "Authorization: Basic Y2Y6",
        "Content-Type: application/x-www-form-urlencoded",
        &format!("Content-Length: {}", form.len()),
    ];
    server.send(&head, form)
}

fn correct_form(user: &str) -> String {
    let password = PASSWORD.replace(' ', "+");
    format!("grant_type=password&username={user}&password={password}")
}

/// Logs in with the correct password.
pub fn log_in(server: &Server, user: &str) -> ClientResponse {
    request_token(server, &correct_form(user))
}

#[test]
fn without_the_flag_both_routes_are_404_and_name_the_flag() {
    for api in ["2015", "current"] {
        let server = Server::start(&["--api", api]);
        for response in [
            log_in(&server, "admin"),
            server.send(&["GET /login HTTP/1.1", "Host: HOST"], ""),
        ] {
            let error = response.json(404);
            let detail = if api == "2015" {
                &error["description"]
            } else {
                &error["errors"][0]["detail"]
            };
            assert!(text(detail).contains("--login`"), "{error}");
        }
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_response() {
    let server = Server::demo();
    let failed_login = |form: &str| {
        let response = request_token(server, form);
        assert_eq!(response.status, 401);
        response.body.clone()
    };
    let known = failed_login("grant_type=password&username=alice.moreau&password=wrong");
    for form in [
        "grant_type=password&username=nobody&password=wrong",
        "grant_type=password&username=nobody&password=correct+horse",
        "grant_type=password&username=admin&password=correct",
    ] {
        assert_eq!(failed_login(form), known);
    }
}

/// Starts a server of one test alone: wrong passwords are remembered for some seconds.
fn own_server() -> Server {
    Server::start(&["--api", "current", "--seed", "demo", "--login"])
}

#[test]
fn wrong_passwords_are_limited_by_user_and_address() {
    let server = own_server();
    let guesses = (0..60).map(|guess| {
        let form = format!("grant_type=password&username=alice.moreau&password={guess}");
        request_token(&server, &form).status
    });
    let statuses: Vec<u16> = guesses.collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert!(statuses.contains(&429), "{statuses:?}");
    // Among many guesses, the right one is not confirmed.
    let limited = log_in(&server, "alice.moreau");
    assert_eq!(limited.json(429)["error"], "too_many_requests");
    assert!(limited.header("retry-after").is_some());
    // Another user's password was not guessed.
    log_in(&server, "admin").ok();
}

#[test]
fn wrong_passwords_behind_a_proxy_are_limited_by_its_client() {
    let flags = ["--api", "current", "--seed", "demo", "--login"];
    for (trusting, expected) in [(true, 200), (false, 429)] {
        let trust: &[&str] = if trusting { &["--trust-proxy"] } else { &[] };
        let server = Server::start(&[&flags[..], trust].concat());
        let log_in_from = |address: &str, form: &str| {
            let head = [
                "POST /oauth/token HTTP/1.1",
                "Host: HOST",
                &format!("X-Forwarded-For: 192.0.2.1, {address}"),
                "Authorization: Basic Y2Y6",
                "Content-Type: application/x-www-form-urlencoded",
                &format!("Content-Length: {}", form.len()),
            ];
            server.send(&head, form).status
        };
        let guess = "grant_type=password&username=alice.moreau&password=wrong";
        let statuses: Vec<u16> = (0..40).map(|_| log_in_from("203.0.113.7", guess)).collect();
        assert!(statuses.contains(&429), "{statuses:?}");
        let right = correct_form("alice.moreau");
        assert_eq!(log_in_from("203.0.113.7", &right), 429);
        assert_eq!(log_in_from("203.0.113.8", &right), expected);
    }
}

#[test]
fn wrong_secrets_of_one_user_count_together_however_the_user_is_written() {
    let alice = "78593e23-2c9e-429f-8c39-402478fbf96e";
    let client = |server: &Server, id: &str| {
        let basic = STANDARD.encode(format!("{id}:wrong"));
        let head = [
            "POST /oauth/token HTTP/1.1",
            "Host: HOST",
            &format!("Authorization: Basic {basic}"),
            "Content-Length: 29",
        ];
        server.send(&head, "grant_type=client_credentials").status
    };
    let form = |server: &Server, form: String| request_token(server, &form).status;
    let server = own_server();
    let encoded = (0..30).map(|at| {
        let (before, after) = alice.split_at(at);
        format!("{before}%{:02X}{}", after.as_bytes()[0], &after[1..])
    });
    let statuses: Vec<u16> = encoded.map(|id| client(&server, &id)).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 15);
    // The same user is limited under each name and in each form.
    assert_eq!(client(&server, alice), 429);
    assert_eq!(client(&server, "alice.moreau"), 429);
    assert_eq!(client(&server, "alice%2Emoreau"), 429);
    for user in [alice, "alice.moreau"] {
        let password = format!("grant_type=password&username={user}&password=x");
        assert_eq!(form(&server, password), 429);
    }
    let in_form = format!("grant_type=client_credentials&client_id={alice}&client_secret=x");
    let head = [
        "POST /oauth/token HTTP/1.1",
        "Host: HOST",
        &format!("Content-Length: {}", in_form.len()),
    ];
    assert_eq!(server.send(&head, &in_form).status, 429);
    log_in(&server, "admin").ok();
}

#[test]
fn client_secret_cannot_be_guessed_with_ever_new_names() {
    let server = own_server();
    // The secret of every client but `cf` is the one password; `Y2xpZW50OmNvcnJlY3QgaG9yc2U=` holds the right one.
    let with_client = |basic: &str, form: &str| {
        let head = [
            "POST /oauth/token HTTP/1.1",
            "Host: HOST",
            &format!("Authorization: Basic {basic}"),
            &format!("Content-Length: {}", form.len()),
        ];
        let response = server.send(&head, form);
        (response.status, response.body.clone())
    };
    for form in [
        "grant_type=password&username=nobody&password=x",
        "grant_type=password&password=x",
        "grant_type=refresh_token&refresh_token=x",
        "grant_type=client_credentials",
    ] {
        let right = with_client("Y2xpZW50OmNvcnJlY3QgaG9yc2U=", form);
        let wrong = with_client("Y2xpZW50Ong=", form);
        assert_eq!(right, wrong, "{form}");
    }
}

#[test]
fn right_password_is_not_delayed_by_those_who_guess() {
    let server = own_server();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..50 {
            let (server, is_over) = (&server, &is_over);
            scope.spawn(move || {
                let form = "grant_type=password&username=alice.moreau&password=wrong";
                while !is_over.load(Ordering::Relaxed) {
                    let length = format!("Content-Length: {}", form.len());
                    let head = ["POST /oauth/token HTTP/1.1", "Host: HOST", &length];
                    let pending = server.open(&head, form);
                    // Every second one hangs up. Each keeps its connection slot for the second in which a wrong password is
                    // answered, so that the pause keeps their number below the limit of connections.
                    if number % 2 == 0 {
                        pending.response();
                    } else {
                        drop(pending);
                        std::thread::sleep(Duration::from_millis(100));
                    }
                }
            });
        }
        let start = Instant::now();
        let logins = (0..10).map(|_| log_in(&server, "admin").status);
        let statuses: Vec<u16> = logins.collect();
        let taken = start.elapsed();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [200; 10]);
        // Milliseconds each; 4 to 12 seconds each if they waited for their turn.
        assert!(taken < Duration::from_secs(20), "{taken:?}");
    });
}

#[test]
fn a_token_response_must_not_be_stored() {
    let response = log_in(Server::demo(), "admin");
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

#[test]
fn a_refresh_token_gets_only_tokens_and_an_access_token_gets_none() {
    let server = Server::demo();
    let token = log_in(server, "admin").ok();
    let list = |token: &str| {
        let bearer = format!("Authorization: bearer {token}");
        server.send(&["GET /v3/packages HTTP/1.1", "Host: HOST", &bearer], "")
    };
    let (access, refresh) = (text(&token["access_token"]), text(&token["refresh_token"]));
    list(&access).ok();
    assert_eq!(
        list(&refresh).json(401)["errors"][0]["title"],
        "CF-InvalidAuthToken"
    );
    let refreshed = |token| {
        request_token(
            server,
            &format!("grant_type=refresh_token&refresh_token={token}"),
        )
    };
    refreshed(&refresh).ok();
    assert_eq!(refreshed(&access).json(401)["error"], "invalid_token");
}

#[test]
fn login_flags_that_cannot_work_are_wrong_usage() {
    let dir = WorkDir::new();
    dir.write("password", "secret\n");
    let file = ["--login-password-file", "password"];
    let assert_refused = |arguments: &[&str], message: &str| {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"][..], arguments].concat();
        let output = dir.run(&arguments);
        assert_eq!(
            (output.status, output.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(output.stderr.contains(message), "{}", output.stderr);
    };
    // The edition 2015, which is the default, has no login.
    assert_refused(&["--login", file[0], file[1]], "`--api current`");
    assert_refused(
        &["--api", "2015", "--login", file[0], file[1]],
        "`--api current`",
    );
    // A server that other machines reach needs a password that was chosen.
    let output = dir.run(&[
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--api",
        "current",
        "--login",
    ]);
    assert_eq!((output.status, output.stdout.as_str()), (2, ""));
    let message = "`--login` on `0.0.0.0:0` needs a password that you choose";
    assert!(output.stderr.contains(message), "{}", output.stderr);
    // A generated password is shown on a terminal only, and standard error is none here.
    assert_refused(&["--api", "current", "--login"], "terminal");
    assert_refused(&["--api", "current", file[0], file[1]], "`--login`");
    assert_refused(
        &["--api", "current", "--login", "--login-password", ""],
        "empty",
    );
    // A password that looks like a flag is accepted as a password: no message may print it.
    assert_refused(
        &["--api", "2015", "--login", "--login-password", "-hunter2"],
        "`--api current`",
    );
    assert_eq!(dir.file_names(), ["password"], "no database was created");
}
