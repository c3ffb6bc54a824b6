//! Servers that are no controllers, or answer badly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::scripted::{Scripted, json_response, page, root};
use crate::support::{Output, WorkDir};

const TOKEN: &str = "s3cret-t0ken";

/// Returns a controller whose list of organizations is answered with these bytes. Its other lists are empty.
fn with_organizations(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |target| {
        Some(match target.split('?').next().unwrap_or_default() {
            "/" => json_response(200, "", &root()),
            "/v3/organizations" => answer(target),
            path => json_response(200, "", &page(path.trim_start_matches("/v3/"), "", &[])),
        })
    })
}

fn run(url: &str) -> Output {
    let dir = WorkDir::new();
    let output = dir.run(&[
        "record",
        url,
        "--token",
        TOKEN,
        "--output",
        "recording.jsonl",
    ]);
    let names = dir.file_names();
    assert!(!names.contains(&"recording.jsonl".to_owned()) || output.status == 0);
    assert!(!output.stderr.contains(TOKEN), "{}", output.stderr);
    output
}

/// Asserts that a recording fails with one sentence that contains `said`.
fn fails(url: &str, said: &str) {
    let output = run(url);
    assert_eq!(
        (output.status, output.stdout.as_str()),
        (1, ""),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains(said), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
}

fn organization(guid: &str) -> String {
    format!(r#"{{"guid": "{guid}", "name": "{guid}"}}"#)
}

#[test]
fn next_page_of_another_server_is_not_requested() {
    let other = Scripted::start(|_| Some(json_response(200, "", "{}")));
    let elsewhere = format!("{}/v3/organizations?page=2", other.url());
    let without_scheme = elsewhere.trim_start_matches("http:").to_owned();
    for (next, said) in [
        (elsewhere, "the token is sent nowhere else"),
        (without_scheme, "has no valid URL"),
        (
            "/v3/organizations?page=2 HTTP/1.1".to_owned(),
            "has no valid URL",
        ),
    ] {
        let controller = with_organizations(move |_| {
            json_response(200, "", &page("organizations", &next, &[organization("o")]))
        });
        fails(&controller.url(), said);
    }
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[test]
fn redirect_is_not_followed() {
    let other = Scripted::start(|_| Some(json_response(200, "", "{}")));
    let location = format!("Location: {}/\r\n", other.url());
    let controller = with_organizations(move |_| json_response(302, &location, ""));
    fails(&controller.url(), "a redirect to");
    let location = format!("Location: {}/\r\n", other.url());
    let root = Scripted::start(move |_| Some(json_response(301, &location, "")));
    fails(&root.url(), "a redirect to");
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[test]
fn pages_that_do_not_end_are_refused() {
    let same = with_organizations(|_| {
        let next = "/v3/organizations?page=2";
        json_response(200, "", &page("organizations", next, &[organization("o")]))
    });
    fails(&same.url(), "the pages do not end");
    let number = AtomicUsize::new(0);
    let empty = with_organizations(move |_| {
        let next = format!(
            "/v3/organizations?page={}",
            number.fetch_add(1, Ordering::SeqCst) + 2
        );
        json_response(200, "", &page("organizations", &next, &[]))
    });
    fails(&empty.url(), "the pages do not end");
}

#[test]
fn answer_that_is_no_list_is_described() {
    let html = |status: u16| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>"
        )
        .into_bytes()
    };
    for (answer, said) in [
        (html(200), "`text/html` instead of JSON"),
        (html(418), "answers 418"),
        (
            json_response(200, "", "{\"pagination\": {\"total"),
            "ends in the middle",
        ),
        (json_response(200, "", "[]"), "is not a page of a list"),
        (
            json_response(200, "", "{\"resources\": 1}"),
            "expected an array",
        ),
        (
            json_response(200, "", "{\"resources\": [1]}"),
            "resources[0]",
        ),
        (
            json_response(
                200,
                "",
                &page("organizations", "", &["{\"guid\": \"o\"}".into()]),
            ),
            "missing field `name`",
        ),
        (
            json_response(200, "", &page("apps", "", &[organization("o")])),
            "is not one of the organizations",
        ),
        (
            json_response(
                401,
                "",
                r#"{"errors": [{"title": "CF-InvalidAuthToken", "detail": "Invalid Auth Token s3cret-t0ken\u001b[2J", "code": 1000}]}"#,
            ),
            "CF-InvalidAuthToken: Invalid Auth Token ***\\u{1b}[2J",
        ),
        (json_response(403, "", "{}"), "answers 403"),
        (
            json_response(429, "Retry-After: 86400\r\n", "{}"),
            "asks to wait 86400 s",
        ),
    ] {
        let controller = with_organizations(move |_| answer.clone());
        fails(&controller.url(), said);
    }
}

#[test]
fn server_that_is_no_controller_is_described() {
    let file_server = Scripted::start(|_| Some(json_response(404, "", "not here")));
    fails(
        &file_server.url(),
        "is not the API of a Cloud Controller of today",
    );
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let of_2015 = dir.serve(&[]);
    let url = format!("http://{}", of_2015.address());
    fails(&url, "A controller of 2015 cannot be recorded");
    fails("http://127.0.0.1:1", "connection refused");
}

#[test]
fn busy_server_is_asked_again() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = attempts.clone();
    let controller = with_organizations(move |_| {
        let header = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => json_response(429, "Retry-After: 0\r\n", "{}"),
            1 => json_response(503, header, "{}"),
            2 => json_response(502, "", "{}"),
            3 => {
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
                    .to_vec()
            }
            _ => json_response(200, "", &page("organizations", "", &[organization("o")])),
        }
    });
    let output = run(&controller.url());
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("recorded 1 organization,"),
        "{}",
        output.stderr
    );
    assert_eq!(attempts.load(Ordering::SeqCst), 5);
}

#[test]
fn first_request_is_sent_again_after_a_failure() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = attempts.clone();
    let controller = Scripted::start(move |target| {
        Some(match target.split('?').next().unwrap_or_default() {
            "/" => match count.fetch_add(1, Ordering::SeqCst) {
                0 => json_response(500, "", "{}"),
                // The connection ends without an answer.
                1 => Vec::new(),
                _ => json_response(200, "", &root()),
            },
            path => json_response(200, "", &page(path.trim_start_matches("/v3/"), "", &[])),
        })
    });
    let output = run(&controller.url());
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
}

#[test]
fn roles_that_may_not_be_read_are_left_out() {
    for status in [403, 404] {
        let controller = Scripted::start(move |target| {
            Some(match target.split('?').next().unwrap_or_default() {
                "/" => json_response(200, "", &root()),
                "/v3/roles" => json_response(status, "", "{}"),
                path => json_response(200, "", &page(path.trim_start_matches("/v3/"), "", &[])),
            })
        });
        let output = run(&controller.url());
        assert_eq!(output.status, 0, "{}", output.stderr);
        assert!(
            output.stderr.contains("roles are left out"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn name_that_passes_to_another_organization_meanwhile_is_recorded_once() {
    let controller = with_organizations(|target| {
        let (next, guid) = match target.contains("page=2") {
            false => ("/v3/organizations?page=2", "o1"),
            true => ("", "o2"),
        };
        let acme = format!(r#"{{"guid": "{guid}", "name": "Acme"}}"#);
        json_response(200, "", &page("organizations", next, &[acme]))
    });
    let dir = WorkDir::new();
    let output = dir.run(&["record", &controller.url(), "--token", TOKEN]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("1 organization was left out"),
        "{}",
        output.stderr
    );
    dir.write("recording.jsonl", output.stdout);
    dir.run_ok(&["seed", "recording.jsonl"]);
}

#[test]
fn wrong_usage_shows_no_token() {
    let dir = WorkDir::new();
    for arguments in [
        &["record", "https://user:s3cret-t0ken@api.example.org"][..],
        &["record", "https://api.example.org/?token=s3cret-t0ken"],
        &[
            "record",
            "https://api.example.org",
            "--token",
            "s3cret-t0ken with a blank",
        ],
        &["record", "--token", TOKEN],
        &["record", "api.example.org", "--token", TOKEN],
        &[
            "record",
            "https://api.example.org",
            "--token",
            TOKEN,
            "--per-page",
            "0",
        ],
        &[
            "record",
            "https://api.example.org",
            "--token",
            TOKEN,
            "--token-file",
            "x",
        ],
        &[
            "record",
            "https://api.example.org",
            "--token",
            TOKEN,
            "--output",
            "..",
        ],
    ] {
        let output = dir.run(arguments);
        assert_eq!(
            (output.status, output.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(!output.stderr.contains(TOKEN), "{}", output.stderr);
    }
}

#[test]
fn roles_are_left_out_whole_if_a_later_page_of_them_is_refused() {
    let server = Scripted::start(|target| {
        let role = r#"{"guid": "r", "type": "organization_user", "relationships": {"user": {"data": {"guid": "u"}},
            "organization": {"data": {"guid": "o"}}, "space": {"data": null}}}"#;
        Some(match target.split('?').next().unwrap_or_default() {
            "/" => json_response(200, "", &root()),
            "/v3/roles" if target.contains("page=2") => json_response(403, "", "{}"),
            "/v3/roles" => json_response(
                200,
                "",
                &page("roles", "/v3/roles?page=2", &[role.to_owned()]),
            ),
            "/v3/organizations" => {
                json_response(200, "", &page("organizations", "", &[organization("o")]))
            }
            path => json_response(200, "", &page(path.trim_start_matches("/v3/"), "", &[])),
        })
    });
    let dir = WorkDir::new();
    let output = dir.run(&["record", &server.url(), "--token", TOKEN]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("roles are left out"),
        "{}",
        output.stderr
    );
    assert!(output.stdout.contains("organization"), "{}", output.stdout);
    assert!(!output.stdout.contains("user"), "{}", output.stdout);
}

#[test]
fn users_have_the_order_of_their_roles_if_their_list_may_not_be_read() {
    for status in [403, 404] {
        let server = Scripted::start(move |target| {
            let role = |user: &str| {
                format!(
                    r#"{{"guid": "r-{user}", "type": "organization_user", "relationships":
                        {{"user": {{"data": {{"guid": "{user}"}}}}, "organization": {{"data": {{"guid": "o"}}}}}}}}"#
                )
            };
            Some(match target.split('?').next().unwrap_or_default() {
                "/" => json_response(200, "", &root()),
                "/v3/users" => json_response(status, "", "{}"),
                "/v3/roles" => json_response(200, "", &page("roles", "", &[role("z"), role("a")])),
                "/v3/organizations" => {
                    json_response(200, "", &page("organizations", "", &[organization("o")]))
                }
                path => json_response(200, "", &page(path.trim_start_matches("/v3/"), "", &[])),
            })
        });
        let dir = WorkDir::new();
        let output = dir.run(&["record", &server.url(), "--token", TOKEN]);
        assert_eq!(output.status, 0, "{}", output.stderr);
        let said = "users have the order of their roles";
        assert!(output.stderr.contains(said), "{}", output.stderr);
        let place = |guid: &str| output.stdout.find(&format!("\"guid\":\"{guid}\""));
        let (z, a) = (place("z"), place("a"));
        assert!(z.is_some() && z < a, "{}", output.stdout);
    }
}

#[test]
fn empty_recording_is_an_empty_seed() {
    let server = with_organizations(|_| json_response(200, "", &page("organizations", "", &[])));
    let dir = WorkDir::new();
    let output = dir.run(&["record", &server.url(), "--token", TOKEN]);
    assert_eq!((output.status, output.stdout.as_str()), (0, "{}\n"));
}
