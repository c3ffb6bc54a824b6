//! `stats`: what it counts, and how it is shown.

use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::support::{Output, Terminal, WorkDir, archive, generated_data};
use cf_packages::store::{Store, StoreError};

const NOW: &str = "2026-11-27T12:00:00Z";

/// Two organizations, three spaces, and five packages of known ages.
const SHOP: &str = r#"{
  "organizations": [{"name": "acme"}, {"name": "empty"}],
  "spaces": [{"name": "dev", "organization": "acme"}, {"name": "prod", "organization": "acme"}, {"name": "idle", "organization": "empty"}],
  "apps": [{"name": "shop", "space": "dev"}, {"name": "site", "space": "prod"}],
  "users": [{"guid": "alice"}],
  "packages": [
    {"guid": "p1", "app": "shop", "type": "bits", "bits": "shop.zip", "created_at": "2026-11-27T11:30:00Z", "labels": {"env": "prod", "tier": "web"}},
    {"guid": "p2", "app": "shop", "type": "bits", "bits": "shop.zip", "created_at": "2026-11-27T11:00:00Z", "labels": {"env": "prod"}},
    {"guid": "p3", "app": "shop", "type": "bits", "state": "EXPIRED", "created_at": "2020-01-01T00:00:00Z", "labels": {"env": "a-very-long-value-of-a-label-that-takes-bytes"}},
    {"guid": "p4", "app": "site", "type": "docker", "image": "i", "created_at": "2026-11-20T12:00:00Z"},
    {"guid": "p5", "app": "site", "type": "docker", "image": "i", "created_at": "2026-11-28T00:00:00Z"}
  ]
}"#;

fn shop() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("shop.zip", archive(&[("a", b"some content")]));
    dir.write("shop.json", SHOP);
    dir.run_ok(&["seed", "shop.json", "--db", "x.db"]);
    dir
}

fn document(dir: &WorkDir, flags: &[&str]) -> Value {
    let arguments = ["stats", "--json", "--db", "x.db", "--clock", NOW];
    serde_json::from_str(&dir.run_ok(&[&arguments[..], flags].concat())).unwrap()
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    Output {
        status: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    }
}

/// Runs `stats` of `x.db` at a terminal with these variables. Returns what it shows.
fn at_terminal(dir: &WorkDir, variables: &[(&str, &str)]) -> String {
    let terminal = Terminal::open();
    let mut command = dir.command();
    command
        .args(["stats", "--db", "x.db", "--clock", NOW])
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(terminal.stdio())
        .stderr(Stdio::null());
    let (code, shown) = terminal.run(&mut command);
    assert_eq!(code, Some(0), "{shown}");
    shown.replace("\r\n", "\n")
}

#[test]
fn json_has_the_documented_form_and_the_numbers_of_the_data() {
    let dir = shop();
    let size = std::fs::metadata(dir.path("shop.zip")).unwrap().len();
    let file = std::fs::metadata(dir.path("x.db")).unwrap().len();
    let export: Value =
        serde_json::from_str(&dir.run_ok(&["export", "--db", "x.db", "--bits", "bits"])).unwrap();
    let guid = |kind: &str, name: &str| {
        let rows = export[kind].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        row["guid"].clone()
    };
    let long = "a-very-long-value-of-a-label-that-takes-bytes";
    let label = |key: &str, value: &str, packages: usize| {
        let bytes = packages * (key.len() + value.len());
        json!({"key": key, "value": value, "packages": packages, "bytes": bytes})
    };
    let none = json!({"count": 0, "packages": 0});
    let (day, year) = (86400, 365 * 86400);
    let age = |name: &str, from: Option<i64>, to: Option<i64>, packages: i64| json!({"name": name, "from_seconds": from, "to_seconds": to, "packages": packages});
    assert_eq!(
        document(&dir, &[]),
        json!({
            "file": {"bytes": file, "log_bytes": 0},
            "now": NOW,
            "totals": {"organizations": 2, "spaces": 3, "apps": 2, "users": 1, "packages": 5},
            "states": [
                {"name": "AWAITING_UPLOAD", "packages": 0}, {"name": "COPYING", "packages": 0},
                {"name": "PROCESSING_UPLOAD", "packages": 0}, {"name": "READY", "packages": 4},
                {"name": "FAILED", "packages": 0}, {"name": "EXPIRED", "packages": 1},
            ],
            "types": [{"name": "bits", "packages": 3}, {"name": "docker", "packages": 2}],
            "organizations": {
                "largest": [
                    {"guid": guid("organizations", "acme"), "name": "acme", "spaces": 2, "packages": 5},
                    {"guid": guid("organizations", "empty"), "name": "empty", "spaces": 1, "packages": 0},
                ],
                "more": none,
            },
            "spaces": {
                "largest": [
                    {"guid": guid("spaces", "dev"), "name": "dev", "organization": "acme", "packages": 3},
                    {"guid": guid("spaces", "prod"), "name": "prod", "organization": "acme", "packages": 2},
                    {"guid": guid("spaces", "idle"), "name": "idle", "organization": "empty", "packages": 0},
                ],
                "more": none,
            },
            "ages": {
                "oldest": "2020-01-01T00:00:00Z",
                "newest": "2026-11-28T00:00:00Z",
                "counts": [
                    age("in the future", None, Some(0), 1),
                    age("less than an hour", Some(0), Some(3600), 1),
                    // Exactly an hour old.
                    age("1 to 24 hours", Some(3600), Some(day), 1),
                    age("1 to 7 days", Some(day), Some(7 * day), 0),
                    // Exactly seven days old.
                    age("7 to 30 days", Some(7 * day), Some(30 * day), 1),
                    age("30 to 90 days", Some(30 * day), Some(90 * day), 0),
                    age("90 to 365 days", Some(90 * day), Some(year), 0),
                    age("1 to 3 years", Some(year), Some(3 * year), 0),
                    age("3 years or more", Some(3 * year), None, 1),
                ],
            },
            "blobs": {"count": 1, "bytes": size, "largest_bytes": size, "packages": 2},
            "labels": {
                "count": 4,
                "packages": 3,
                "keys": {
                    "largest": [{"key": "env", "values": 2, "packages": 3}, {"key": "tier", "values": 1, "packages": 1}],
                    "more": {"count": 0},
                },
                "by_packages": {
                    "largest": [label("env", "prod", 2), label("env", long, 1), label("tier", "web", 1)],
                    "more": {"count": 0},
                },
                "by_bytes": {
                    "largest": [label("env", long, 1), label("env", "prod", 2), label("tier", "web", 1)],
                    "more": {"count": 0},
                },
                "most_labelled": [{"guid": "p1", "labels": 2}, {"guid": "p2", "labels": 1}, {"guid": "p3", "labels": 1}],
            },
        })
    );
}

#[test]
fn numbers_of_generated_data_are_those_of_plain_queries() {
    let dir = WorkDir::new();
    let path = dir.path("x.db");
    Store::create(&path, |transaction| {
        generated_data::insert(transaction, 3000, 50)
    })
    .unwrap_or_else(|error: StoreError| panic!("{error}"));
    let found = document(&dir, &["--limit", "3"]);
    let database = Connection::open(&path).unwrap();
    let number = |sql: &str| {
        database
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    for state in found["states"].as_array().unwrap() {
        let name = state["name"].as_str().unwrap();
        let sql = format!("select count(*) from packages where state = '{name}'");
        assert_eq!(state["packages"], number(&sql), "{name}");
    }
    let ages = found["ages"]["counts"].as_array().unwrap();
    let aged: i64 = ages
        .iter()
        .map(|age| age["packages"].as_i64().unwrap())
        .sum();
    assert_eq!(aged, 3000);
    for (list, table) in [("organizations", "organizations"), ("spaces", "spaces")] {
        let largest = found[list]["largest"].as_array().unwrap();
        assert_eq!(largest.len(), 3);
        let shown: i64 = largest
            .iter()
            .map(|row| row["packages"].as_i64().unwrap())
            .sum();
        let more = &found[list]["more"];
        assert_eq!(more["packages"], 3000 - shown, "{list}");
        let all = number(&format!("select count(*) from {table}"));
        assert_eq!(more["count"], all - 3, "{list}");
    }
    let largest_space =
        number("select count(*) from packages group by space_id order by 1 desc limit 1");
    assert_eq!(found["spaces"]["largest"][0]["packages"], largest_space);
    let by_organization = "select count(*) from packages p join spaces s on s.id = p.space_id group by s.organization_id order by 1 desc limit 1";
    assert_eq!(
        found["organizations"]["largest"][0]["packages"],
        number(by_organization)
    );
    let labels = &found["labels"];
    assert_eq!(
        labels["count"],
        number("select count(*) from package_labels")
    );
    let labelled = number("select count(distinct package_id) from package_labels");
    assert_eq!(labels["packages"], labelled);
    let keys = json!([{"key": "tier", "values": 4, "packages": 3000}, {"key": "env", "values": 2, "packages": 2000}, {"key": "rare", "values": 1, "packages": 20}]);
    assert_eq!(labels["keys"]["largest"], keys);
    // A package may have several of the other labels, so that their packages are not added up.
    assert_eq!(labels["by_packages"]["more"], json!({"count": 4}));
    let most = "select count(*) from package_labels group by package_id order by 1 desc limit 1";
    assert_eq!(labels["most_labelled"][0]["labels"], number(most));
}

#[test]
fn empty_database_has_statistics_too() {
    let dir = WorkDir::new();
    dir.write("empty.json", r#"{"organizations": []}"#);
    dir.run_ok(&["seed", "empty.json", "--db", "x.db"]);
    let found = document(&dir, &[]);
    assert_eq!(found["totals"]["packages"], 0);
    assert_eq!(found["ages"]["oldest"], Value::Null);
    assert_eq!(found["organizations"]["largest"], json!([]));
    let text = dir.run_ok(&["stats", "--db", "x.db"]);
    assert!(
        text.contains("packages by organization\n  none\n"),
        "{text}"
    );
}

#[test]
fn table_without_a_terminal_is_plain_text() {
    let dir = shop();
    let arguments = ["stats", "--db", "x.db", "--clock", NOW];
    let text = run(dir.command().args(arguments).env_remove("COLUMNS"));
    assert_eq!((text.status, text.stderr.as_str()), (0, ""));
    assert!(text.stdout.is_ascii(), "{}", text.stdout);
    assert!(!text.stdout.contains('\x1b'));
    let expected = "\
x.db
  2 organizations, 3 spaces, 2 apps, 1 user, 5 packages

packages by state
  AWAITING_UPLOAD                             0
  COPYING                                     0
  PROCESSING_UPLOAD                           0
  READY                                       4  ##############################
  FAILED                                      0
  EXPIRED                                     1  ########
";
    let first = expected.lines().next().unwrap();
    assert!(text.stdout.starts_with(first), "{}", text.stdout);
    for line in expected.lines() {
        let words: Vec<_> = line
            .split_whitespace()
            .filter(|word| !word.starts_with('#'))
            .collect();
        let is_there = text.stdout.lines().any(|shown| {
            let shown: Vec<_> = shown
                .split_whitespace()
                .filter(|word| !word.starts_with('#'))
                .collect();
            shown == words
        });
        assert!(is_there, "{line}\n{}", text.stdout);
    }
    assert!(
        text.stdout
            .lines()
            .all(|line| line.width() <= 80 && !line.ends_with(' '))
    );
    // Numbers end in one column.
    let ends: Vec<_> = text
        .stdout
        .lines()
        .filter(|line| {
            line.contains("READY") || line.contains("docker") || line.contains("acme/dev")
        })
        .map(|line| line.trim_end_matches('#').trim_end().len())
        .collect();
    assert!(
        ends.len() == 3 && ends.iter().all(|end| *end == ends[0]),
        "{ends:?}\n{}",
        text.stdout
    );
}

#[test]
fn rows_beyond_the_limit_are_one_line() {
    let dir = shop();
    let text = dir.run_ok(&["stats", "--db", "x.db", "--limit", "1"]);
    assert!(text.contains("\n  and 2 more, with 2 packages\n"), "{text}");
    assert!(text.contains("\n  and 1 more, with 0 packages\n"), "{text}");
    assert!(!text.contains("acme/prod"), "{text}");
    assert_eq!(text.matches("\n  and 2 more\n").count(), 2, "{text}");
    assert!(text.contains("\n  and 1 more\n"), "{text}");
    let none = document(&dir, &["--limit", "0"]);
    assert_eq!(
        none["spaces"],
        json!({"largest": [], "more": {"count": 3, "packages": 5}})
    );
    let refused = dir.run(&["stats", "--db", "x.db", "--limit", "-1"]);
    assert_eq!(refused.status, 2);
}

#[test]
fn terminal_gets_bars_and_colors_and_no_line_is_wider() {
    let dir = shop();
    let shown = at_terminal(&dir, &[]);
    assert!(shown.contains('█') && shown.contains("\x1b[36m"), "{shown}");
    let plain = at_terminal(&dir, &[("NO_COLOR", "1")]);
    assert!(plain.contains('█') && !plain.contains('\x1b'), "{plain}");
    for (variable, value) in [("LC_ALL", "C"), ("TERM", "dumb")] {
        let ascii = at_terminal(&dir, &[(variable, value), ("NO_COLOR", "1")]);
        assert!(ascii.contains('#') && ascii.is_ascii(), "{ascii}");
    }
    for columns in ["24", "40", "100", "200"] {
        let shown = at_terminal(&dir, &[("COLUMNS", columns), ("NO_COLOR", "1")]);
        let widest = shown.lines().map(UnicodeWidthStr::width).max().unwrap();
        assert!(widest <= columns.parse().unwrap(), "{columns}: {shown}");
    }
}

#[test]
fn names_cannot_change_the_terminal() {
    let dir = WorkDir::new();
    dir.write(
        "seed.json",
        "{\"organizations\": [{\"name\": \"a\u{202e}b\"}, {\"name\": \"漢字漢字漢字\"}],
          \"spaces\": [{\"name\": \"s\u{200b}\", \"organization\": \"a\u{202e}b\"}]}",
    );
    dir.run_ok(&["seed", "seed.json", "--db", "x.db"]);
    let shown = at_terminal(&dir, &[("NO_COLOR", "1")]);
    assert!(shown.contains(r"a\u{202e}b/s\u{200b}"), "{shown}");
    assert!(shown.contains("漢字漢字漢字"), "{shown}");
    let file = "x\x1b[31m.db";
    std::fs::copy(dir.path("x.db"), dir.path(file)).unwrap();
    let text = dir.run_ok(&["stats", "--db", file]);
    assert!(text.starts_with("x\\u{1b}[31m.db\n"), "{text}");
}

#[test]
fn database_is_never_changed_and_may_be_read_only_or_in_use() {
    let dir = shop();
    let before = (dir.read("x.db"), dir.file_names());
    dir.run_ok(&["stats", "--db", "x.db"]);
    assert!((dir.read("x.db"), dir.file_names()) == before);
    let more = r#"{"packages": [{"guid": "p6", "app": "shop", "type": "bits"}]}"#;
    dir.write("more.json", more);
    let server = dir.serve(&["--db", "x.db", "--seed", "more.json"]);
    let found = document(&dir, &[]);
    assert_eq!(found["totals"]["packages"], 6);
    assert!(found["file"]["log_bytes"].as_u64().unwrap() > 0);
    server.stop();
    for (file, fault) in [
        ("none.db", "does not exist; "),
        ("shop.json", "is not an SQLite database; "),
    ] {
        let refused = dir.run(&["stats", "--db", file]);
        assert_eq!((refused.status, &*refused.stdout), (1, ""));
        assert!(
            refused
                .stderr
                .starts_with(&format!("cf-packages: `{file}` {fault}")),
            "{refused:?}"
        );
    }
}
