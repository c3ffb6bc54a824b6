//! Who may change what: `docs/reference/access.md#writing`.

use super::{Changed, bits_of, error, not_authorized, not_found, suspended, unprocessable};
use crate::support::WorkDir;

#[test]
fn space_developers_and_admins_create() {
    let no_app = unprocessable("App is invalid. Ensure it exists and you have access to it.");
    let changed = Changed::current(&[]);
    for (user, app, expected) in [
        ("admin", "shop", None),
        ("admin", "cold", None),
        ("dev", "shop", None),
        ("dev", "live", Some(not_authorized())),
        ("dev", "cold", Some(suspended())),
        ("auditor", "shop", Some(not_authorized())),
        ("manager", "shop", Some(not_authorized())),
        ("nobody", "shop", Some(no_app.clone())),
        ("unknown", "shop", Some(no_app)),
    ] {
        let answer = changed.send_as(user, "POST", "/v3/packages", &bits_of(app));
        match expected {
            None => assert_eq!(answer.status, 201, "{user} {app}: {}", answer.body),
            Some(expected) => assert_eq!(error(&answer), expected, "{user} {app}"),
        }
    }
}

#[test]
fn nobody_but_an_admin_sees_an_app_of_a_suspended_organization_in_2015() {
    let changed = Changed::serve(&[]);
    let create = |user: &str, app: &str| {
        changed.send_as(
            user,
            "POST",
            &format!("/v3/apps/{app}/packages"),
            r#"{"type": "bits"}"#,
        )
    };
    assert_eq!(create("admin", "cold").status, 201);
    assert_eq!(create("dev", "shop").status, 201);
    assert_eq!(error(&create("dev", "cold")), not_found("App not found"));
    assert_eq!(error(&create("nobody", "shop")), not_found("App not found"));
    assert_eq!(error(&create("auditor", "shop")), not_authorized());
    assert_eq!(error(&create("dev", "live")), not_authorized());
}

#[test]
fn scope_is_checked_before_the_body() {
    for edition in ["2015", "current"] {
        let changed = Changed::serve(&["--api", edition]);
        let reader = changed.token_with("dev", &["--scope", "cloud_controller.read"]);
        let path = match edition {
            "2015" => "/v3/apps/shop/packages",
            _ => "/v3/packages",
        };
        for (method, path) in [("POST", path), ("DELETE", "/v3/packages/nope")] {
            let answer = changed.send_with(&reader, method, path, "{}");
            assert_eq!(error(&answer), not_authorized(), "{edition} {method}");
            assert_eq!(changed.send_with("", method, path, "{}").status, 401);
            assert_eq!(changed.send_with("potato", method, path, "{}").status, 401);
        }
    }
}

#[test]
fn global_reader_with_the_write_scope_is_refused_by_role() {
    let changed = Changed::current(&[]);
    let token = changed.token_with(
        "nobody",
        &[
            "--scope",
            "cloud_controller.admin_read_only",
            "--scope",
            "cloud_controller.write",
        ],
    );
    let answer = changed.send_with(&token, "DELETE", "/v3/packages/ready", "");
    assert_eq!(error(&answer), not_authorized());
    let answer = changed.send_with(&token, "POST", "/v3/packages", &bits_of("shop"));
    assert_eq!(error(&answer), not_authorized());
}

#[test]
fn read_only_server_refuses_after_the_token() {
    let Changed { dir, server } = Changed::serve_in(WorkDir::of_files(), &[]);
    server.stop();
    let server = dir.serve(&["--read-only", "--api", "current", "--token-key", "key"]);
    let changed = Changed { dir, server };
    let text = "The server was started with `--read-only`: nothing can be written";
    for (method, path, body) in [
        ("POST", "/v3/packages", "{}"),
        ("PATCH", "/v3/packages/ready", "{}"),
        ("DELETE", "/v3/packages/ready", ""),
    ] {
        let answer = changed.send(method, path, body);
        assert_eq!(error(&answer), (400, 10004, text.into()), "{method}");
        assert_eq!(changed.send_with("", method, path, body).status, 401);
    }
}

#[test]
fn conditions_of_a_write_are_ignored() {
    let changed = Changed::current(&[]);
    let token = changed.token("admin");
    let etag = changed.send("GET", "/v3/packages/ready", "");
    let etag = etag.header("etag").expect("an entity tag").to_owned();
    for condition in [
        "If-Match: \"other\"",
        &format!("If-None-Match: {etag}"),
        "If-None-Match: *",
    ] {
        let answer = changed.server.send(format!(
            "PATCH /v3/packages/ready HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\n{condition}\r\nContent-Length: 2\r\n\r\n{{}}"
        ));
        assert_eq!(answer.status, 200, "{condition}: {}", answer.body);
    }
}
