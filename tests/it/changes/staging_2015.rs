//! `POST /v3/packages/:guid/droplets` in `2015`: `docs/reference/packages.md#stage-in-2015`.

use serde_json::{Value, json};

use super::{Changed, document, error, not_authorized, not_found, unprocessable};

const PATH: &str = "/v3/packages/ready/droplets";

#[test]
fn droplet_is_pending_until_the_admin_api_says_how_it_ended() {
    let changed = Changed::serve(&["--admin-api", "--clock", "2015-11-13T17:03:00Z"]);
    let body = json!({"memory_limit": 2048, "environment_variables": {"A": "b"},
                      "lifecycle": {"type": "buildpack", "data": {"buildpack": "https://example.com/b.git", "stack": "cflinuxfs2"}}});
    let answer = changed.send_as("dev", "POST", PATH, &body.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    let droplet = document(&answer);
    let guid = droplet["guid"].as_str().expect("a guid").to_owned();
    let path = format!("/v3/droplets/{guid}");
    assert_eq!(
        droplet,
        json!({
            "guid": guid, "state": "PENDING", "error": null,
            "lifecycle": {"type": "buildpack", "data": {"buildpack": "https://example.com/b.git", "stack": "cflinuxfs2"}},
            "memory_limit": 2048, "disk_limit": 4096,
            "result": {"buildpack": "https://example.com/b.git", "stack": "cflinuxfs2", "process_types": null,
                       "hash": {"type": "sha1", "value": null}, "execution_metadata": null},
            "environment_variables": {"A": "b"}, "created_at": "2015-11-13T17:03:00Z", "updated_at": null,
            "links": {"self": {"href": path}, "package": {"href": "/v3/packages/ready"}, "app": {"href": "/v3/apps/shop"},
                      "assign_current_droplet": {"href": "/v3/apps/shop/current_droplet", "method": "PUT"}}
        })
    );
    // Its own link leads back to it.
    assert_eq!(
        document(&changed.send_as("auditor", "GET", &path, "")),
        droplet
    );
    let answer = changed.send_as("nobody", "GET", &path, "");
    assert_eq!(error(&answer), not_found("Droplet not found"));
    let end = format!("/admin/builds/{guid}");
    let ended = document(&changed.send("POST", &end, r#"{"state": "FAILED", "error": "x"}"#));
    assert_eq!(
        (&ended["state"], &ended["error"]),
        (&json!("FAILED"), &json!("x"))
    );
    assert_ne!(ended["updated_at"], Value::Null);
    // Another one may be staged at any time.
    assert_eq!(changed.send("POST", PATH, "").status, 201);
}

#[test]
fn wrong_request_is_refused_in_the_order_of_the_reference() {
    let changed = Changed::serve(&[]);
    let invalid =
        |text: &str| unprocessable(&format!("The request is semantically invalid: {text}"));
    let lifecycle = |json: &str| format!(r#"{{"lifecycle": {json}}}"#);
    let no_buildpack = "Buildpack must be an existing admin buildpack or a valid git URI";
    let bad_buildpack = lifecycle(r#"{"type": "buildpack", "data": {"buildpack": "a/b"}}"#);
    for (user, package, body, expected) in [
        (
            "dev",
            "nope",
            r#"{"x": 1}"#.to_owned(),
            not_found("Package not found"),
        ),
        (
            "auditor",
            "ready",
            r#"{"x": 1}"#.into(),
            invalid("Unknown field(s): 'x'"),
        ),
        (
            "dev",
            "ready",
            r#"{"memory_limit": "a", "disk_limit": 1.5}"#.into(),
            invalid("Memory limit is not a number, Disk limit must be an integer"),
        ),
        (
            "dev",
            "ready",
            r#"{"environment_variables": []}"#.into(),
            invalid("Environment variables must be a hash"),
        ),
        (
            "dev",
            "ready",
            r#"{"environment_variables": {"CF_A": 1, "VCAP_B": 2, "PORT": 3}}"#.into(),
            invalid(
                "Environment variables cannot start with CF_, Environment variables cannot start with VCAP_, Environment variables cannot set PORT",
            ),
        ),
        (
            "dev",
            "ready",
            lifecycle(r#"{"type": "docker", "data": {}}"#),
            invalid("Lifecycle type is not included in the list"),
        ),
        (
            "dev",
            "ready",
            lifecycle(r#"{"type": "buildpack"}"#),
            invalid("Lifecycle data must be present"),
        ),
        (
            "dev",
            "ready",
            lifecycle(r#"{"type": "buildpack", "data": 7}"#),
            invalid("Lifecycle data must be a hash"),
        ),
        (
            "dev",
            "ready",
            lifecycle(r#"{"type": "buildpack", "data": {"stack": "moon"}}"#),
            invalid("Lifecycle Stack is invalid"),
        ),
        ("auditor", "ready", bad_buildpack.clone(), not_authorized()),
        ("dev", "waiting", bad_buildpack, invalid(no_buildpack)),
        (
            "dev",
            "waiting",
            "{}".into(),
            (400, 10004, "The request is invalid".into()),
        ),
        (
            "dev",
            "docker",
            "{}".into(),
            (400, 10004, "The request is invalid".into()),
        ),
    ] {
        let path = format!("/v3/packages/{package}/droplets");
        let answer = changed.send_as(user, "POST", &path, &body);
        assert_eq!(error(&answer), expected, "{user} {package} {body}");
    }
    let answer = changed.send_with("", "GET", PATH, "");
    assert_eq!(error(&answer), (404, 10000, "Unknown request".into()));
}
