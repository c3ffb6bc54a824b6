//! `cf-packages export`: the exact inverse of `seed`.

use std::io::Read;
use std::process::Stdio;

use proptest::prelude::*;

use crate::support::WorkDir;

/// Checks for both formats that an export, seeded into a new database and exported again, gives the same bytes, and that
/// seeding it into the database from which it came changes nothing.
fn round_trips(work: &WorkDir) {
    for format in [&["export"][..], &["export", "--jsonl"]] {
        let export = work.run_ok(format);
        let other = WorkDir::new();
        other.write("the-export", &export);
        other.run_ok(&["seed", "the-export"]);
        assert_eq!(export, other.run_ok(format));
        work.write("the-export", &export);
        let again = work.run_ok(&["seed", "the-export"]);
        for line in again.lines().filter(|line| *line != "no entries") {
            assert!(line.contains(": 0 added, 0 changed, "), "{again}");
        }
    }
}

#[test]
fn bundled_seeds_round_trip() {
    for seed in ["example", "demo"] {
        let work = WorkDir::new();
        work.run_ok(&["seed", seed]);
        round_trips(&work);
    }
}

#[test]
fn generated_packages_round_trip() {
    let work = WorkDir::new();
    work.run_ok(&["seed", "--generate", "1200"]);
    round_trips(&work);
}

#[test]
fn empty_database_round_trips() {
    let work = WorkDir::new();
    work.run_ok(&["seed", "--reset"]);
    round_trips(&work);
}

#[test]
fn export_leaves_out_defaults_and_has_a_fixed_order() {
    let work = WorkDir::new();
    work.write(
        "s",
        r#"{"organizations": [{"guid": "o", "name": "acme", "created_at": "2020-01-01T00:00:00Z"}],
            "spaces": [{"guid": "s", "name": "dev", "organization": "acme", "created_at": "2020-01-01T00:00:00Z"}],
            "apps": [{"guid": "a", "name": "shop", "space": "dev", "created_at": "2020-01-01T00:00:00Z"}],
            "packages": [{"guid": "p", "app": "shop", "type": "docker", "image": "i", "credentials": {"password": "x\"y"},
                          "created_at": "2020-01-01T00:00:00Z", "labels": {"z": "1", "a": "2"}}]}"#,
    );
    work.run_ok(&["seed", "s"]);
    assert_eq!(
        work.run_ok(&["export"]),
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
fn export_contains_no_keys() {
    let work = WorkDir::new();
    work.run_ok(&["seed", "demo"]);
    let connection = rusqlite::Connection::open(work.path("packages.db")).expect("opens");
    let secret: Vec<u8> = connection
        .query_row("select secret from token_keys", [], |row| row.get(0))
        .expect("a key");
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let export = work.run_ok(&["export"]);
    assert!(!export.contains(&hex) && !export.contains("token"));
}

#[test]
fn export_succeeds_if_its_reader_stops_early() {
    let work = WorkDir::new();
    work.run_ok(&["seed", "--generate", "3000"]);
    let mut child = work
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
fn export_does_not_create_a_missing_database() {
    let work = WorkDir::new();
    let ran = work.run(&["export"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert_eq!(ran.stderr.lines().count(), 1);
    assert!(work.file_names().is_empty());
}

const ORGANIZATION_ROLES: [&str; 4] = [
    "organization_user",
    "organization_auditor",
    "organization_manager",
    "organization_billing_manager",
];
const SPACE_ROLES: [&str; 4] = [
    "space_auditor",
    "space_developer",
    "space_manager",
    "space_supporter",
];
const STATES: [&str; 6] = [
    "AWAITING_UPLOAD",
    "PROCESSING_UPLOAD",
    "READY",
    "FAILED",
    "COPYING",
    "EXPIRED",
];

fn time() -> impl Strategy<Value = String> {
    (0..253_402_300_800_i64).prop_map(cf_packages::clock::format)
}

/// A member of an object with a comma before it, or an empty text.
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

/// A seed whose names are equal but for their case where that is allowed.
fn seed() -> impl Strategy<Value = String> {
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
    fn every_seeded_database_round_trips(first in seed(), second in seed()) {
        let work = WorkDir::new();
        work.write("first", first);
        work.write("second", second);
        // The second seed changes rows of the first and adds others.
        work.run_ok(&["seed", "first"]);
        work.run_ok(&["seed", "second"]);
        round_trips(&work);
        work.run_ok(&["seed", "second"]);
    }
}
