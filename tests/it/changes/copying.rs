//! Copies: `docs/reference/packages.md#copy`.

use serde_json::{Value, json};

use super::{Changed, document, error, not_authorized, not_found, suspended, unprocessable};

fn to(app: &str) -> String {
    json!({"relationships": {"app": {"data": {"guid": app}}}}).to_string()
}

#[test]
fn copy_of_bits_is_shown_copying_and_is_then_ready() {
    for current in [true, false] {
        let changed = match current {
            true => Changed::current(&[]),
            false => Changed::serve(&[]),
        };
        let answer = match current {
            true => changed.send("POST", "/v3/packages?source_guid=ready", &to("cart")),
            false => changed.send(
                "POST",
                "/v3/apps/cart/packages?source_package_guid=ready",
                "{\"any\": 1}",
            ),
        };
        let copy = document(&answer);
        assert_eq!(
            (answer.status, &copy["state"]),
            (201, &json!("COPYING")),
            "{}",
            answer.body
        );
        let after = changed.package(copy["guid"].as_str().expect("a guid"));
        assert_eq!(after["state"], json!("READY"));
        let data = if current {
            json!({"error": null, "checksum": {"type": "sha256", "value": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}})
        } else {
            json!({"hash": {"type": "sha1", "value": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, "error": null})
        };
        assert_eq!(after["data"], data);
        assert_ne!(after["updated_at"], Value::Null);
    }
}

#[test]
fn copy_of_bits_that_were_never_uploaded_fails() {
    let changed = Changed::current(&[]);
    let answer = changed.send("POST", "/v3/packages?source_guid=waiting", &to("cart"));
    let copy = document(&answer);
    assert_eq!(copy["state"], json!("COPYING"));
    let after = changed.package(copy["guid"].as_str().expect("a guid"));
    assert_eq!(after["state"], json!("FAILED"));
    let error = after["data"]["error"].as_str().expect("a text");
    assert!(error.starts_with("failed to copy - "), "{error}");
}

#[test]
fn copy_of_an_image_is_ready_and_only_2015_copies_the_credentials() {
    let changed = Changed::current(&[]);
    let body = r#"{"source_guid": "docker", "unknown": 1, "relationships": {"app": {"data": {"guid": "native"}}}}"#;
    let copy = document(&changed.send("POST", "/v3/packages", body));
    assert_eq!(copy["state"], json!("READY"));
    assert_eq!(
        copy["data"],
        json!({"image": "registry/image:1", "username": null, "password": null})
    );

    let changed = Changed::serve(&[]);
    let copy = document(&changed.send(
        "POST",
        "/v3/apps/shop/packages?source_package_guid=docker",
        "",
    ));
    assert_eq!(copy["state"], json!("READY"));
    let credentials = json!({"user": "u", "email": "e", "password": "***", "login_server": "s"});
    assert_eq!(copy["data"]["credentials"], credentials);
    assert_eq!(copy["data"]["store_image"], json!(true));
}

#[test]
fn checks_of_a_copy_come_in_the_order_of_current() {
    let changed = Changed::current(&[]);
    let no_app = unprocessable("App is invalid. Ensure it exists and you have access to it.");
    let no_source =
        unprocessable("Source package is invalid. Ensure it exists and you have access to it.");
    let same_app = unprocessable("Source and destination app cannot be the same");
    for (user, source, app, expected) in [
        ("dev", "nope", "nope", no_app.clone()),
        ("nobody", "ready", "cart", no_app.clone()),
        ("auditor", "nope", "cart", not_authorized()),
        ("dev", "nope", "live", not_authorized()),
        ("dev", "nope", "cold", suspended()),
        ("dev", "nope", "cart", no_source.clone()),
        ("dev", "", "cart", no_source),
        ("dev", "of-live", "cart", not_authorized()),
        ("dev", "of-cold", "cart", suspended()),
        ("dev", "ready", "shop", same_app),
    ] {
        let target = format!("/v3/packages?source_guid={source}");
        let answer = changed.send_as(user, "POST", &target, &to(app));
        assert_eq!(error(&answer), expected, "{user} {source} {app}");
    }
    let answer = changed.send("POST", "/v3/packages?source_guid=ready", "{}");
    assert_eq!(error(&answer), no_app);
}

#[test]
fn checks_of_a_copy_come_in_the_order_of_2015() {
    let changed = Changed::serve(&[]);
    let same_app =
        "The request is semantically invalid: Source and destination app cannot be the same";
    for (user, source, app, expected) in [
        ("dev", "nope", "nope", not_found("App not found")),
        ("dev", "ready", "cold", not_found("App not found")),
        ("auditor", "nope", "cart", not_authorized()),
        ("dev", "nope", "cart", not_found("Package not found")),
        ("dev", "of-cold", "cart", not_found("Package not found")),
        ("dev", "of-live", "cart", not_authorized()),
        ("dev", "ready", "shop", unprocessable(same_app)),
    ] {
        let target = format!("/v3/apps/{app}/packages?source_package_guid={source}");
        let answer = changed.send_as(user, "POST", &target, "");
        assert_eq!(error(&answer), expected, "{user} {source} {app}");
    }
}
