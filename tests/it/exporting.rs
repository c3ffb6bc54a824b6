//! `cf-packages export`: the exact inverse of `seed`.

use std::io::Read;
use std::process::Stdio;

use proptest::prelude::*;

use crate::support::{ORGANIZATION_ROLES, SPACE_ROLES, STATES, WorkDir};

/// Exports in both forms, seeds each into a new database, exports again: the same bytes. Then seeds what was exported
/// into the database it came from: nothing changes.
fn round_trips(dir: &WorkDir) {
    for form in [&["export"][..], &["export", "--jsonl"]] {
        let export = dir.run_ok(form);
        let other = WorkDir::new();
        other.write("the-export", &export);
        other.run_ok(&["seed", "the-export"]);
        assert_eq!(export, other.run_ok(form));
        dir.write("the-export", &export);
        let again = dir.run_ok(&["seed", "the-export"]);
        for line in again.lines().filter(|line| *line != "no entries") {
            assert!(line.contains(": 0 added, 0 changed, "), "{again}");
        }
    }
}

#[test]
fn the_bundled_seeds_survive_the_way_out_and_in() {
    for seed in ["example", "demo"] {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", seed]);
        round_trips(&dir);
    }
}

#[test]
fn generated_packages_survive_it() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--generate", "1200"]);
    round_trips(&dir);
}

#[test]
fn an_empty_database_survives_it() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--reset"]);
    round_trips(&dir);
}

#[test]
fn the_largest_annotations_of_the_api_survive_it() {
    let dir = WorkDir::new();
    // Each character takes six bytes in JSON.
    let value = "\\u0001".repeat(5000);
    let annotations: Vec<_> = (0..200)
        .map(|n| format!(r#""key-{n}": "{value}""#))
        .collect();
    dir.write(
        "s",
        format!(
            r#"{{"organizations": [{{"name": "acme"}}], "spaces": [{{"name": "dev", "organization": "acme"}}],
                "apps": [{{"name": "shop", "space": "dev"}}],
                "packages": [{{"app": "shop", "type": "bits", "annotations": {{{}}}}}]}}"#,
            annotations.join(", ")
        ),
    );
    dir.run_ok(&["seed", "s"]);
    round_trips(&dir);
}

#[test]
fn an_export_holds_what_is_not_a_default_in_a_fixed_order() {
    let dir = WorkDir::new();
    dir.write(
        "s",
        r#"{"organizations": [{"guid": "o", "name": "acme", "created_at": "2020-01-01T00:00:00Z"}],
            "spaces": [{"guid": "s", "name": "dev", "organization": "acme", "created_at": "2020-01-01T00:00:00Z"}],
            "apps": [{"guid": "a", "name": "shop", "space": "dev", "created_at": "2020-01-01T00:00:00Z"}],
            "packages": [{"guid": "p", "app": "shop", "type": "docker", "image": "i", "credentials": {"password": "x\"y"},
                          "created_at": "2020-01-01T00:00:00Z", "labels": {"z": "1", "a": "2"}}]}"#,
    );
    dir.run_ok(&["seed", "s"]);
    assert_eq!(
        dir.run_ok(&["export"]),
        r#"{
  "organizations": [
    {"guid":"o","name":"acme","created_at":"2020-01-01T00:00:00Z"}
  ],
  "spaces": [
    {"guid":"s","name":"dev","organization":"o","created_at":"2020-01-01T00:00:00Z"}
  ],
  "apps": [
    {"guid":"a","name":"shop","space":"s","lifecycle":"buildpack","created_at":"2020-01-01T00:00:00Z"}
  ],
  "users": [],
  "packages": [
    {"guid":"p","app":"a","type":"docker","image":"i","credentials":{"password":"x\"y"},"state":"READY","created_at":"2020-01-01T00:00:00Z","labels":{"z":"1","a":"2"}}
  ]
}
"#
    );
}

#[test]
fn keys_are_never_exported() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "demo"]);
    let connection = rusqlite::Connection::open(dir.path("packages.db")).expect("opens");
    let secret: Vec<u8> = connection
        .query_row("select secret from token_keys", [], |row| row.get(0))
        .expect("a key");
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let export = dir.run_ok(&["export"]);
    assert!(!export.contains(&hex) && !export.contains("token"));
}

#[test]
fn who_reads_only_the_beginning_gets_it() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--generate", "3000"]);
    let mut child = dir
        .command()
        .arg("export")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut beginning = [0; 10];
    let mut stdout = child.stdout.take().expect("a stdout");
    stdout.read_exact(&mut beginning).expect("reads");
    drop(stdout);
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success());
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let dir = WorkDir::new();
    let output = dir.run(&["export"]);
    assert_eq!((output.status, output.stdout.as_str()), (1, ""));
    assert_eq!(output.stderr.lines().count(), 1);
    assert!(dir.file_names().is_empty());
}

fn time() -> impl Strategy<Value = String> {
    (0..253_402_300_800_i64).prop_map(cf_packages::clock::format)
}

/// A member with its comma, or nothing.
fn member(
    name: &'static str,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    proptest::option::of(value).prop_map(move |value| {
        value.map_or(String::new(), |value| format!(", \"{name}\": {value}"))
    })
}

fn text(pattern: &'static str) -> impl Strategy<Value = String> {
    pattern.prop_map(|text: String| serde_json::to_string(&text).expect("JSON"))
}

fn any_time() -> impl Strategy<Value = String> {
    time().prop_map(|time| format!("\"{time}\""))
}

fn pairs(value: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::hash_map(
        "(([a-z]{1,4}\\.)(com|org)/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,6}[A-Za-z0-9])?",
        text(value),
        0..4,
    )
    .prop_map(|pairs| {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!("{{{}}}", pairs.join(", "))
    })
}

fn package(number: usize) -> impl Strategy<Value = String> {
    let bits = (
        member("sha1", text("[0-9a-f]{40}")),
        member("sha256", text("[0-9a-f]{64}")),
    )
        .prop_map(|(sha1, sha256)| format!("\"type\": \"bits\"{sha1}{sha256}"));
    let docker = (
        text("[^\\x00]{0,12}"),
        member("store_image", any::<bool>().prop_map(|flag| flag.to_string())),
        member("user", text("[^\\x00]{0,5}")),
        member("password", text("[^\\x00]{0,5}")),
        member("login_server", text("[^\\x00]{0,5}")),
    )
        .prop_map(|(image, store, user, password, server)| {
            let credentials = format!("{user}{password}{server}");
            let credentials = credentials.strip_prefix(", ").unwrap_or("");
            format!("\"type\": \"docker\", \"image\": {image}{store}, \"credentials\": {{{credentials}}}")
        });
    (
        prop_oneof![bits, docker],
        member("guid", Just(format!("\"package.{number}\""))),
        0..4_usize,
        member("state", proptest::sample::select(&STATES[..]).prop_map(|state| format!("\"{state}\""))),
        member("error", text("[^\\x00]{0,12}")),
        (member("created_at", any_time()), member("updated_at", any_time())),
        member("labels", pairs("([A-Za-z0-9]([A-Za-z0-9_.-]{0,6}[A-Za-z0-9])?)?")),
        member("annotations", pairs("[^\\x00]{0,12}")),
    )
        .prop_map(|(content, guid, app, state, error, (created, updated), labels, annotations)| {
            format!("{{\"app\": \"app.{app}\", {content}{guid}{state}{error}{created}{updated}{labels}{annotations}}}")
        })
}

fn user(number: usize) -> impl Strategy<Value = String> {
    let role = prop_oneof![
        (
            proptest::sample::select(&ORGANIZATION_ROLES[..]),
            0..2_usize
        )
            .prop_map(|(role, at)| format!(
                "{{\"role\": \"{role}\", \"organization\": \"organization.{at}\"}}"
            )),
        (proptest::sample::select(&SPACE_ROLES[..]), 0..3_usize)
            .prop_map(|(role, at)| format!("{{\"role\": \"{role}\", \"space\": \"space.{at}\"}}")),
    ];
    (
        proptest::collection::vec(role, 0..5),
        member("name", text("[^\\x00-\\x1f\\x7f-\\x9f]{1,8}")),
    )
        .prop_map(move |(roles, name)| {
            format!(
                "{{\"guid\": \"user.{number}\", \"roles\": [{}]{name}}}",
                roles.join(", ")
            )
        })
}

/// Organizations, spaces and apps with names that may differ in case only where that is right.
pub fn seed() -> impl Strategy<Value = String> {
    let organizations = (member("suspended", any::<bool>().prop_map(|flag| flag.to_string())), member("created_at", any_time()))
        .prop_map(|(suspended, created)| {
            format!(
                "{{\"name\": \"Äcme\", \"guid\": \"organization.0\"{suspended}}}, {{\"name\": \"äcme 2\", \"guid\": \"organization.1\"{created}}}"
            )
        });
    let lifecycle = member(
        "lifecycle",
        proptest::sample::select(&["buildpack", "docker", "cnb"][..])
            .prop_map(|name| format!("\"{name}\"")),
    );
    let apps = (lifecycle, member("created_at", any_time()), text("[^\\x00-\\x1f\\x7f-\\x9f]{1,8}")).prop_map(|(lifecycle, created, name)| {
        let app = |number: usize, space: usize| {
            format!("{{\"name\": {name}, \"guid\": \"app.{number}\", \"space\": \"space.{space}\"{lifecycle}{created}}}")
        };
        format!("{}, {}, {}, {{\"name\": \"0123456789\", \"guid\": \"app.3\", \"space\": \"space.0\"}}", app(0, 2), app(1, 0), app(2, 1))
    });
    let packages = (0..12_usize).prop_flat_map(|count| (0..count).map(package).collect::<Vec<_>>());
    let users = (0..4_usize).prop_flat_map(|count| (0..count).map(user).collect::<Vec<_>>());
    (organizations, apps, users, packages).prop_map(|(organizations, apps, users, packages)| {
        format!(
            "{{\"packages\": [{}], \"organizations\": [{organizations}],
              \"spaces\": [{{\"name\": \"x\", \"guid\": \"space.0\", \"organization\": \"ÄCME\"}},
                           {{\"name\": \"X\", \"guid\": \"space.1\", \"organization\": \"organization.1\"}},
                           {{\"name\": \"y\", \"guid\": \"space.2\", \"organization\": \"organization.0\"}}],
              \"apps\": [{apps}], \"users\": [{}]}}",
            packages.join(", "),
            users.join(", ")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_database_that_seeds_make_survives_it(first in seed(), second in seed()) {
        let dir = WorkDir::new();
        dir.write("first", first);
        dir.write("second", second);
        // The second changes and adds to what the first made, so that ids have gaps in time and rows have moved.
        dir.run_ok(&["seed", "first"]);
        dir.run_ok(&["seed", "second"]);
        round_trips(&dir);
        dir.run_ok(&["seed", "second"]);
    }
}
