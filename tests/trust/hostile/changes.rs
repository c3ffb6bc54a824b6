//! Requests that change something, without mistakes, and words to make mistakes of.

use crate::support::{Part, archive, upload};

/// Requests that change packages, builds, or everything: method, path and body. They name what `hostile.rs` seeds.
#[rustfmt::skip] // One line per request.
pub const CHANGES: &[(&str, &str, &str)] = &[
    ("POST", "/v3/packages", r#"{"type": "bits", "relationships": {"app": {"data": {"guid": "app-one"}}}, "metadata": {"labels": {"a": "b"}}}"#),
    ("POST", "/v3/packages", r#"{"type": "docker", "relationships": {"app": {"data": {"guid": "app-two"}}}, "data": {"image": "i", "username": "u", "password": "p"}}"#),
    ("POST", "/v3/packages?source_guid=stored", r#"{"relationships": {"app": {"data": {"guid": "app-two"}}}}"#),
    ("POST", "/v3/packages?source_guid=docker", r#"{"relationships": {"app": {"data": {"guid": "app-two"}}}}"#),
    ("POST", "/v3/apps/app-one/packages", r#"{"type": "bits"}"#),
    ("POST", "/v3/apps/app-two/packages", r#"{"type": "docker", "data": {"image": "i", "credentials": {"user": "u", "password": "p", "email": "e", "login_server": "l"}, "store_image": true}}"#),
    ("POST", "/v3/apps/app-two/packages?source_package_guid=stored", ""),
    ("POST", "/v3/apps/nope/packages", r#"{"type": "bits"}"#),
    ("PATCH", "/v3/packages/stored", r#"{"metadata": {"labels": {"env": "prod", "example.org/a": null}, "annotations": {"note": "text"}}}"#),
    ("PATCH", "/v3/packages/docker", r#"{"username": "u", "password": null}"#),
    ("PATCH", "/v3/packages/nope", "{}"),
    ("DELETE", "/v3/packages/docker", ""),
    ("DELETE", "/v3/packages/waiting", ""),
    ("DELETE", "/v3/packages/nope", ""),
    ("POST", "/v3/packages/stored/droplets", r#"{"memory_limit": 1, "disk_limit": 1, "environment_variables": {"A": 1}, "lifecycle": {"type": "buildpack", "data": {"stack": "cflinuxfs2"}}}"#),
    ("POST", "/v3/packages/docker/droplets", "{}"),
    ("POST", "/v3/builds", r#"{"package": {"guid": "stored"}, "staging_memory_in_mb": 64, "lifecycle": {"type": "buildpack", "data": {"buildpacks": ["ruby_buildpack"], "stack": "cflinuxfs4"}}}"#),
    ("POST", "/v3/builds", r#"{"package": {"guid": "docker"}, "staging_log_rate_limit_bytes_per_second": -1}"#),
    ("POST", "/admin/builds/nope", r#"{"state": "STAGED"}"#),
    ("POST", "/admin/builds/nope", r#"{"state": "FAILED", "error": "e"}"#),
    ("POST", "/admin/reset", ""),
];
/// Words of the bodies of [`CHANGES`] and of uploads.
pub const WORDS: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    "-1",
    "1e400",
    "\\u0000",
    "\\ud800",
    "type",
    "data",
    "guid",
    "labels",
    "image",
    "docker",
    "--x-boundary",
    "--x-boundary--",
    "\r\n",
    "name=\"bits\"",
    "name=\"resources\"",
    "PK\u{5}\u{6}",
];

/// Returns bodies of uploads.
pub fn uploads() -> Vec<Vec<u8>> {
    let bits = archive(&[("a/b", b"content"), ("c", &[0; 300])]);
    let resources = r#"[{"fn": "x", "size": 7, "sha1": "040f06fd774092478d450774f5ba30c5da78acc8", "mode": "644"}]"#;
    let parts: [&[Part<'_>]; 4] = [
        &[Part::File("bits", &bits)],
        &[Part::File("bits", &bits), Part::Text("resources", "[]")],
        &[Part::Text("resources", resources)],
        &[Part::File("other", b"x")],
    ];
    let body = |parts: &[Part<'_>]| {
        let request = upload("/", "", parts);
        let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        request[head.expect("a head") + 4..].to_vec()
    };
    parts.map(body).into()
}
