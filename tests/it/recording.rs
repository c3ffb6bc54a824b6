//! `cf-packages record`: a seed from the answers of a controller.

mod certificates;
mod failures;
mod login;
mod resuming;
mod selecting;

use std::collections::BTreeSet;
use std::process::Stdio;

use proptest::prelude::*;

use crate::support::{Output, Server, WorkDir};

/// Organizations, spaces and apps with labels, a suspended organization, every role, and packages of each form.
pub const HARD: &str = r#"
{ "organizations": [{"guid": "o1", "name": "Acme, Inc. 100%", "suspended": true, "created_at": "2020-01-01T00:00:00Z",
                     "labels": {"z": "1", "a": "", "acme.com/team": "x"}, "annotations": {"note": "ä \"<>&\" \u2028"}},
                    {"guid": "o2", "name": "empty", "created_at": "2020-01-01T00:00:00Z"}],
  "spaces": [{"guid": "s2", "name": "dev", "organization": "o1", "created_at": "2020-01-02T00:00:00Z"},
             {"guid": "s1", "name": "prod", "organization": "o1", "created_at": "2020-01-02T00:00:00Z",
              "labels": {"env": "prod"}, "annotations": {"": "", "a/b": " "}}],
  "apps": [{"guid": "a1", "name": "shop", "space": "s1", "lifecycle": "docker", "created_at": "2020-01-03T00:00:00Z"},
           {"guid": "a2", "name": "Shop", "space": "s2", "lifecycle": "cnb", "created_at": "2020-01-03T00:00:00Z",
            "labels": {"tier": "web"}},
           {"guid": "a3", "name": "idle", "space": "s2", "created_at": "2020-01-03T00:00:00Z"}],
  "users": [{"guid": "u1", "name": "alice", "roles": [{"role": "space_developer", "space": "s1"},
                                                      {"role": "space_supporter", "space": "s2"},
                                                      {"role": "organization_manager", "organization": "o1"}]},
            {"guid": "u2", "roles": [{"role": "organization_billing_manager", "organization": "o2"}]}],
  "packages": [{"guid": "p3", "app": "a1", "type": "docker", "image": "registry.acme.com:5000/team/shop:1.2",
                "credentials": {"user": "robot"}, "created_at": "2020-01-04T00:00:00Z", "updated_at": "2020-01-05T00:00:00Z"},
               {"guid": "p1", "app": "a2", "type": "bits", "state": "FAILED", "error": "no space left: /var/vcap",
                "created_at": "2020-01-04T00:00:00Z", "labels": {"env": "prod", "b": "2"}},
               {"guid": "p2", "app": "a2", "type": "bits", "state": "READY", "created_at": "2020-01-04T00:00:00Z",
                "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "updated_at": "2020-01-04T00:00:00Z", "annotations": {"note": "first\nsecond"}},
               {"guid": "p4", "app": "a2", "type": "bits", "state": "EXPIRED", "created_at": "2020-01-04T00:00:00Z",
                "sha1": "0123456789abcdef0123456789abcdef01234567"},
               {"guid": "p5", "app": "a1", "type": "docker", "image": "nginx", "state": "COPYING",
                "created_at": "2020-01-04T00:00:00Z"},
               {"guid": "p6", "app": "a1", "type": "bits", "state": "PROCESSING_UPLOAD",
                "created_at": "2020-01-04T00:00:00Z"}] }"#;

/// Returns a folder with a database of that seed, and a server over it that speaks today's edition.
fn serve_seed(seed: &str) -> (WorkDir, Server) {
    let dir = WorkDir::new();
    dir.write("the-seed", seed);
    dir.run_ok(&["seed", "the-seed"]);
    let server = dir.serve(&["--api", "current"]);
    (dir, server)
}

/// Records with the token of an admin. Returns the output of the command.
fn record(dir: &WorkDir, server: &Server, flags: &[&str]) -> Output {
    let url = format!("http://{}", server.address());
    let token = dir.write("token", dir.admin_token());
    let token = token.to_str().expect("UTF-8");
    let mut arguments = vec!["record", &url, "--token-file", token];
    arguments.extend(flags);
    dir.run(&arguments)
}

/// Records to standard output. The command must succeed.
fn recorded(dir: &WorkDir, server: &Server, flags: &[&str]) -> String {
    let output = record(dir, server, flags);
    assert_eq!(output.status, 0, "{}", output.stderr);
    output.stdout
}

/// Returns the bodies of all pages of a list.
fn pages(server: &Server, token: &str, list: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut next = Some(list.to_owned());
    while let Some(target) = next {
        let response = server.get(&target, token);
        assert_eq!(response.status, 200, "{target}: {}", response.body);
        let body: serde_json::Value = serde_json::from_str(&response.body).expect("JSON");
        let href = body["pagination"]["next"]["href"].as_str();
        next = href.map(|href| {
            let path = href.find("/v3/").expect("a path");
            href[path..].to_owned()
        });
        bodies.push(response.body);
    }
    bodies
}

/// Records a server, seeds a new database, and compares all lists of the two.
fn is_faithful(dir: &WorkDir, server: &Server) {
    let recording = recorded(dir, server, &["--per-page", "7"]);
    let (other_dir, other) = serve_seed(&recording);
    let (token, other_token) = (dir.admin_token(), other_dir.admin_token());
    for list in [
        "/v3/organizations",
        "/v3/spaces?include=organization",
        "/v3/apps?include=space.organization",
        "/v3/users",
        "/v3/roles?include=user",
        "/v3/roles?include=user,space,organization&order_by=-created_at",
        "/v3/packages",
        "/v3/packages?order_by=-updated_at",
        "/v3/packages?label_selector=env",
        "/v3/organizations?order_by=name",
    ] {
        for per_page in [3, 50, 5000] {
            let sign = if list.contains('?') { '&' } else { '?' };
            let list = format!("{list}{sign}per_page={per_page}");
            assert_eq!(
                pages(server, &token, &list),
                pages(&other, &other_token, &list),
                "{list}"
            );
        }
    }
}

#[test]
fn recording_of_the_demo_has_the_same_lists_byte_for_byte() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo"]);
    let server = dir.serve(&["--api", "current"]);
    is_faithful(&dir, &server);
}

#[test]
fn recording_of_every_form_of_data_has_the_same_lists_byte_for_byte() {
    let (dir, server) = serve_seed(HARD);
    is_faithful(&dir, &server);
}

#[test]
fn recording_of_an_empty_controller_is_an_empty_seed() {
    let (dir, server) = serve_seed("{}");
    let output = record(&dir, &server, &["--output", "recording.jsonl"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert_eq!(dir.read("recording.jsonl"), b"{}\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn recording_of_any_data_has_the_same_lists_byte_for_byte(seed in crate::exporting::seed()) {
        let (dir, server) = serve_seed(&seed);
        is_faithful(&dir, &server);
    }
}

/// Returns a seed of users whose guids are in a random order. Some have no name, some have roles, in several pages.
fn many_users() -> impl Strategy<Value = String> {
    let user = ("[a-z0-9]{8}", 0..4_u8, any::<bool>());
    proptest::collection::vec(user, 40..80).prop_map(|users| {
        let users = users.iter().enumerate().map(|(n, (random, roles, has_name))| {
            let name = has_name.then(|| format!(r#", "name": "{random}""#)).unwrap_or_default();
            let roles = match roles {
                0 => "",
                1 => r#", "roles": [{"role": "space_developer", "space": "s1"}]"#,
                2 => r#", "roles": [{"role": "organization_user", "organization": "o1"}]"#,
                _ => r#", "roles": [{"role": "space_auditor", "space": "s2"}, {"role": "organization_manager", "organization": "o2"}]"#,
            };
            format!(r#"{{"guid": "{random}-{n}"{name}{roles}}}"#)
        });
        let users: Vec<_> = users.collect();
        format!(
            r#"{{"organizations": [{{"guid": "o1", "name": "acme"}}, {{"guid": "o2", "name": "beta"}}],
                "spaces": [{{"guid": "s1", "name": "dev", "organization": "o1"}},
                           {{"guid": "s2", "name": "dev", "organization": "o2"}}],
                "users": [{}]}}"#,
            users.join(", ")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn recording_of_many_users_has_the_same_lists_byte_for_byte(seed in many_users()) {
        let (dir, server) = serve_seed(&seed);
        is_faithful(&dir, &server);
    }
}

#[test]
fn only_get_requests_are_sent_one_at_a_time() {
    let dir = WorkDir::new();
    let server = dir.serve(&[
        "--ephemeral",
        "--seed",
        "demo",
        "--api",
        "current",
        "--no-auth",
    ]);
    let url = format!("http://{}", server.address());
    let output = dir.run(&["record", &url, "--token", "x", "--per-page", "100"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let requests = server.get("/admin/requests", "").body;
    let requests: serde_json::Value = serde_json::from_str(&requests).expect("JSON");
    let requests = requests["requests"].as_array().expect("a list");
    assert!(requests.len() > 6, "{requests:?}");
    for request in requests {
        assert_eq!(request["method"], "GET", "{request}");
        assert_eq!(request["status"], 200, "{request}");
    }
}

#[test]
fn file_is_private_and_nothing_else_remains() {
    let (dir, server) = serve_seed(HARD);
    let output = record(&dir, &server, &["--output", "recording.jsonl"]);
    assert_eq!((output.status, output.stdout.as_str()), (0, ""));
    let summary =
        "recorded 2 organizations, 2 spaces, 3 apps, 2 users, 6 packages to `recording.jsonl`";
    assert!(output.stderr.contains(summary), "{}", output.stderr);
    assert!(
        output.stderr.contains("passwords of docker registries"),
        "{}",
        output.stderr
    );
    let names = dir.file_names();
    assert!(names.contains(&"recording.jsonl".to_owned()), "{names:?}");
    assert!(
        !names
            .iter()
            .any(|name| name.contains("partial") || name.starts_with('.'))
    );
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(dir.path("recording.jsonl")).expect("a file");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

#[test]
fn reader_that_needs_only_the_beginning_is_no_failure() {
    let (dir, server) = serve_seed(HARD);
    let url = format!("http://{}", server.address());
    let token = dir.admin_token();
    let mut child = dir
        .command()
        .args(["record", &url, "--token", &token, "--per-page", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// What must not be in an anonymized recording of [`HARD`].
const IDENTIFYING: &[&str] = &[
    "Acme, Inc.",
    "acme.com",
    "\"empty\"",
    "\"prod\"",
    "\"dev\"",
    "shop",
    "Shop",
    "\"idle\"",
    "\"alice\"",
    "\"env\"",
    "team",
    "\"web\"",
    "\"tier\"",
    "\"robot\"",
    "nginx",
    "no space",
    "vcap",
    "\"note\"",
    "second",
    "0123456789abcdef",
    "\"o1\"",
    "\"s1\"",
    "\"a1\"",
    "\"u1\"",
    "\"p1\"",
];

/// Returns the values of a field of the packages in a recording, in order.
fn of_packages(recording: &str, field: &str) -> Vec<serde_json::Value> {
    let lines = recording.lines().map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        entry
    });
    lines
        .filter(|entry| entry.get("package").is_some())
        .map(|entry| entry["package"][field].clone())
        .collect()
}

#[test]
fn anonymized_recording_identifies_nothing_and_keeps_the_shape() {
    let (dir, server) = serve_seed(HARD);
    let plain = recorded(&dir, &server, &[]);
    let anonymous = recorded(&dir, &server, &["--anonymize"]);
    for text in IDENTIFYING {
        assert!(plain.contains(text), "{text} is not in {plain}");
        assert!(!anonymous.contains(text), "{text} is in {anonymous}");
    }
    for field in ["type", "state", "created_at", "updated_at"] {
        assert_eq!(of_packages(&plain, field), of_packages(&anonymous, field));
    }
    let images = of_packages(&anonymous, "image");
    let image = images[0].as_str().expect("an image");
    assert!(image.contains(".example:5000/"), "{image}");
    assert_eq!(image.matches(['/', ':']).count(), 4, "{image}");
    let labels = of_packages(&anonymous, "labels");
    assert_eq!(labels[1].as_object().map(serde_json::Map::len), Some(2));
    // The label `env` of the space and of the package is one label.
    let (other_dir, other) = serve_seed(&anonymous);
    let token = other_dir.admin_token();
    let total = |list: &str| {
        let body: serde_json::Value =
            serde_json::from_str(&other.get(list, &token).body).expect("JSON");
        body["pagination"]["total_results"].as_u64()
    };
    assert_eq!(total("/v3/packages"), Some(6));
    assert_eq!(total("/v3/roles"), Some(4));
    let key = labels[1]
        .as_object()
        .and_then(|labels| labels.keys().next());
    let key = key.expect("a label");
    assert_eq!(total(&format!("/v3/spaces?label_selector={key}")), Some(1));
}

#[test]
fn key_makes_the_replacements_the_same_and_is_needed_for_that() {
    let (dir, server) = serve_seed(HARD);
    let with = |key: &str| recorded(&dir, &server, &["--anonymize-key", key]);
    assert_eq!(with("one"), with("one"));
    assert_ne!(with("one"), with("two"));
    let random = || recorded(&dir, &server, &["--anonymize"]);
    assert_ne!(random(), random());
    let once = with("one");
    let guids: Vec<_> = of_packages(&once, "app");
    let distinct: BTreeSet<_> = guids.iter().map(ToString::to_string).collect();
    assert_eq!((guids.len(), distinct.len()), (6, 2));
}
