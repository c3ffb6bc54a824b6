//! `POST /v3/apps/:guid/packages` in `2015`: `docs/reference/packages.md#create-in-2015`.

use serde_json::{Value, json};

use super::{Changed, document, error, not_found, unprocessable};

const PATH: &str = "/v3/apps/shop/packages";

/// Returns the error of `UnprocessableEntity`, whose text has a prefix in this edition.
fn invalid(text: &str) -> (u16, u64, String) {
    unprocessable(&format!("The request is semantically invalid: {text}"))
}

#[test]
fn bits_wait_for_their_upload() {
    let changed = Changed::serve(&["--clock", "2015-11-13T17:03:00Z"]);
    for body in [
        r#"{"type": "bits"}"#,
        r#"{"type": "bits", "data": {}}"#,
        r#"{"type": "bits", "data": null}"#,
    ] {
        let answer = changed.send("POST", PATH, body);
        let package = document(&answer);
        assert_eq!(
            (answer.status, &package["state"]),
            (201, &json!("AWAITING_UPLOAD")),
            "{body}"
        );
        assert_eq!(package["created_at"], json!("2015-11-13T17:03:00Z"));
        assert_eq!(package["updated_at"], Value::Null);
        assert_eq!(
            package["data"],
            json!({"hash": {"type": "sha1", "value": null}, "error": null})
        );
        assert_eq!(
            changed.package(package["guid"].as_str().expect("a guid")),
            package
        );
    }
}

#[test]
fn docker_package_is_ready_whatever_the_lifecycle_of_the_app() {
    let changed = Changed::serve(&[]);
    let hash = json!({"type": "sha1", "value": null});
    for (data, shown) in [
        (
            json!({"type": "docker", "data": {"image": "i", "more": 1}}),
            json!({"hash": hash, "error": null, "image": "i", "credentials": {}, "store_image": false}),
        ),
        (
            json!({"type": "docker", "data": {"image": "i", "store_image": true, "credentials":
                   {"user": "u", "password": "p", "email": "e", "login_server": "l"}}}),
            json!({"hash": hash, "error": null, "image": "i", "store_image": true, "credentials":
                   {"user": "u", "email": "e", "password": "***", "login_server": "l"}}),
        ),
        (
            json!({"type": "docker"}),
            json!({"hash": hash, "error": null, "image": null, "credentials": {}, "store_image": false}),
        ),
    ] {
        let answer = changed.send("POST", PATH, &data.to_string());
        let package = document(&answer);
        assert_eq!(
            (answer.status, &package["state"]),
            (201, &json!("READY")),
            "{data}"
        );
        assert_eq!(package["data"], shown);
    }
}

#[test]
fn wrong_body_is_refused_with_all_messages() {
    let changed = Changed::serve(&[]);
    let docker = |data: &str| format!(r#"{{"type": "docker", "data": {data}}}"#);
    let credentials = |json: &str| docker(&format!(r#"{{"image": "i", "credentials": {json}}}"#));
    let no_type = "Type must be one of 'bits, docker'";
    for (body, text) in [
        (String::new(), no_type),
        ("{}".into(), no_type),
        (
            r#"{"type": "bits", "unexpected": 1, "extra": 2}"#.into(),
            "Unknown field(s): 'unexpected', 'extra'",
        ),
        (
            r#"{"type": "bits", "data": {"a": 1}}"#.into(),
            "Data Data must be empty if provided for bits packages",
        ),
        (
            docker("{}"),
            "Data Image must be a string, Data Image required",
        ),
        (docker(r#"{"image": 7}"#), "Data Image must be a string"),
        (docker(r#"{"image": ""}"#), "Data Image required"),
        (
            docker(r#"{"image": "i", "store_image": "yes"}"#),
            "Data Store image must be a boolean",
        ),
        (
            credentials(r#"{"password": "p", "email": "e", "login_server": "l"}"#),
            "Data Credentials user must be a string, Data Credentials user required",
        ),
        (
            credentials(r#"{"user": "u", "password": 7, "email": "e", "login_server": "l"}"#),
            "Data Credentials password must be a string",
        ),
        (
            credentials(r#"{"user": "u", "password": "p", "email": "e"}"#),
            "Data Credentials login server must be a string, Data Credentials login server required",
        ),
    ] {
        let answer = changed.send("POST", PATH, &body);
        assert_eq!(error(&answer), invalid(text), "{body}");
    }
    let path = format!("/v3/apps/{}/packages", "g".repeat(201));
    let answer = changed.send("POST", &path, r#"{"type": "bits"}"#);
    assert_eq!(
        error(&answer),
        invalid("App guid must be between 1 and 200 characters")
    );
    let answer = changed.send("POST", "/v3/apps/nope/packages", r#"{"type": "bits"}"#);
    assert_eq!(error(&answer), not_found("App not found"));
    assert_eq!(changed.total(), 5);
}

#[test]
fn body_that_is_not_json_is_refused_before_the_token() {
    let changed = Changed::serve(&[]);
    let text = "Request invalid due to parse error: invalid request body";
    for token in ["", "potato"] {
        let answer = changed.send_with(token, "POST", PATH, "{");
        assert_eq!(error(&answer), (400, 1001, text.into()));
        assert_eq!(changed.send_with(token, "POST", PATH, "{}").status, 401);
    }
}

#[test]
fn routes_of_current_are_unknown() {
    let changed = Changed::serve(&[]);
    for (method, path) in [
        ("POST", "/v3/packages"),
        ("PATCH", "/v3/packages/ready"),
        ("PUT", "/v3/packages/ready"),
        ("GET", "/v3/jobs/x"),
        ("POST", "/v3/builds"),
    ] {
        let answer = changed.send_with("", method, path, "{}");
        assert_eq!(
            error(&answer),
            (404, 10000, "Unknown request".into()),
            "{path}"
        );
    }
    let current = Changed::current(&[]);
    let answer = current.send_with("", "POST", PATH, "{}");
    let (status, code, text) = error(&answer);
    assert_eq!((status, code), (404, 10000));
    assert!(text.starts_with("Unknown request: "), "{text}");
}
