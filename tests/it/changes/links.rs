//! Where the links of packages and droplets lead: to a resource, or to an error that says what is missing.

use serde_json::{Value, json};

use super::{Changed, bits_of, document, error, not_authorized, not_found, unprocessable};

const REFUSED: &str = "Unable to assign current droplet. This server runs no apps, so that they have no current droplet.";

/// Sends the request of each link of a document. Returns the names and the statuses.
fn follow(changed: &Changed, document: &Value) -> Vec<(String, u16)> {
    let links = document["links"].as_object().expect("links");
    let follow = |(name, link): (&String, &Value)| {
        let href = link["href"].as_str().expect("an href");
        let target = href.strip_prefix("http://example.org").unwrap_or(href);
        let method = link["method"].as_str().unwrap_or("GET");
        let answer = changed.send_as("dev", method, target, "");
        (name.clone(), answer.status)
    };
    links.iter().map(follow).collect()
}

fn statuses(expected: &[(&str, u16)]) -> Vec<(String, u16)> {
    let owned = |&(name, status): &(&str, u16)| (name.to_owned(), status);
    expected.iter().map(owned).collect()
}

#[test]
fn links_lead_somewhere_in_2015() {
    let changed = Changed::serve(&[]);
    let created = changed.send_as(
        "dev",
        "POST",
        "/v3/apps/shop/packages",
        r#"{"type": "bits"}"#,
    );
    // Nothing is sent to `upload`, and there is nothing to download or to stage.
    let expected = [
        ("self", 200),
        ("upload", 422),
        ("download", 422),
        ("stage", 400),
        ("app", 200),
    ];
    assert_eq!(follow(&changed, &document(&created)), statuses(&expected));
    let droplet = changed.send_as("dev", "POST", "/v3/packages/ready/droplets", "");
    let expected = [
        ("self", 200),
        ("package", 200),
        ("app", 200),
        ("assign_current_droplet", 422),
    ];
    assert_eq!(follow(&changed, &document(&droplet)), statuses(&expected));
}

#[test]
fn links_lead_somewhere_in_current() {
    let changed = Changed::current(&["--staging", "auto:0s"]);
    let created = changed.send_as("dev", "POST", "/v3/packages", &bits_of("shop"));
    let expected = [
        ("self", 200),
        ("upload", 422),
        ("download", 422),
        ("app", 200),
    ];
    assert_eq!(follow(&changed, &document(&created)), statuses(&expected));
    let body = r#"{"package": {"guid": "ready"}}"#;
    let build = changed.send_as("dev", "POST", "/v3/builds", body);
    let target = format!(
        "/v3/builds/{}",
        document(&build)["guid"].as_str().expect("a guid")
    );
    let build = document(&changed.send_as("dev", "GET", &target, ""));
    let expected = [("self", 200), ("app", 200), ("droplet", 200)];
    assert_eq!(follow(&changed, &build), statuses(&expected));
    let target = format!(
        "/v3/droplets/{}",
        build["droplet"]["guid"].as_str().expect("a guid")
    );
    let droplet = document(&changed.send_as("dev", "GET", &target, ""));
    let expected = [
        ("self", 200),
        ("app", 200),
        ("assign_current_droplet", 422),
        ("package", 200),
    ];
    assert_eq!(follow(&changed, &droplet), statuses(&expected));
}

#[test]
fn app_of_2015_is_shown_as_in_the_reference() {
    let changed = Changed::serve(&["--clock", "2015-11-13T17:03:00Z"]);
    let answer = changed.send_as("auditor", "GET", "/v3/apps/shop?anything", "");
    let app = document(&answer);
    let space = app["links"]["space"]["href"].as_str().expect("an href");
    assert!(space.starts_with("/v2/spaces/"), "{space}");
    assert!(
        answer
            .body
            .starts_with("{\n  \"guid\": \"shop\",\n  \"name\": \"shop\",\n")
    );
    let href = |suffix: &str| json!({"href": format!("/v3/apps/shop{suffix}")});
    let put = |suffix: &str| json!({"href": format!("/v3/apps/shop{suffix}"), "method": "PUT"});
    assert_eq!(
        app,
        json!({
            "guid": "shop", "name": "shop", "desired_state": "STOPPED", "total_desired_instances": 0,
            "created_at": "2015-11-13T17:03:00Z", "updated_at": null,
            "lifecycle": {"type": "buildpack", "data": {"buildpack": null, "stack": "cflinuxfs2"}},
            "environment_variables": {},
            "links": {"self": href(""), "space": {"href": space}, "processes": href("/processes"), "routes": href("/routes"),
                      "packages": href("/packages"), "droplets": href("/droplets"), "start": put("/start"),
                      "stop": put("/stop"), "assign_current_droplet": put("/current_droplet")}
        })
    );
    for (user, app) in [("nobody", "shop"), ("dev", "cold"), ("dev", "nope")] {
        let answer = changed.send_as(user, "GET", &format!("/v3/apps/{app}"), "");
        assert_eq!(error(&answer), not_found("App not found"), "{user} {app}");
    }
}

#[test]
fn droplet_cannot_be_assigned_and_the_answer_says_why() {
    let in_2015 = format!("The request is semantically invalid: {REFUSED}");
    for (flags, method, suffix, text) in [
        (&[][..], "PUT", "current_droplet", in_2015.as_str()),
        (
            &["--api", "current"],
            "PATCH",
            "relationships/current_droplet",
            REFUSED,
        ),
    ] {
        let changed = Changed::serve(flags);
        let assign = |user: &str, app: &str| {
            let target = format!("/v3/apps/{app}/{suffix}");
            error(&changed.send_as(user, method, &target, r#"{"data": {"guid": "x"}}"#))
        };
        assert_eq!(assign("dev", "shop"), unprocessable(text));
        assert_eq!(assign("auditor", "shop"), not_authorized());
        assert_eq!(assign("nobody", "shop"), not_found("App not found"));
        assert_eq!(assign("dev", "nope"), not_found("App not found"));
    }
}
