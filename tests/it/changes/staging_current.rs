//! Builds and droplets in `current`: `docs/reference/packages.md#builds` and `#droplets-of-a-package`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Changed, document, error, not_found, suspended, unprocessable};

fn body(package: &str) -> String {
    json!({"package": {"guid": package}}).to_string()
}

fn create(changed: &Changed, package: &str) -> Value {
    let answer = changed.send_as("dev", "POST", "/v3/builds", &body(package));
    assert_eq!(answer.status, 201, "{}", answer.body);
    document(&answer)
}

fn guid(document: &Value) -> &str {
    document["guid"].as_str().expect("a guid")
}

fn get(changed: &Changed, build: &Value) -> Value {
    document(&changed.send_as("dev", "GET", &format!("/v3/builds/{}", guid(build)), ""))
}

fn end(changed: &Changed, build: &Value, body: &str) -> crate::support::Response {
    changed.send("POST", &format!("/admin/builds/{}", guid(build)), body)
}

#[test]
fn build_stays_staging_until_the_admin_api_says_how_it_ended() {
    let changed = Changed::current(&["--admin-api", "--clock", "2026-01-02T03:04:05Z"]);
    let build = create(&changed, "ready");
    let href = |path: &str| json!({"href": format!("http://example.org/v3/{path}")});
    let at = "2026-01-02T03:04:05Z";
    let own = guid(&build).to_owned();
    assert_eq!(
        build,
        json!({
            "guid": own, "created_at": at, "updated_at": at, "state": "STAGING",
            "staging_memory_in_mb": 1024, "staging_disk_in_mb": 4096, "staging_log_rate_limit_bytes_per_second": -1,
            "error": null, "lifecycle": {"type": "buildpack", "data": {"buildpacks": [], "stack": "cflinuxfs4"}},
            "package": {"guid": "ready"}, "droplet": null, "created_by": {"guid": "dev", "name": null, "email": null},
            "relationships": {"app": {"data": {"guid": "shop"}}}, "metadata": {"labels": {}, "annotations": {}},
            "links": {"self": href(&format!("builds/{own}")), "app": href("apps/shop")}
        })
    );
    assert_eq!(get(&changed, &build), build);
    let list = document(&changed.send("GET", "/v3/droplets", ""));
    assert_eq!(list["pagination"]["total_results"], json!(0));

    let answer = end(&changed, &build, r#"{"state": "STAGED"}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let staged = document(&answer);
    assert_eq!(staged["state"], json!("STAGED"));
    let droplet = guid(&staged["droplet"]).to_owned();
    assert_eq!(
        staged["links"]["droplet"],
        href(&format!("droplets/{droplet}"))
    );
    assert_eq!(get(&changed, &build), staged);

    let single = document(&changed.send_as("dev", "GET", &format!("/v3/droplets/{droplet}"), ""));
    let expected = json!({
        "guid": droplet, "created_at": at, "updated_at": at, "state": "STAGED", "error": null,
        "lifecycle": {"type": "buildpack", "data": {}}, "checksum": null, "buildpacks": [], "stack": "cflinuxfs4",
        "image": null, "execution_metadata": "", "process_types": {},
        "relationships": {"app": {"data": {"guid": "shop"}}}, "metadata": {"labels": {}, "annotations": {}},
        "links": {
            "self": href(&format!("droplets/{droplet}")), "app": href("apps/shop"),
            "assign_current_droplet": {"href": "http://example.org/v3/apps/shop/relationships/current_droplet", "method": "PATCH"},
            "package": href("packages/ready")
        }
    });
    assert_eq!(single, expected);

    let again = end(&changed, &build, r#"{"state": "FAILED"}"#);
    assert_eq!(
        error(&again),
        unprocessable(&format!("The build `{own}` has ended already"))
    );
}

#[test]
fn failed_build_has_an_error_and_no_droplet() {
    let changed = Changed::current(&["--admin-api"]);
    let build = create(&changed, "docker");
    assert_eq!(build["lifecycle"], json!({"type": "docker", "data": {}}));
    let answer = end(
        &changed,
        &build,
        r#"{"state": "FAILED", "error": "no such image"}"#,
    );
    let failed = document(&answer);
    assert_eq!(
        (&failed["state"], &failed["error"], &failed["droplet"]),
        (&json!("FAILED"), &json!("no such image"), &Value::Null)
    );
    for (guid, body, expected) in [
        (
            "nope",
            r#"{"state": "STAGED"}"#,
            not_found("Build not found"),
        ),
        (
            "nope",
            r#"{"state": "STAGED", "error": "x"}"#,
            unprocessable("`error` goes with the state `FAILED` only"),
        ),
    ] {
        let answer = changed.send("POST", &format!("/admin/builds/{guid}"), body);
        assert_eq!(error(&answer), expected);
    }
    assert_eq!(end(&changed, &build, r#"{"state": "STAGING"}"#).status, 422);
    assert_eq!(end(&changed, &build, "{").status, 400);
    let answer = changed.send_as("dev", "POST", "/admin/builds/nope", "{}");
    assert_eq!(answer.status, 403);
}

#[test]
fn droplets_are_listed_by_package_app_and_space() {
    let changed = Changed::current(&["--staging", "auto:0s"]);
    for package in ["ready", "docker"] {
        let build = create(&changed, package);
        // The answer shows it staging, the next request staged.
        assert_eq!(build["state"], json!("STAGING"));
        assert_eq!(get(&changed, &build)["state"], json!("STAGED"));
    }
    for (target, total) in [
        ("/v3/droplets", 2),
        ("/v3/packages/ready/droplets", 1),
        ("/v3/packages/waiting/droplets", 0),
        ("/v3/droplets?package_guid=ready", 1),
        ("/v3/droplets?app_guid=shop", 1),
        ("/v3/droplets?app_guid=shop&current=true", 0),
        ("/v3/droplets?app_guids=shop,image", 2),
        ("/v3/droplets?states=STAGED", 2),
        ("/v3/droplets?states=FAILED", 0),
        ("/v3/droplets?order_by=-created_at&per_page=1", 2),
    ] {
        let answer = changed.send_as("auditor", "GET", target, "");
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        let list = document(&answer);
        assert_eq!(
            list["pagination"]["total_results"],
            json!(total),
            "{target}"
        );
        for droplet in list["resources"].as_array().expect("an array") {
            let hidden = "[PRIVATE DATA HIDDEN IN LISTS]";
            assert_eq!(droplet["execution_metadata"], json!(hidden));
            assert_eq!(
                droplet["process_types"],
                json!({"redacted_message": hidden})
            );
        }
    }
    let list = document(&changed.send("GET", "/v3/packages/docker/droplets", ""));
    assert_eq!(
        list["pagination"]["first"]["href"],
        json!("http://example.org/v3/packages/docker/droplets?page=1&per_page=50")
    );
    let droplet = &list["resources"][0];
    assert_eq!(
        (&droplet["image"], &droplet["buildpacks"]),
        (&json!("registry/image:1"), &Value::Null)
    );

    let valid = "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'app_guid', 'app_guids', 'current', 'organization_guids', 'package_guid', 'space_guids', 'states', 'label_selector'";
    for (user, target, expected) in [
        (
            "nobody",
            "/v3/packages/ready/droplets",
            not_found("Package not found"),
        ),
        (
            "nobody",
            "/v3/droplets?app_guid=shop",
            not_found("App not found"),
        ),
        ("dev", "/v3/droplets/nope", not_found("Droplet not found")),
        (
            "dev",
            "/v3/packages/nope/droplets?current=true",
            (
                400,
                10005,
                "The query parameter is invalid: Unknown query parameter(s): 'current'".into(),
            ),
        ),
        (
            "dev",
            "/v3/packages/nope/droplets?x=1",
            (
                400,
                10005,
                format!(
                    "The query parameter is invalid: Unknown query parameter(s): 'x'. Valid parameters are: {valid}"
                ),
            ),
        ),
    ] {
        let answer = changed.send_as(user, "GET", target, "");
        assert_eq!(error(&answer), expected, "{target}");
    }
    let list = document(&changed.send_as("nobody", "GET", "/v3/droplets", ""));
    assert_eq!(list["pagination"]["total_results"], json!(0));
}

#[test]
fn build_says_what_the_request_said() {
    let changed = Changed::current(&[]);
    let request = json!({
        "package": {"guid": "ready"}, "staging_memory_in_mb": 2048, "staging_disk_in_mb": 5000,
        "staging_log_rate_limit_bytes_per_second": 10, "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        "lifecycle": {"type": "buildpack", "data": {"buildpacks": ["ruby_buildpack", "https://u:p@example.com/b.git"], "stack": "cflinuxfs4"}}
    });
    let answer = changed.send_as("dev", "POST", "/v3/builds", &request.to_string());
    let build = document(&answer);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(build["staging_memory_in_mb"], json!(2048));
    assert_eq!(build["staging_disk_in_mb"], json!(5000));
    assert_eq!(build["staging_log_rate_limit_bytes_per_second"], json!(10));
    assert_eq!(build["metadata"], request["metadata"]);
    let shown = json!(["ruby_buildpack", "https://***:***@example.com/b.git"]);
    assert_eq!(build["lifecycle"]["data"]["buildpacks"], shown);
}

#[test]
fn wrong_request_is_refused_in_the_order_of_the_reference() {
    let changed = Changed::current(&[]);
    let no_package =
        "Unable to use package. Ensure that the package exists and you have access to it.";
    let no_guid = "Package guid can't be blank, Package guid must be a string, Package guid must be between 1 and 200 characters";
    let with = |more: &str| format!(r#"{{"package": {{"guid": "ready"}}, {more}}}"#);
    for (user, body, text) in [
        ("dev", "{}".to_owned(), no_guid),
        (
            "dev",
            with(r#""x": 1, "staging_disk_in_mb": 0, "staging_memory_in_mb": "a""#),
            "Staging disk in mb must be greater than 0, Staging memory in mb is not a number, Unknown field(s): 'x'",
        ),
        (
            "dev",
            with(r#""staging_memory_in_mb": 1.5, "staging_log_rate_limit_bytes_per_second": -2"#),
            "Staging memory in mb must be an integer, Staging log rate limit bytes per second must be greater than or equal to -1",
        ),
        (
            "dev",
            with(r#""lifecycle": {"type": "ship", "data": {}}"#),
            "Lifecycle type is not included in the list: buildpack, docker, cnb",
        ),
        (
            "dev",
            with(r#""lifecycle": {"type": "buildpack"}"#),
            "Lifecycle data must be an object",
        ),
        (
            "dev",
            with(r#""lifecycle": {"type": "buildpack", "data": {"buildpacks": ["a/b"]}}"#),
            "Buildpack \"a/b\" must be an existing admin buildpack or a valid git URI",
        ),
        (
            "dev",
            with(r#""lifecycle": {"type": "buildpack", "data": {"stack": "moon"}}"#),
            "Stack must be an existing stack",
        ),
        ("dev", self::body("nope"), no_package),
        ("nobody", self::body("ready"), no_package),
        ("auditor", self::body("ready"), no_package),
    ] {
        let answer = changed.send_as(user, "POST", "/v3/builds", &body);
        assert_eq!(error(&answer), unprocessable(text), "{user} {body}");
    }
    let answer = changed.send_as("dev", "POST", "/v3/builds", &body("of-cold"));
    assert_eq!(error(&answer), suspended());
    let answer = changed.send_as("dev", "POST", "/v3/builds", &body("waiting"));
    let text = "Cannot stage package whose state is not ready.";
    assert_eq!(error(&answer), (400, 10004, text.into()));
    create(&changed, "ready");
    let answer = changed.send_as("dev", "POST", "/v3/builds", &body("ready"));
    let text = "Only one build can be STAGING at a time per application.";
    assert_eq!(error(&answer), unprocessable(text));
    let answer = changed.send_as("nobody", "GET", "/v3/builds/nope", "");
    assert_eq!(error(&answer), not_found("Build not found"));
    let answer = changed.send_with("", "POST", "/v3/packages/ready/droplets", "{}");
    let (status, code, text) = error(&answer);
    assert_eq!((status, code), (404, 10000));
    assert!(text.starts_with("Unknown request: "), "{text}");
}

#[test]
fn builds_that_wait_are_staged_by_a_server_with_automatic_staging() {
    let changed = Changed::current(&[]);
    let build = create(&changed, "ready");
    let Changed { dir, server } = changed;
    server.stop();
    let server = dir.serve(&[
        "--api",
        "current",
        "--token-key",
        "key",
        "--staging",
        "auto:50ms",
    ]);
    let changed = Changed { dir, server };
    let begin = Instant::now();
    while get(&changed, &build)["state"] != json!("STAGED") {
        assert!(begin.elapsed() < Duration::from_secs(60), "not staged");
        std::thread::sleep(Duration::from_millis(10));
    }
    // A build outlives its package; the droplet keeps its link.
    changed.send("DELETE", "/v3/packages/ready", "");
    assert_eq!(get(&changed, &build)["package"], json!({"guid": "ready"}));
}

#[test]
fn staging_flag_needs_a_duration() {
    let changed = crate::support::WorkDir::new();
    let ran = changed.run(&["serve", "--ephemeral", "--staging", "5s"]);
    assert_eq!(ran.status, 2);
    assert!(
        ran.stderr
            .contains("expected `auto:` and a duration, such as `auto:5s`"),
        "{}",
        ran.stderr
    );
}
