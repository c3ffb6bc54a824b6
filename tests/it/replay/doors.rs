//! `POST /oauth/token` and `GET /login`: where they are, whom they let in, how passwords are limited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::text;
use super::wire::{Answer, PASSWORD, Server};
use crate::support::Bench;

fn ask(server: &Server, form: &str) -> Answer {
    let head = [
        "POST /oauth/token HTTP/1.1",
        "Host: HOST",
        "Authorization: Basic Y2Y6",
        "Content-Type: application/x-www-form-urlencoded",
        &format!("Content-Length: {}", form.len()),
    ];
    server.send(&head, form)
}

pub fn log_in(server: &Server, user: &str) -> Answer {
    let password = PASSWORD.replace(' ', "+");
    ask(
        server,
        &format!("grant_type=password&username={user}&password={password}"),
    )
}

#[test]
fn without_login_both_are_not_there_and_say_which_flag_is_missing() {
    for api in ["2015", "current"] {
        let server = Server::start(&["--api", api]);
        for answer in [
            log_in(&server, "admin"),
            server.send(&["GET /login HTTP/1.1", "Host: HOST"], ""),
        ] {
            let error = answer.json(404);
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
fn wrong_password_and_unknown_user_are_answered_alike() {
    let server = Server::demo();
    let refused = |form: &str| {
        let answer = ask(server, form);
        assert_eq!(answer.status, 401);
        answer.body
    };
    let known = refused("grant_type=password&username=alice.moreau&password=wrong");
    assert_eq!(
        known,
        refused("grant_type=password&username=nobody&password=wrong")
    );
    assert_eq!(
        known,
        refused("grant_type=password&username=nobody&password=correct+horse")
    );
    assert_eq!(
        known,
        refused("grant_type=password&username=admin&password=correct")
    );
}

fn own() -> Server {
    Server::start(&["--api", "current", "--seed", "demo", "--login"])
}

#[test]
fn wrong_passwords_are_limited_by_user_and_address() {
    let server = own();
    let guesses = (0..60).map(|guess| {
        let form = format!("grant_type=password&username=alice.moreau&password={guess}");
        ask(&server, &form).status
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
fn client_secret_cannot_be_guessed_with_ever_new_names() {
    let server = own();
    // The secret of every client but `cf` is the one password; `Y2xpZW50OmNvcnJlY3QgaG9yc2U=` holds the right one.
    let with_client = |basic: &str, form: &str| {
        let head = [
            "POST /oauth/token HTTP/1.1",
            "Host: HOST",
            &format!("Authorization: Basic {basic}"),
            &format!("Content-Length: {}", form.len()),
        ];
        let answer = server.send(&head, form);
        (answer.status, answer.body)
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
    let server = own();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..50 {
            let (server, is_over) = (&server, &is_over);
            scope.spawn(move || {
                let form = "grant_type=password&username=alice.moreau&password=wrong";
                while !is_over.load(Ordering::Relaxed) {
                    let length = format!("Content-Length: {}", form.len());
                    let head = ["POST /oauth/token HTTP/1.1", "Host: HOST", &length];
                    let asked = server.open(&head, form);
                    // Every second one hangs up.
                    if number % 2 == 0 {
                        asked.answer();
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
fn tokens_are_not_to_be_kept_on_the_way() {
    let answer = log_in(Server::demo(), "admin");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn a_refresh_token_asks_for_nothing_but_tokens_and_an_access_token_for_none() {
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
    let again = |token| {
        ask(
            server,
            &format!("grant_type=refresh_token&refresh_token={token}"),
        )
    };
    again(&refresh).ok();
    assert_eq!(again(&access).json(401)["error"], "invalid_token");
}

#[test]
fn a_password_that_nobody_would_learn_is_wrong_usage() {
    let bench = Bench::new();
    bench.write("password", "secret\n");
    let file = ["--login-password-file", "password"];
    let serve = |arguments: &[&str], says: &str| {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"][..], arguments].concat();
        let ran = bench.run(&arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    };
    // Nobody logs in to the document of 2015, which is the default.
    serve(&["--login", file[0], file[1]], "`--api current`");
    serve(
        &["--api", "2015", "--login", file[0], file[1]],
        "`--api current`",
    );
    // Whoever can reach it from elsewhere needs to be told one.
    let ran = bench.run(&[
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--api",
        "current",
        "--login",
    ]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    let says = "`--login` on `0.0.0.0:0` needs a password of yours";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    // Standard error is no terminal here: one that was made up could not be shown.
    serve(&["--api", "current", "--login"], "terminal");
    serve(&["--api", "current", file[0], file[1]], "`--login`");
    serve(
        &["--api", "current", "--login", "--login-password", ""],
        "empty",
    );
    // A password that looks like a flag is refused nowhere, and so is printed nowhere.
    serve(
        &["--api", "2015", "--login", "--login-password", "-hunter2"],
        "`--api current`",
    );
    assert_eq!(bench.names(), ["password"], "no database was made");
}
