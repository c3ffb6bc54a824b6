//! `cf-packages seed`: a seed is right or refused whole, applying it again changes nothing, and what changed is changed
//! in place.

use crate::support::{Output, WorkDir};

const CLOCK: &str = "2026-01-02T03:04:05Z";

/// An organization, a space and an app, for packages to stand in.
const HOUSE: &str = r#""organizations": [{"name": "acme"}],
    "spaces": [{"name": "dev", "organization": "acme"}],
    "apps": [{"name": "shop", "space": "dev", "guid": "shop-guid"}]"#;

fn house(rest: &str) -> String {
    format!("{{{HOUSE}, {rest}}}")
}

impl WorkDir {
    fn seed(&self, seed: &str) -> Output {
        self.run_with(&["seed", "-", "--clock", CLOCK], seed.as_bytes())
    }

    fn seeded(&self, seed: &str) -> String {
        let output = self.seed(seed);
        assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{seed}");
        output.stdout
    }

    fn export(&self) -> String {
        self.run_ok(&["export"])
    }
}

#[test]
fn the_example_holds_what_the_api_document_shows() {
    let dir = WorkDir::new();
    assert_eq!(
        dir.run_ok(&["seed", "example"]),
        "organizations: 2 added, 0 changed, 0 unchanged\n\
         spaces: 2 added, 0 changed, 0 unchanged\n\
         apps: 2 added, 0 changed, 0 unchanged\n\
         users: 1 added, 0 changed, 0 unchanged\n\
         packages: 4 added, 0 changed, 0 unchanged\n"
    );
    assert_eq!(
        dir.rows("select guid from packages order by id")[..2],
        [
            "guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78",
            "guid-c24fd786-9aad-4bd2-85de-511186485d21"
        ]
    );
    assert_eq!(dir.file_names(), dir.database_files());
}

#[test]
fn the_demo_has_every_state_type_and_role() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo"]);
    let count = |sql: &str| dir.rows(sql)[0].parse::<u64>().expect("a number");
    assert_eq!(count("select cast(count(*) as text) from packages"), 300);
    assert_eq!(
        count("select cast(count(distinct state) as text) from packages"),
        6
    );
    assert_eq!(
        count("select cast(count(distinct type) as text) from packages"),
        2
    );
    assert_eq!(
        count("select cast(count(distinct role) as text) from organization_roles"),
        4
    );
    assert_eq!(
        count("select cast(count(distinct role) as text) from space_roles"),
        4
    );
    assert_eq!(
        count("select cast(count(*) as text) from packages where updated_at <= created_at"),
        0
    );
}

#[test]
fn bundled_seeds_are_listed_with_a_line_each() {
    let dir = WorkDir::new();
    let list = dir.run_ok(&["seed", "--list"]);
    let names: Vec<_> = list
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, ["example", "demo"]);
    assert!(dir.file_names().is_empty());
}

#[test]
fn applying_a_seed_again_changes_nothing() {
    let dir = WorkDir::of_files();
    let seed = house(
        r#""users": [{"guid": "u", "roles": [{"role": "space_developer", "space": "dev"}]}],
           "packages": [{"app": "shop", "type": "bits", "labels": {"env": "prod"}}, {"app": "shop", "type": "docker", "image": "i"}]"#,
    );
    dir.seeded(&seed);
    let before = dir.read("packages.db");
    // The times were left to the clock, which is another now.
    let again = dir.run_with(&["seed", "-"], seed.as_bytes());
    assert_eq!(
        again.stdout,
        "organizations: 0 added, 0 changed, 1 unchanged\n\
         spaces: 0 added, 0 changed, 1 unchanged\n\
         apps: 0 added, 0 changed, 1 unchanged\n\
         users: 0 added, 0 changed, 1 unchanged\n\
         packages: 0 added, 0 changed, 2 unchanged\n"
    );
    assert!(
        before == dir.read("packages.db"),
        "the file is the same, byte for byte"
    );
}

#[test]
fn the_same_seed_under_the_same_clock_gives_the_same_data_anywhere() {
    let seed =
        house(r#""packages": [{"app": "shop", "type": "bits"}, {"app": "shop", "type": "bits"}]"#);
    let exports = [WorkDir::new(), WorkDir::new()].map(|dir| {
        dir.seeded(&seed);
        dir.export()
    });
    assert_eq!(exports[0], exports[1]);
    assert!(exports[0].contains("\"created_at\":\"2026-01-02T03:04:05Z\""));
}

#[test]
fn a_changed_entry_is_changed_in_place_and_keeps_its_times() {
    let dir = WorkDir::new();
    dir.seeded(&house(
        r#""packages": [
            {"guid": "a", "app": "shop", "type": "bits", "state": "FAILED", "error": "e", "created_at": "2020-01-01T00:00:00Z",
             "updated_at": "2020-01-02T00:00:00Z", "labels": {"env": "dev", "old": ""}},
            {"guid": "b", "app": "shop", "type": "bits"}]"#,
    ));
    let report = dir.seeded(&house(
        r#""packages": [{"guid": "a", "app": "shop", "type": "bits", "state": "AWAITING_UPLOAD", "labels": {"env": "prod"}}]"#,
    ));
    assert!(
        report.ends_with("packages: 0 added, 1 changed, 0 unchanged\n"),
        "{report}"
    );
    assert_eq!(
        dir.rows("select guid from packages order by id"),
        ["a", "b"]
    );
    assert_eq!(
        dir.rows(
            "select state || coalesce(error, '-') || created_at || '/' || updated_at || labels from packages where guid = 'a'"
        ),
        ["AWAITING_UPLOAD-1577836800/1577923200{\"env\":\"prod\"}"]
    );
    assert_eq!(
        dir.rows("select key || '=' || value from package_labels"),
        ["env=prod"]
    );
}

#[test]
fn roles_become_exactly_what_the_entry_says() {
    let dir = WorkDir::new();
    let user = |roles: &str| {
        house(&format!(
            r#""users": [{{"guid": "u", "roles": [{roles}]}}]"#
        ))
    };
    dir.seeded(&user(
        r#"{"role": "space_developer", "space": "dev"}, {"role": "organization_manager", "organization": "acme"}"#,
    ));
    let report = dir.seeded(&user(
        r#"{"role": "space_manager", "space": "DEV"}, {"role": "organization_manager", "organization": "acme"}"#,
    ));
    assert!(
        report.ends_with("users: 0 added, 1 changed, 0 unchanged\n"),
        "{report}"
    );
    assert_eq!(
        dir.rows("select role from organization_roles union all select role from space_roles"),
        ["organization_manager", "space_manager"]
    );
}

#[test]
fn names_may_be_swapped() {
    let dir = WorkDir::new();
    let apps = |a: &str, b: &str| {
        format!(
            r#"{{{}, "apps": [{{"guid": "a", "name": "{a}", "space": "dev"}}, {{"guid": "b", "name": "{b}", "space": "dev"}}]}}"#,
            HOUSE.rsplit_once(",\n    \"apps\"").expect("a house").0
        )
    };
    dir.seeded(&apps("blue", "green"));
    let report = dir.seeded(&apps("green", "blue"));
    assert!(
        report.ends_with("apps: 0 added, 2 changed, 0 unchanged\n"),
        "{report}"
    );
    assert_eq!(
        dir.rows("select guid || folded_name from apps order by id"),
        ["agreen", "bblue"]
    );
}

#[test]
fn packages_follow_an_app_that_moves() {
    let dir = WorkDir::new();
    dir.seeded(&house(
        r#""packages": [{"guid": "a", "app": "shop", "type": "bits"}]"#,
    ));
    dir.seeded(
        r#"{"spaces": [{"name": "prod", "organization": "acme"}],
            "apps": [{"name": "shop", "space": "prod", "guid": "shop-guid"}],
            "packages": [{"guid": "b", "app": "shop", "type": "bits"}]}"#,
    );
    assert_eq!(
        dir.rows("select s.name from packages p join spaces s on s.id = p.space_id order by p.id"),
        ["prod", "prod"]
    );
}

#[test]
fn several_seeds_are_one_transaction_and_the_later_wins() {
    let dir = WorkDir::new();
    dir.write(
        "one",
        house(r#""packages": [{"guid": "a", "app": "shop", "type": "bits"}]"#),
    );
    dir.write(
        "two",
        r#"{"package": {"guid": "a", "app": "shop", "type": "bits", "state": "READY"}}"#,
    );
    dir.write("wrong", r#"{"apps": [{"name": "x"}]}"#);
    let refused = dir.run(&["seed", "one", "two", "wrong"]);
    assert_eq!(refused.status, 1);
    assert_eq!(dir.file_names(), ["one", "two", "wrong"]);
    let report = dir.run_ok(&["seed", "one", "two"]);
    assert!(
        report.ends_with("packages: 1 added, 1 changed, 0 unchanged\n"),
        "{report}"
    );
    assert_eq!(dir.rows("select state from packages"), ["READY"]);
}

#[test]
fn the_content_of_a_seed_decides_whether_it_is_json_lines() {
    let dir = WorkDir::new();
    let lines = "\n  \n{ \"organization\" : {\"name\": \"acme\"}}\r\n\r\n{\"space\": {\"name\": \"dev\", \"organization\": \"ACME\"}}\n\
                 {\"app\": {\"name\": \"shop\", \"space\": \"dev\"}}\n{\"package\": {\"app\": \"shop\", \"type\": \"bits\"}}";
    dir.write("seed.json", lines);
    assert!(
        dir.run_ok(&["seed", "seed.json"])
            .contains("packages: 1 added")
    );
}

#[test]
fn nothing_is_a_seed_too() {
    let dir = WorkDir::new();
    assert_eq!(dir.seeded(" {} \n"), "no entries\n");
    assert_eq!(
        dir.seeded(r#"{"packages": null, "apps": []}"#),
        "no entries\n"
    );
}

#[test]
fn null_is_left_out() {
    let dir = WorkDir::new();
    let null = house(
        r#""packages": [{"guid": null, "app": "shop", "type": "docker", "image": "i", "credentials": {"user": null}, "sha1": null,
            "labels": null, "state": null, "store_image": null, "error": null, "updated_at": null}]"#,
    );
    dir.seeded(&null);
    let report = dir.seeded(&house(
        r#""packages": [{"app": "shop", "type": "docker", "image": "i"}]"#,
    ));
    assert!(
        report.ends_with("packages: 0 added, 0 changed, 1 unchanged\n"),
        "{report}"
    );
}

#[test]
fn reset_empties_but_keeps_keys_and_never_uses_an_id_again() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example"]);
    let key = dir.rows("select hex(secret) from token_keys");
    assert_eq!(
        dir.run_ok(&["seed", "--reset"]),
        "reset: everything but the token keys removed (organizations: 2, spaces: 2, apps: 2, users: 1, packages: 4)\n"
    );
    assert_eq!(
        dir.rows("select guid from packages union all select guid from users union all select guid from apps"),
        [""; 0]
    );
    dir.run_ok(&["seed", "--reset", "example"]);
    assert_eq!(
        dir.rows("select cast(min(id) as text) from packages"),
        ["5"]
    );
    assert_eq!(dir.rows("select hex(secret) from token_keys"), key);
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let dir = WorkDir::of_files();
    let said = dir.run_ok(&["seed", "--dry-run", "example"]);
    assert!(
        said.ends_with("packages: 4 added, 0 changed, 0 unchanged\n"),
        "{said}"
    );
    assert!(dir.file_names().is_empty());
    dir.run_ok(&["seed", "example"]);
    let before = dir.read("packages.db");
    let said = dir.run_ok(&["seed", "--dry-run", "--reset", "demo"]);
    assert!(
        said.ends_with("packages: 300 added, 0 changed, 0 unchanged\n"),
        "{said}"
    );
    assert!(before == dir.read("packages.db"));
    assert_eq!(dir.file_names(), ["packages.db"]);
}

#[test]
fn generated_packages_are_the_same_every_time() {
    let dir = WorkDir::new();
    let generate = |n: &str| dir.run_ok(&["seed", "--clock", CLOCK, "--generate", n]);
    let report = generate("1500");
    assert!(report.contains("apps: 128 added"), "{report}");
    assert!(
        report.ends_with("packages: 1500 added, 0 changed, 0 unchanged\n"),
        "{report}"
    );
    assert!(
        dir.run_ok(&["seed", "--generate", "1500"])
            .ends_with("packages: 0 added, 0 changed, 1500 unchanged\n")
    );
    assert!(generate("2500").ends_with("packages: 1000 added, 0 changed, 1500 unchanged\n"));
    assert_eq!(dir.rows("select distinct state from packages").len(), 6);
    assert_eq!(dir.rows("select distinct type from packages").len(), 2);
    assert_eq!(
        dir.rows("select guid from packages where annotations <> '{}' limit 1")
            .len(),
        1
    );
}

#[test]
fn generated_packages_belong_to_a_few_busy_apps_and_a_long_tail() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--clock", CLOCK, "--generate", "20000"]);
    let by_app = "(select count(p.id) as n from apps a left join packages p on p.app_id = a.id group by a.id)";
    assert_eq!(
        dir.rows(&format!(
            "select cast(count(*) as text) from {by_app} c where n > 10 * (select avg(n) from {by_app} d)"
        )),
        ["7"]
    );
    // Packages that were stored one after the other belong to different apps.
    assert_eq!(
        dir.rows("select cast(count(distinct app_id) as text) from packages where id between 10001 and 10050"),
        ["40"]
    );
}

#[test]
fn a_stranger_s_file_is_left_alone() {
    let dir = WorkDir::of_files();
    dir.write("packages.db", "a text");
    let output = dir.run(&["seed", "example"]);
    assert_eq!(output.status, 1);
    assert_eq!(dir.read("packages.db"), b"a text");
}

#[test]
fn without_anything_to_do_the_usage_is_wrong() {
    let dir = WorkDir::new();
    for arguments in [
        &["seed"][..],
        &["seed", "-", "-"],
        &["seed", "--generate", "-1"],
        &["seed", "--list", "demo"],
    ] {
        let output = dir.run(arguments);
        assert_eq!(
            (output.status, output.stdout.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            output.stderr
        );
    }
}

#[test]
fn an_unknown_seed_is_answered_with_the_bundled_ones() {
    let output = WorkDir::new().run(&["seed", "exmaple"]);
    assert_eq!(output.status, 1);
    assert_eq!(
        output.stderr,
        "cf-packages: `exmaple`: no file and no bundled seed has this name; the bundled seeds are `example`, `demo`\n"
    );
}

/// Each is refused into a new file and into one that is there: one line, with the file, the place and the words.
fn refused(seed: &[u8], words: &[&str]) {
    let dir = WorkDir::of_files();
    dir.write("the-seed", seed);
    let shown = String::from_utf8_lossy(&seed[..seed.len().min(300)]).into_owned();
    let check = |output: &Output| {
        assert_eq!((output.status, output.stdout.as_str()), (1, ""), "{shown}");
        assert_eq!(
            output.stderr.lines().count(),
            1,
            "{shown}\n{}",
            output.stderr
        );
        assert!(
            output.stderr.starts_with("cf-packages: `the-seed`"),
            "{}",
            output.stderr
        );
        assert!(output.stderr.len() < 1500, "{}", output.stderr);
        for word in words {
            assert!(
                output.stderr.contains(word),
                "{shown}\nshould say {word}: {}",
                output.stderr
            );
        }
    };
    check(&dir.run(&["seed", "the-seed"]));
    assert_eq!(dir.file_names(), ["the-seed"], "{shown}");
    dir.run_ok(&["seed", "example"]);
    let before = dir.read("packages.db");
    check(&dir.run(&["seed", "the-seed"]));
    assert!(before == dir.read("packages.db"), "{shown}");
}

#[test]
fn what_is_no_json_is_refused_with_line_and_column() {
    let deep = "[".repeat(100_000);
    let cases: [(&[u8], &[&str]); 16] = [
        (b"", &["is empty"]),
        (b" \n\t\n", &["is empty"]),
        (b"{", &[" line 1 column 1: ", "ends inside"]),
        (b"\n\n{\"apps\": [}", &[" line 3 column 11: ", "`}`"]),
        (
            b"{\"apps\": [],\n \"users\"",
            &[" line 2 column 8: the seed ends inside an object"],
        ),
        (b"nonsense", &[" line 1 column 2"]),
        (b"{} {}", &[" line 1 column 4: ", "`{`", "JSON Lines"]),
        (b"{}\n{\"packages\": []}", &[" line 2 column 1: "]),
        (
            b"{\"apps\": [{\"name\": \"\xff\"}]}",
            &[" line 1 column 21: ", "`0xff` is not UTF-8"],
        ),
        (b"\xEF\xBB\xBF{}", &["byte order mark"]),
        (
            b"[]",
            &["expected an object with the arrays of a seed, found an array"],
        ),
        (deep.as_bytes(), &["expected an object"]),
        (
            b"{\"organization\": {\"name\": \"a\"}}\n{\"organization\": {\"name\": \"b\"}",
            &[" line 2 column 30: ", "ends inside an object"],
        ),
        (
            b"{\"organization\": {\"name\": \"a\"}}\n\n{\"organization\": {\"name\": \"\xff\"}}",
            &[" line 3 column 28: ", "UTF-8"],
        ),
        (
            b"{\"organization\": {\"name\": \"a\"}} {\"organization\": {\"name\": \"b\"}}",
            &[" line 1 column 33: ", "own line"],
        ),
        (
            b"{\"apps\": [{\"name\": 1e999}]}",
            &["line 1", "number is too large"],
        ),
    ];
    for (seed, words) in cases {
        refused(seed, words);
    }
}

#[test]
fn deep_nesting_anywhere_is_refused() {
    let deep = "[".repeat(200_000);
    for before in [
        "{\"packages\": ",
        "{\"packages\": [{\"labels\": ",
        "{\"organization\": ",
        "{\"package\": {\"app\": ",
        "{\"zebra\": ",
        "{\"organizations\": [{\"name\": ",
    ] {
        refused(format!("{before}{deep}").as_bytes(), &[]);
        refused(
            format!("{before}{}", "{\"a\":".repeat(100_000)).as_bytes(),
            &[],
        );
    }
}

#[test]
fn a_line_without_an_end_is_not_loaded() {
    let mut line = b"{\"package\": {\"app\": \"".to_vec();
    line.resize(24 << 20, b'x');
    refused(&line, &[" line 1: is longer than 8 MiB"]);
}

#[test]
fn a_document_that_is_too_large_is_not_loaded() {
    let dir = WorkDir::of_files();
    let file = std::fs::File::create(dir.path("large")).expect("a file");
    std::io::Write::write_all(&mut &file, b"{\"packages\": [").expect("a beginning");
    // The rest is a hole: it costs nothing.
    file.set_len(1 << 30).expect("a length");
    let output = dir.run(&["seed", "large"]);
    assert_eq!(
        (output.status, output.stderr.as_str()),
        (
            1,
            "cf-packages: `large`: is larger than 256 MiB; use JSON Lines, which may be of any length\n"
        )
    );
    assert_eq!(dir.file_names(), ["large"]);
}

#[test]
fn every_wrong_entry_is_refused_with_its_path() {
    let cases: &[(&str, &[&str])] = &[
        (
            r#"{"packges": []}"#,
            &[
                "unknown field `packges`; the fields are `organizations`, `spaces`, `apps`, `users`, `packages`",
            ],
        ),
        (
            r#"{"apps": [], "apps": []}"#,
            &["the field `apps` appears twice"],
        ),
        (
            r#"{"apps": {}}"#,
            &["`apps`: expected an array, found an object"],
        ),
        (
            r#"{"organizations": [{"name": "a", "colour": 1}]}"#,
            &[
                "`organizations[0]",
                "unknown field `colour`; the fields are `guid`, `name`, `suspended`, `created_at`",
            ],
        ),
        (
            r#"{"organizations": [["g", "a"]]}"#,
            &["`organizations[0]`: expected an object, found an array"],
        ),
        (
            r#"{"organizations": [null]}"#,
            &["`organizations[0]`: expected an object, found `null`"],
        ),
        (
            r#"{"organizations": [{"name": 5}]}"#,
            &["`organizations[0].name`: expected a string, found the number `5`"],
        ),
        (
            r#"{"organizations": [{"name": "a", "name": "b"}]}"#,
            &["`organizations[0]", "the field `name` appears twice"],
        ),
        (
            r#"{"organizations": [{"name": "a", "suspended": "no"}]}"#,
            &["`organizations[0].suspended`: expected a boolean, found the text `no`"],
        ),
        (
            r#"{"organizations": [{"guid": "g"}]}"#,
            &["`organizations[0]`: the field `name` is missing"],
        ),
        (
            r#"{"organizations": [{"name": null}]}"#,
            &["`organizations[0]`: the field `name` is missing"],
        ),
        (
            r#"{"organizations": [{"name": ""}]}"#,
            &["`organizations[0].name`: `` is not a name: 1 to 250"],
        ),
        (
            r#"{"organizations": [{"name": "a\nb"}]}"#,
            &["`organizations[0].name`: `a\\nb` is not a name"],
        ),
        (
            r#"{"organizations": [{"name": "a\u0000b"}]}"#,
            &["`organizations[0].name`", "NUL"],
        ),
        (
            r#"{"organizations": [{"name": "a", "guid": "a/b"}]}"#,
            &["`organizations[0].guid`: `a/b` is not a guid"],
        ),
        (
            r#"{"users": [{"guid": "alice.json"}]}"#,
            &["`users[0].guid`: `alice.json` is not a guid: a path that ends in `.json`"],
        ),
        (
            r#"{"organizations": [{"name": "a", "created_at": "2026-02-30T00:00:00Z"}]}"#,
            &[
                "`organizations[0].created_at`: `2026-02-30T00:00:00Z` is not a time of the form `YYYY-MM-DDTHH:MM:SSZ`",
            ],
        ),
        (
            r#"{"organizations": [{"name": "a"}, {"name": "A"}]}"#,
            &["`organizations[1].name`", "`A`", "`organizations[0]`"],
        ),
        (
            r#"{"organizations": [{"guid": "g", "name": "a"}, {"guid": "g", "name": "b"}]}"#,
            &[
                "`organizations[1].guid`: the guid `g` is used twice: here and in `organizations[0]`",
            ],
        ),
        (
            r#"{"spaces": [{"name": "s"}]}"#,
            &["`spaces[0]`: the field `organization` is missing"],
        ),
        (
            r#"{"spaces": [{"name": "s", "organization": "zebra"}]}"#,
            &["`spaces[0].organization`: no organization has the guid or the name `zebra`"],
        ),
        (
            r#"{"users": [{"roles": []}]}"#,
            &["`users[0]`: both `name` and `guid` are missing"],
        ),
        (
            r#"{"users": [{"guid": "u", "roles": [{"role": "boss"}]}]}"#,
            &["`users[0].roles[0].role`: `boss` is not a role; it is one of `organization_user`, "],
        ),
        (
            r#"{"users": [{"guid": "u", "roles": [{"role": "space_developer"}]}]}"#,
            &["`users[0].roles[0]`: the field `space` is missing"],
        ),
        (
            r#"{"users": [{"guid": "u", "roles": [{"role": "space_developer", "organization": "x"}]}]}"#,
            &[
                "`users[0].roles[0].organization`: `organization` does not go with the role `space_developer`",
            ],
        ),
        (
            r#"{"users": [{"guid": "u", "roles": [{"role": "space_developer", "space": "x"}]}]}"#,
            &["`users[0].roles[0].space`: no space has the guid, the name or the path `x`"],
        ),
        (
            r#"{"packages": [{"type": "bits"}]}"#,
            &["`packages[0]`: the field `app` is missing"],
        ),
        (
            r#"{"packages": [{"app": "shop"}]}"#,
            &["`packages[0]`: the field `type` is missing"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "buildpack"}]}"#,
            &["`packages[0].type`: `buildpack` is not a type; it is one of `bits`, `docker`"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "state": "BROKEN"}]}"#,
            &["`packages[0].state`: `BROKEN` is not a state; it is one of `AWAITING_UPLOAD`, "],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "docker"}]}"#,
            &["`packages[0]`: the field `image` is missing"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "image": "i"}]}"#,
            &["`packages[0].image`: `image` does not go with the type `bits`"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "store_image": false}]}"#,
            &["`packages[0].store_image`"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "credentials": {}}]}"#,
            &["`packages[0].credentials`"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "docker", "image": "i", "credentials": "u:PW"}]}"#,
            &["`packages[0].credentials`: expected an object, found a text\n"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "docker", "image": "i", "credentials": {"password": 7312345}}]}"#,
            &["`packages[0].credentials.password`: expected a string (a secret), found a number\n"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "docker", "image": "i", "credentials": {"pass": "p"}}]}"#,
            &[
                "`packages[0].credentials",
                "unknown field `pass`; the fields are `user`, `password`, `email`, `login_server`",
            ],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "docker", "image": "i", "sha1": "0123456789012345678901234567890123456789"}]}"#,
            &["`packages[0].sha1`: `sha1` does not go with the type `docker`"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "sha1": "ABC"}]}"#,
            &["`packages[0].sha1`: `ABC` is not a checksum of 40"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "sha256": "abc"}]}"#,
            &["`packages[0].sha256`: `abc` is not a checksum of 64"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "labels": {"a b": "c"}}]}"#,
            &[
                "`packages[0].labels",
                "label key `a b`: 'a b' contains invalid characters",
            ],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "labels": {"a": "b c"}}]}"#,
            &[
                "`packages[0].labels",
                "label `a`: value `b c`: 'b c' contains invalid characters",
            ],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "labels": {"a": 1}}]}"#,
            &["`packages[0].labels.a`: expected a string, found the number `1`"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "labels": []}]}"#,
            &["`packages[0].labels`: expected an object of strings, found an array"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "labels": {"a": "b", "a": "b"}}]}"#,
            &["`packages[0].labels`: the key `a` appears twice"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "annotations": {"cloudfoundry.org/a": "b"}}]}"#,
            &["`packages[0].annotations", "reserved"],
        ),
        (
            r#"{"packages": [{"app": "x", "type": "bits"}]}"#,
            &["`packages[0].app`: no app has the guid, the name or the path `x`"],
        ),
        (
            r#"{"packages": [{"app": "shop", "type": "bits", "error": 123456789012345678901234567890}]}"#,
            &["`packages[0].error`: expected a string, found the number"],
        ),
        (
            r#"{"user": {"guid": "u", "name": ""}}"#,
            &[" line 1 column 32: `user.name`: `` is not a name"],
        ),
        (
            "{\"organization\": {\"name\": \"a\"}}\n\n{\"organisation\": {}}",
            &[
                " line 3 column 2: ",
                "unknown field `organisation`; the fields are `organization`, ",
            ],
        ),
        (
            "{\"organization\": {\"name\": \"a\"}}\n{\"space\": {\"name\": \"s\", \"organization\": \"b\"}}",
            &[
                " line 2 column 41: `space.organization`: no organization has the guid or the name `b`; in JSON Lines it must be on an earlier line",
            ],
        ),
        (
            "{\"organization\": {\"name\": \"a\"}}\n{\"organization\": {\"name\": \"A\"}}",
            &[
                " line 2 column 27: `organization.name`",
                "the `organization` of line 1",
            ],
        ),
        (
            "{\"organization\": {\"name\": \"a\"}, \"space\": {}}",
            &[" line 1", "`space`"],
        ),
        (
            "{\"organization\": {\"name\": \"a\"}}\n{}",
            &[" line 2", "empty"],
        ),
        (
            "{\"organization\": {\"name\": \"a\"}}\n7",
            &[" line 2", "found the number `7`"],
        ),
    ];
    for (seed, words) in cases {
        match seed
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(rest) if rest.starts_with("\"packages\": [") => {
                refused(house(rest).as_bytes(), words);
            }
            _ => refused(seed.as_bytes(), words),
        }
    }
    let long = "x".repeat(5001);
    refused(
        house(&format!(
            r#""packages": [{{"app": "shop", "type": "bits", "annotations": {{"a": "{long}"}}}}]"#
        ))
        .as_bytes(),
        &[
            "`packages[0].annotations",
            "is greater than 5000 characters",
        ],
    );
    refused(
        format!(r#"{{"{}": 1}}"#, "y".repeat(1 << 20)).as_bytes(),
        &["unknown field `yyy", "the fields are"],
    );
    refused(
        format!(
            r#"{{"organizations": [{{"name": "{}"}}]}}"#,
            "z".repeat(1 << 20)
        )
        .as_bytes(),
        &["`organizations[0].name`", "is not a name"],
    );
}

#[test]
fn a_name_that_two_have_needs_a_guid() {
    let seed = r#"{"organizations": [{"name": "a"}, {"name": "b"}],
        "spaces": [{"name": "dev", "organization": "a"}, {"name": "Dev", "organization": "b"}],
        "apps": [{"name": "x", "space": "dev"}]}"#;
    refused(
        seed.as_bytes(),
        &[
            "`apps[0].space`: `dev` is the name of 2 spaces; refer to one by its path, such as `a/dev`, or by its guid",
        ],
    );
}

#[test]
fn a_name_that_the_database_gives_to_something_else_is_refused() {
    let dir = WorkDir::new();
    dir.seeded(&house(r#""users": [{"guid": "u"}]"#));
    let output = dir.seed(r#"{"apps": [{"guid": "other", "name": "SHOP", "space": "dev"}]}"#);
    assert_eq!(output.status, 1);
    let words = "`apps[0].name`: the name `SHOP` is taken by the app `shop-guid` in the database";
    assert!(output.stderr.contains(words), "{}", output.stderr);
}

#[test]
fn entries_of_different_kinds_may_have_the_same_guid() {
    // Each reference is looked up among the rows of its kind, whichever was made last.
    let seed = r#"{
        "organizations": [{"guid": "g", "name": "a"}, {"guid": "h", "name": "b"}],
        "spaces": [{"guid": "h", "name": "in a", "organization": "g"}, {"guid": "g", "name": "in b", "organization": "h"}],
        "apps": [{"guid": "g", "name": "in space h", "space": "h"}, {"guid": "h", "name": "in space g", "space": "g"}],
        "users": [{"guid": "g", "roles": [{"role": "space_developer", "space": "g"},
                                          {"role": "organization_user", "organization": "h"}]}],
        "packages": [{"guid": "g", "app": "h", "type": "bits"}, {"guid": "h", "app": "g", "type": "bits"}]}"#;
    let dir = WorkDir::new();
    for report in [
        "packages: 2 added, 0 changed, 0 unchanged\n",
        "packages: 0 added, 0 changed, 2 unchanged\n",
    ] {
        let output = dir.seed(seed);
        assert_eq!(output.status, 0, "{}", output.stderr);
        assert!(output.stdout.ends_with(report), "{}", output.stdout);
    }
    assert_eq!(
        dir.rows(
            "select p.guid || ' ' || a.name || ' ' || s.name || ' ' || o.name from packages p
             join apps a on a.id = p.app_id join spaces s on s.id = a.space_id
             join organizations o on o.id = s.organization_id order by p.id"
        ),
        ["g in space g in b b", "h in space h in a a"]
    );
    assert_eq!(
        dir.rows("select s.name from space_roles r join spaces s on s.id = r.space_id"),
        ["in b"]
    );
    assert_eq!(
        dir.rows("select o.name from organization_roles r join organizations o on o.id = r.organization_id"),
        ["b"]
    );
}

#[test]
fn guid_of_a_user_follows_from_the_name() {
    let guid = |seed: &str| {
        let dir = WorkDir::new();
        dir.seeded(seed);
        dir.rows("select guid from users").remove(0)
    };
    let alice = guid(r#"{"users": [{"name": "alice"}]}"#);
    assert_eq!(
        alice,
        guid(r#"{"users": [{"name": "Alice", "roles": []}]}"#)
    );
    assert_ne!(alice, guid(r#"{"users": [{"name": "bob"}]}"#));
    assert_eq!(alice.as_bytes()[14], b'5', "{alice} is a UUID v5");
    refused(
        br#"{"users": [{"name": "alice"}, {"name": "ALICE"}]}"#,
        &["`users[1].name`: the user name `ALICE` is used twice: here and in `users[0]`"],
    );
    // With guids, several users may have the same name.
    let dir = WorkDir::new();
    dir.seeded(r#"{"users": [{"name": "alice"}, {"name": "alice", "guid": "a"}, {"name": "alice", "guid": "b"}]}"#);
    assert_eq!(dir.rows("select guid from users").len(), 3);
}
