//! `POST /oauth/token` and `GET /login`: without `--login`, with wrong credentials, and the use of each kind of token.

use std::time::{Duration, Instant};

use super::server::{ClientResponse, PASSWORD, PendingResponse, Server};
use super::text;
use crate::support::WorkDir;

fn open_token_request(server: &Server, form: &str) -> PendingResponse {
    let head = [
        "POST /oauth/token HTTP/1.1",
        "Host: HOST",
        "Authorization: Basic Y2Y6",
        "Content-Type: application/x-www-form-urlencoded",
        &format!("Content-Length: {}", form.len()),
    ];
    server.open(&head, form)
}

fn request_token(server: &Server, form: &str) -> ClientResponse {
    open_token_request(server, form).response()
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
fn a_wrong_password_and_an_unknown_user_get_the_same_delayed_response() {
    let server = Server::demo();
    let failed_login = |form: &str| {
        let start = Instant::now();
        let response = request_token(server, form);
        // A lower bound: a slow machine cannot break it.
        assert!(start.elapsed() >= Duration::from_secs(1), "{form}");
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

#[test]
fn a_correct_password_is_answered_before_a_wrong_one_that_was_sent_earlier() {
    let server = Server::demo();
    // On a busy machine the reader of a response may run late, so one of several attempts is enough.
    let is_first = (0..20).any(|_| {
        let wrong = "grant_type=password&username=alice.moreau&password=wrong";
        let wrong = open_token_request(server, wrong);
        log_in(server, "alice.moreau").ok();
        let is_first = !wrong.has_arrived();
        assert_eq!(wrong.response().status, 401);
        is_first
    });
    assert!(is_first);
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
