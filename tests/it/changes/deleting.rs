//! `DELETE /v3/packages/:guid` and `GET /v3/jobs/:guid`: `docs/reference/packages.md#delete` and `#jobs`.

use serde_json::json;

use super::{Changed, bits_of, document, error, not_authorized, not_found, suspended};

#[test]
fn package_of_2015_is_gone_at_once() {
    let changed = Changed::serve(&[]);
    let answer = changed.send_as("dev", "DELETE", "/v3/packages/ready", "");
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let gone = changed.send("GET", "/v3/packages/ready", "");
    assert_eq!(error(&gone), not_found("Package not found"));
    assert_eq!(changed.total(), 4);
}

#[test]
fn package_of_current_is_deleted_by_a_job() {
    let changed = Changed::current(&["--clock", "2026-01-02T03:04:05Z"]);
    let answer = changed.send_as("dev", "DELETE", "/v3/packages/ready", "");
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let job = answer.header("location").expect("a job");
    let path = job
        .strip_prefix("http://example.org")
        .expect("an absolute URL");
    let guid = path.strip_prefix("/v3/jobs/").expect("a job");
    // Any reader may see it.
    let answer = changed.send_as("nobody", "GET", path, "");
    assert_eq!(
        (answer.status, document(&answer)),
        (
            200,
            json!({
                "guid": guid, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
                "operation": "package.delete", "state": "COMPLETE", "errors": [], "warnings": [],
                "links": {"self": {"href": job}}
            })
        )
    );
    assert_eq!(changed.send("GET", "/v3/packages/ready", "").status, 404);
    let answer = changed.send("GET", "/v3/jobs/nope", "");
    assert_eq!(error(&answer), not_found("Job not found"));
    assert_eq!(changed.send_with("", "GET", path, "").status, 401);
}

#[test]
fn checks_come_in_the_order_of_the_reference() {
    let changed = Changed::current(&[]);
    for (user, guid, expected) in [
        ("dev", "nope", not_found("Package not found")),
        ("nobody", "ready", not_found("Package not found")),
        ("auditor", "ready", not_authorized()),
        ("dev", "of-cold", suspended()),
    ] {
        let answer = changed.send_as(user, "DELETE", &format!("/v3/packages/{guid}"), "");
        assert_eq!(error(&answer), expected, "{user} {guid}");
    }
    let changed = Changed::serve(&[]);
    let answer = changed.send_as("dev", "DELETE", "/v3/packages/of-cold", "");
    assert_eq!(error(&answer), not_found("Package not found"));
}

#[test]
fn id_of_a_deleted_package_is_not_used_again() {
    let changed = Changed::current(&[]);
    let last = document(&changed.send("POST", "/v3/packages", &bits_of("shop")));
    let guid = last["guid"].as_str().expect("a guid");
    changed.send("DELETE", &format!("/v3/packages/{guid}"), "");
    changed.send("POST", "/v3/packages", &bits_of("shop"));
    assert_eq!(changed.dir.number("select max(id) from packages"), 7);
}

#[test]
fn job_is_forgotten_after_a_day() {
    let changed = Changed::current(&[]);
    let answer = changed.send("DELETE", "/v3/packages/ready", "");
    let job = answer.header("location").expect("a job").to_owned();
    let age = |by: i64| {
        let sql = format!("update jobs set due = due - {by}");
        assert_eq!(changed.dir.change(&[&sql]), 1);
    };
    let path = job
        .strip_prefix("http://example.org")
        .expect("an absolute URL");
    age(23 * 3_600_000);
    assert_eq!(changed.send("GET", path, "").status, 200);
    age(3_700_000);
    assert_eq!(changed.send("GET", path, "").status, 404);
    // The next job removes it from the database.
    changed.send("DELETE", "/v3/packages/waiting", "");
    assert_eq!(changed.dir.number("select count(*) from jobs"), 1);
}
