//! `POST /v3/packages` in `current`: `docs/reference/packages.md#create-in-current`.

use serde_json::json;

use super::{Changed, bits_of, document, error, unprocessable};

#[test]
fn bits_wait_for_their_upload() {
    let changed = Changed::current(&["--clock", "2026-01-02T03:04:05Z"]);
    let body = json!({"type": "bits", "data": {}, "relationships": {"app": {"data": {"guid": "shop"}}},
                      "metadata": {"labels": {"env": "prod", "n": 3, "old": null}, "annotations": {"note": "x y"}}});
    let answer = changed.send("POST", "/v3/packages", &body.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("location"), None);
    let package = document(&answer);
    let guid = package["guid"].as_str().expect("a guid");
    let link = |end: &str| format!("http://example.org/v3/packages/{guid}{end}");
    assert_eq!(
        package,
        json!({
            "guid": guid, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "type": "bits",
            "data": {"error": null, "checksum": {"type": "sha256", "value": null}}, "state": "AWAITING_UPLOAD",
            "relationships": {"app": {"data": {"guid": "shop"}}},
            "metadata": {"labels": {"env": "prod", "n": "3"}, "annotations": {"note": "x y"}},
            "links": {"self": {"href": link("")}, "upload": {"href": link("/upload"), "method": "POST"},
                      "download": {"href": link("/download")}, "app": {"href": "http://example.org/v3/apps/shop"}}
        })
    );
    assert_eq!(changed.package(guid), package);
    let found = changed.send("GET", "/v3/packages?label_selector=env%3Dprod", "");
    assert!(found.body.contains(guid), "{}", found.body);
}

#[test]
fn another_server_of_the_file_shows_a_change_at_once() {
    let changed = Changed::current(&[]);
    let other = changed
        .dir
        .serve(&["--api", "current", "--token-key", "key"]);
    let token = changed.token("dev");
    let list = || {
        let list = document(&other.get("/v3/packages?app_guids=cart", &token));
        list["resources"]
            .as_array()
            .expect("an array")
            .iter()
            .map(|package| package["guid"].clone())
            .collect::<Vec<_>>()
    };
    let mut guids = Vec::new();
    for _ in 0..3 {
        // The second answer comes from the caches.
        assert_eq!((list(), list()), (guids.clone(), guids.clone()));
        let created = document(&changed.send("POST", "/v3/packages", &bits_of("cart")));
        guids.push(created["guid"].clone());
    }
    assert_eq!(list(), guids);
    let last = guids.pop().expect("a guid");
    let path = format!("/v3/packages/{}", last.as_str().expect("a text"));
    assert_eq!(changed.send("DELETE", &path, "").status, 202);
    assert_eq!(list(), guids);
}

#[test]
fn docker_package_is_ready() {
    let changed = Changed::current(&[]);
    for app in ["image", "native"] {
        let body = json!({"type": "docker", "relationships": {"app": {"data": {"guid": app}}},
                          "data": {"image": "registry/shop:1", "username": "me", "password": "secret"}});
        let answer = changed.send("POST", "/v3/packages", &body.to_string());
        let package = document(&answer);
        assert_eq!((answer.status, &package["state"]), (201, &json!("READY")));
        let data = json!({"image": "registry/shop:1", "username": "me", "password": "***"});
        assert_eq!(package["data"], data);
    }
}

#[test]
fn wrong_body_is_refused_with_all_messages() {
    let changed = Changed::current(&[]);
    let app = r#""relationships": {"app": {"data": {"guid": "shop"}}}"#;
    let structure = r#"Relationships App must be structured like this: "app: {"data": {"guid": "valid-guid"}}""#;
    let nothing =
        "Relationships 'relationships' is not an object, Type must be one of 'bits, docker'";
    let no_app = format!("Relationships App can't be blank, {structure}");
    let guid_size = "Relationships App guid must be between 1 and 200 characters";
    let guid_text = format!("Relationships App guid must be a string, {guid_size}");
    let no_image = "Data Image must be a string, Data Image required";
    let relationships = |json: &str| format!(r#"{{"type": "bits", "relationships": {json}}}"#);
    let docker = |data: &str| format!(r#"{{"type": "docker", {app}{data}}}"#);
    let metadata = |json: &str| format!(r#"{{"type": "bits", {app}, "metadata": {json}}}"#);
    let long_guid = format!(
        r#"{{"app": {{"data": {{"guid": "{}"}}}}}}"#,
        "g".repeat(201)
    );
    let long_value = format!(r#"{{"annotations": {{"a": "{}"}}}}"#, "v".repeat(5001));
    let long_password = format!(
        r#", "data": {{"image": "i", "password": "{}"}}"#,
        "p".repeat(5001)
    );
    for (body, text) in [
        ("{}".to_owned(), nothing),
        (String::new(), nothing),
        (
            format!(r#"{{"unexpected": 1, "type": "bits", {app}, "extra": 2}}"#),
            "Unknown field(s): 'unexpected', 'extra'",
        ),
        (
            format!(r#"{{"type": "ninja", {app}}}"#),
            "Type must be one of 'bits, docker'",
        ),
        (
            format!(r#"{{"type": ["bits"], {app}}}"#),
            "Type must be one of 'bits, docker'",
        ),
        (
            relationships("[]"),
            "Relationships 'relationships' is not an object",
        ),
        (
            relationships("{}"),
            "Relationships 'relationships' must include one or more valid relationships",
        ),
        (
            relationships(r#"{"app": {"data": {"guid": "shop"}}, "potato": 1}"#),
            "Relationships Unknown field(s): 'potato'",
        ),
        (relationships(r#"{"app": {}}"#), &no_app),
        (relationships(r#"{"app": null}"#), &no_app),
        (relationships(r#"{"app": "shop"}"#), structure),
        (relationships(r#"{"app": {"guid": "shop"}}"#), structure),
        (
            relationships(r#"{"app": {"data": {"guid": "shop", "more": 1}}}"#),
            structure,
        ),
        (
            relationships(r#"{"app": {"data": {"guid": null}}}"#),
            &guid_text,
        ),
        (
            relationships(r#"{"app": {"data": {"guid": 7}}}"#),
            &guid_text,
        ),
        (
            relationships(r#"{"app": {"data": {"guid": ""}}}"#),
            guid_size,
        ),
        (relationships(&long_guid), guid_size),
        (
            relationships(r#"{"app": {"data": null}}"#),
            "App is invalid. Ensure it exists and you have access to it.",
        ),
        (
            relationships(r#"{"app": {"data": {"guid": "nope"}}}"#),
            "App is invalid. Ensure it exists and you have access to it.",
        ),
        (
            format!(r#"{{"type": "bits", {app}, "data": {{"image": "i"}}}}"#),
            "Data Data must be empty if provided for bits packages",
        ),
        (docker(""), no_image),
        (docker(r#", "data": {}"#), no_image),
        (
            docker(r#", "data": {"image": 7}"#),
            "Data Image must be a string",
        ),
        (
            docker(r#", "data": {"image": "i", "birthday": 1}"#),
            "Data Unknown field(s): 'birthday'",
        ),
        (
            docker(&long_password),
            "docker_password can be up to 5,000 characters",
        ),
        (
            docker(r#", "data": {"image": "i"}"#),
            "Cannot create Docker package for a buildpack app.",
        ),
        (
            bits_of("image"),
            "Cannot create bits package for a Docker app.",
        ),
        (metadata("7"), "Metadata must be an object"),
        (
            metadata(r#"{"a": 1, "b": 2}"#),
            "Metadata has unexpected field(s): 'a' 'b'",
        ),
        (
            metadata(r#"{"labels": 1, "annotations": []}"#),
            "Metadata 'labels' is not an object, Metadata 'annotations' is not an object",
        ),
        (
            metadata(r#"{"labels": {"": "x", "a": "-"}}"#),
            "Metadata label key error: key cannot be empty string, Metadata label value error: '-' starts or ends with invalid characters",
        ),
        (
            metadata(r#"{"annotations": {"a b": "x", "c d": ""}}"#),
            "Metadata annotation key error: 'a b' contains invalid characters",
        ),
        (
            metadata(&long_value),
            "Metadata annotation value error: 'vvvvvvvv...' is greater than 5000 characters",
        ),
        (
            r#"{"x": 1, "metadata": 1, "type": "docker"}"#.into(),
            "Metadata must be an object, Unknown field(s): 'x', Data Image must be a string, Data Image required, Relationships 'relationships' is not an object",
        ),
        (
            metadata(r#"{"annotations": {"a": "\u0000"}}"#),
            "The request must not contain the character U+0000",
        ),
    ] {
        let answer = changed.send("POST", "/v3/packages", &body);
        assert_eq!(error(&answer), unprocessable(text), "{body}");
    }
    assert_eq!(changed.total(), 5);
}

#[test]
fn body_that_is_not_json_is_refused_after_the_token() {
    let changed = Changed::current(&[]);
    for body in ["{", "[]", "7", "\u{feff}{}", "{} {}"] {
        let answer = changed.send("POST", "/v3/packages", body);
        let text = "Request invalid due to parse error: invalid request body";
        assert_eq!(error(&answer), (400, 1001, text.into()), "{body}");
        let answer = changed.send_with("", "POST", "/v3/packages", body);
        assert_eq!(answer.status, 401);
    }
}

#[test]
fn labels_and_annotations_are_limited_in_number() {
    let changed = Changed::current(&[]);
    for (member, most, code, name) in [
        ("labels", 50, 390_020, "labels"),
        ("annotations", 200, 390_023, "annotations"),
    ] {
        let body = |count: usize| {
            let pairs = (0..count).map(|n| (format!("k{n}"), json!("v")));
            let pairs: serde_json::Map<_, _> = pairs.collect();
            json!({"type": "bits", "relationships": {"app": {"data": {"guid": "shop"}}},
                   "metadata": {member: pairs}})
            .to_string()
        };
        let answer = changed.send("POST", "/v3/packages", &body(most));
        assert_eq!(answer.status, 201, "{}", answer.body);
        let answer = changed.send("POST", "/v3/packages", &body(most + 1));
        let text = format!(
            "Failed to add {} {name} because it would exceed maximum of {most}",
            most + 1
        );
        assert_eq!(error(&answer), (422, code, text));
    }
}
