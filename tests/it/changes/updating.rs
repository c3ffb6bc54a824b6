//! `PATCH /v3/packages/:guid`: `docs/reference/packages.md#update`.

use serde_json::{Value, json};

use super::{Changed, document, error, not_authorized, not_found, suspended, unprocessable};

fn patch(changed: &Changed, user: &str, guid: &str, body: &Value) -> crate::support::Response {
    let body = body.to_string();
    changed.send_as(user, "PATCH", &format!("/v3/packages/{guid}"), &body)
}

#[test]
fn metadata_is_merged_and_null_removes() {
    let changed = Changed::current(&["--clock", "2026-01-02T03:04:05Z"]);
    let before = changed.package("ready");
    let body = json!({"metadata": {"labels": {"b": "1", "a": "2"}, "annotations": {"x": "y"}}});
    let answer = patch(&changed, "dev", "ready", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = json!({"metadata": {"labels": {"b": "3", "c": "4", "a": null, "none": null}}});
    let after = document(&patch(&changed, "dev", "ready", &body));
    assert_eq!(
        after["metadata"]["labels"].to_string(),
        r#"{"b":"3","c":"4"}"#
    );
    assert_eq!(after["metadata"]["annotations"], json!({"x": "y"}));
    // Metadata alone does not move the time.
    assert_eq!(after["updated_at"], before["updated_at"]);
    assert_eq!(changed.package("ready"), after);
    for (selector, total) in [("b%3D3", 1), ("c", 1), ("a", 0), ("b%3D1", 0)] {
        let list = changed.send(
            "GET",
            &format!("/v3/packages?label_selector={selector}"),
            "",
        );
        assert_eq!(
            document(&list)["pagination"]["total_results"],
            json!(total),
            "{selector}"
        );
    }
}

#[test]
fn empty_body_changes_nothing() {
    let changed = Changed::current(&[]);
    let before = changed.package("ready");
    for body in [
        "",
        "{}",
        r#"{"metadata": {}}"#,
        r#"{"metadata": {"labels": null}}"#,
    ] {
        let answer = changed.send("PATCH", "/v3/packages/ready", body);
        assert_eq!(
            (answer.status, document(&answer)),
            (200, before.clone()),
            "{body}"
        );
    }
}

#[test]
fn docker_credentials_move_the_time_of_the_last_change() {
    let changed = Changed::current(&["--admin-api", "--clock", "2026-01-02T03:04:05Z"]);
    let answer = changed.send("PUT", "/admin/clock", r#"{"advance": "1h"}"#);
    assert_eq!(answer.status, 200);
    let body = json!({"username": "u", "password": "p"});
    let same = document(&patch(&changed, "dev", "docker", &body));
    assert_eq!(same["updated_at"], same["created_at"]);
    let body = json!({"username": "other", "password": null});
    let after = document(&patch(&changed, "dev", "docker", &body));
    assert_eq!(after["data"]["username"], json!("other"));
    assert_eq!(after["updated_at"], json!("2026-01-02T04:04:05Z"));
    let exported = changed.dir.run_ok(&["export"]);
    assert!(
        exported.contains(r#""credentials":{"user":"other","email":"e","login_server":"s"}"#),
        "{exported}"
    );
}

#[test]
fn checks_come_in_the_order_of_the_reference() {
    let changed = Changed::current(&[]);
    let unknown = unprocessable("Unknown field(s): 'animals'");
    let no_docker = unprocessable("Cannot update Docker credentials for a buildpack app.");
    for (user, guid, body, expected) in [
        ("dev", "nope", json!({"animals": 1}), unknown),
        (
            "dev",
            "nope",
            json!({"username": 1}),
            unprocessable("Username must be a string"),
        ),
        ("dev", "nope", json!({}), not_found("Package not found")),
        ("nobody", "ready", json!({}), not_found("Package not found")),
        ("auditor", "ready", json!({"username": "u"}), no_docker),
        ("auditor", "ready", json!({}), not_authorized()),
        ("dev", "of-live", json!({}), not_authorized()),
        ("dev", "of-cold", json!({}), suspended()),
    ] {
        let answer = patch(&changed, user, guid, &body);
        assert_eq!(error(&answer), expected, "{user} {guid} {body}");
    }
}

#[test]
fn labels_cannot_grow_beyond_the_limit() {
    let changed = Changed::current(&[]);
    let labels = |range: std::ops::Range<usize>| {
        let pairs = range.map(|n| (format!("k{n}"), json!("v")));
        json!({"metadata": {"labels": pairs.collect::<serde_json::Map<_, _>>()}})
    };
    assert_eq!(patch(&changed, "dev", "ready", &labels(0..49)).status, 200);
    let answer = patch(&changed, "dev", "ready", &labels(48..51));
    let text = "Failed to add 3 labels because it would exceed maximum of 50";
    assert_eq!(error(&answer), (422, 390_020, text.into()));
    assert_eq!(patch(&changed, "dev", "ready", &labels(48..50)).status, 200);
}
