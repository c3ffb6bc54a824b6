//! Saved answers of the API as a seed.

use std::fmt::Write as _;

use crate::support::{Server, WorkDir};

/// The answer of the API document of 2015.
const OF_2015: &str = include_str!("../fixtures/list-all-packages.response.json");

/// A page as the documentation of today's API shows it: without relationships, and the last page with a null inside `next`.
const PACKAGES: &str = r#"{
  "pagination": {
    "total_results": 2, "total_pages": 1,
    "first": {"href": "https://api.example.org/v3/packages?types=bits%2Cdocker&page=1&per_page=2"},
    "last": {"href": "https://api.example.org/v3/packages?types=bits%2Cdocker&page=1&per_page=2"},
    "next": {"href": null}, "previous": null
  },
  "resources": [
    {"guid": "3fbd0b5e-0001", "type": "bits", "data": {"checksum": {"type": "sha256", "value": null}, "error": null},
     "state": "AWAITING_UPLOAD", "created_at": "2020-03-01T08:00:00Z", "updated_at": "2020-04-01T08:00:00Z",
     "links": {"self": {"href": "https://api.example.org/v3/packages/3fbd0b5e-0001"},
               "upload": {"href": "https://api.example.org/v3/packages/3fbd0b5e-0001/upload", "method": "POST"},
               "download": {"href": "https://api.example.org/v3/packages/3fbd0b5e-0001/download", "method": "GET"},
               "app": {"href": "https://api.example.org/v3/apps/b6f1a2c4-0002"}},
     "metadata": {"labels": {}, "annotations": {}}},
    {"guid": "3fbd0b5e-0003", "type": "docker",
     "data": {"image": "registry/image:latest", "username": "robot", "password": "***"},
     "state": "READY", "created_at": "2020-03-01T08:00:00Z", "updated_at": "2020-04-01T08:00:00Z",
     "links": {"self": {"href": "https://api.example.org/v3/packages/3fbd0b5e-0003"},
               "app": {"href": "https://api.example.org/v3/apps/b6f1a2c4-0002"}}}
  ]
}"#;

/// A single package whose `data` has no more than an image.
const PACKAGE: &str = r#"{
  "guid": "3fbd0b5e-0004", "type": "docker", "data": {"image": "http://registry.example.org"}, "state": "COPYING",
  "created_at": "2020-03-01T08:00:00Z", "updated_at": "2020-04-01T08:00:00Z",
  "links": {"self": {"href": "https://api.example.org/v3/packages/3fbd0b5e-0004"},
            "app": {"href": "https://api.example.org/v3/apps/b6f1a2c4-0005"}}
}"#;

const APPS: &str = r#"{
  "pagination": {"total_results": 2, "total_pages": 2,
    "first": {"href": "https://api.example.org/v3/apps?page=1&per_page=2"},
    "last": {"href": "https://api.example.org/v3/apps?page=2&per_page=2"},
    "next": {"href": "https://api.example.org/v3/apps?page=2&per_page=2"}, "previous": null},
  "resources": [
    {"guid": "b6f1a2c4-0002", "name": "shop", "state": "STARTED", "created_at": "2020-02-01T08:00:00Z",
     "updated_at": "2020-02-02T08:00:00Z",
     "lifecycle": {"type": "buildpack", "data": {"buildpacks": ["java_buildpack"], "stack": "cflinuxfs4"}},
     "relationships": {"space": {"data": {"guid": "9a2e-0006"}}},
     "links": {"self": {"href": "https://api.example.org/v3/apps/b6f1a2c4-0002"},
               "space": {"href": "https://api.example.org/v3/spaces/9a2e-0006"},
               "start": {"href": "https://api.example.org/v3/apps/b6f1a2c4-0002/actions/start", "method": "POST"}},
     "metadata": {"labels": {"tier": "web"}, "annotations": {}}},
    {"guid": "b6f1a2c4-0005", "name": "cart", "created_at": "1970-01-01T00:00:02Z", "updated_at": "2020-02-02T08:00:00Z",
     "lifecycle": {"type": "docker", "data": {}},
     "relationships": {"space": {"data": {"guid": "9a2e-0006"}}, "current_droplet": {"data": {"guid": null}}},
     "links": {"self": {"href": "https://api.example.org/v3/apps/b6f1a2c4-0005"}}, "metadata": {"labels": {}, "annotations": {}}}
  ]
}"#;

/// A list of older documentation: its spaces have no relationships.
const SPACES: &str = r#"{
  "pagination": {"total_results": 1, "total_pages": 1,
    "first": {"href": "https://api.example.org/v3/spaces?page=1&per_page=50"},
    "last": {"href": "https://api.example.org/v3/spaces?page=1&per_page=50"}, "next": null, "previous": null},
  "resources": [
    {"guid": "9a2e-0006", "created_at": "2020-01-02T08:00:00Z", "updated_at": "2020-01-02T08:00:00Z", "name": "dev",
     "links": {"self": {"href": "https://api.example.org/v3/spaces/9a2e-0006"},
               "organization": {"href": "https://api.example.org/v3/organizations/71c3-0007"}}}
  ]
}"#;

/// A list of older documentation: its organizations have no link to themselves.
const ORGANIZATIONS: &str = r#"{
  "pagination": {"total_results": 1, "total_pages": 1,
    "first": {"href": "https://api.example.org/v3/isolation_segments/x/organizations?page=1&per_page=50"},
    "last": {"href": "https://api.example.org/v3/isolation_segments/x/organizations?page=1&per_page=50"},
    "next": null, "previous": null},
  "resources": [{"guid": "71c3-0007", "created_at": "2020-01-01T08:00:00Z", "updated_at": "2020-01-01T08:00:00Z",
                 "name": "acme", "links": {}}]
}"#;

const ROLES: &str = r#"{
  "pagination": {"total_results": 2, "total_pages": 1,
    "first": {"href": "https://api.example.org/v3/roles?include=user&page=1&per_page=50"},
    "last": {"href": "https://api.example.org/v3/roles?include=user&page=1&per_page=50"}, "next": null, "previous": null},
  "resources": [
    {"guid": "r-1", "created_at": "2020-10-10T17:19:12Z", "updated_at": "2020-10-10T17:19:12Z", "type": "organization_auditor",
     "relationships": {"user": {"data": {"guid": "u-1"}}, "organization": {"data": {"guid": "71c3-0007"}}, "space": {"data": null}},
     "links": {"self": {"href": "https://api.example.org/v3/roles/r-1"}}},
    {"guid": "r-2", "created_at": "2047-11-10T17:19:12Z", "updated_at": "2047-11-10T17:19:12Z", "type": "space_developer",
     "relationships": {"user": {"data": {"guid": "u-1"}}, "organization": {"data": null}, "space": {"data": {"guid": "9a2e-0006"}}},
     "links": {"self": {"href": "https://api.example.org/v3/roles/r-2"}}}
  ],
  "included": {"users": [{"guid": "u-1", "username": "alice", "presentation_name": "alice", "origin": "uaa",
                          "links": {"self": {"href": "https://api.example.org/v3/users/u-1"}}}]}
}"#;

/// Writes the answers to files whose order in a shell's list is not that of parents and children.
fn save_all(dir: &WorkDir) {
    for (name, text) in [
        ("apps.json", APPS),
        ("organizations.json", ORGANIZATIONS),
        ("package.json", PACKAGE),
        ("packages.json", PACKAGES),
        ("roles.json", ROLES),
        ("spaces.json", SPACES),
    ] {
        dir.write(name, text);
    }
}

const ALL: [&str; 6] = [
    "apps.json",
    "organizations.json",
    "package.json",
    "packages.json",
    "roles.json",
    "spaces.json",
];

fn seed(dir: &WorkDir, files: &[&str]) -> crate::support::Output {
    let mut arguments = vec!["seed", "--clock", "2026-01-01T00:00:00Z"];
    arguments.extend(files);
    dir.run(&arguments)
}

#[test]
fn answers_of_the_documentation_are_taken_in_any_order() {
    let dir = WorkDir::new();
    save_all(&dir);
    let output = seed(&dir, &ALL);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    let export = dir.run_ok(&["export"]);
    let expected = r#"{
  "organizations": [
    {"guid":"71c3-0007","name":"acme","created_at":"2020-01-01T08:00:00Z"}
  ],
  "spaces": [
    {"guid":"9a2e-0006","name":"dev","organization":"71c3-0007","created_at":"2020-01-02T08:00:00Z"}
  ],
  "apps": [
    {"guid":"b6f1a2c4-0002","name":"shop","space":"9a2e-0006","lifecycle":"buildpack","created_at":"2020-02-01T08:00:00Z","labels":{"tier":"web"}},
    {"guid":"b6f1a2c4-0005","name":"cart","space":"9a2e-0006","lifecycle":"docker","created_at":"1970-01-01T00:00:02Z"}
  ],
  "users": [
    {"guid":"u-1","name":"alice","roles":[{"role":"organization_auditor","organization":"71c3-0007"},{"role":"space_developer","space":"9a2e-0006"}]}
  ],
  "packages": [
    {"guid":"3fbd0b5e-0004","app":"b6f1a2c4-0005","type":"docker","image":"http://registry.example.org","state":"COPYING","created_at":"2020-03-01T08:00:00Z","updated_at":"2020-04-01T08:00:00Z"},
    {"guid":"3fbd0b5e-0001","app":"b6f1a2c4-0002","type":"bits","state":"AWAITING_UPLOAD","created_at":"2020-03-01T08:00:00Z","updated_at":"2020-04-01T08:00:00Z"},
    {"guid":"3fbd0b5e-0003","app":"b6f1a2c4-0002","type":"docker","image":"registry/image:latest","credentials":{"user":"robot"},"state":"READY","created_at":"2020-03-01T08:00:00Z","updated_at":"2020-04-01T08:00:00Z"}
  ]
}
"#;
    assert_eq!(export, expected);
    // Again, also as one file, and from standard input: nothing changes.
    let whole = [APPS, ORGANIZATIONS, PACKAGE, PACKAGES, ROLES, SPACES].join("\n");
    let output = dir.run_with(&["seed", "-"], whole.as_bytes());
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    assert!(!output.stdout.contains("1 added") && !output.stdout.contains("1 changed"));
    assert_eq!(dir.run_ok(&["export"]), expected);
}

#[test]
fn list_keeps_its_order_whatever_another_one_includes() {
    let resource = |list: &str, guid: &str, parent: &str, of: &str| {
        format!(
            r#"{{"guid": "{guid}", "name": "{guid}", "created_at": "2020-01-01T08:00:00Z", "updated_at": "2020-01-01T08:00:00Z",
                "relationships": {{"{parent}": {{"data": {{"guid": "{of}"}}}}}}, "links": {{"self": {{"href": "https://api.example.org/v3/{list}/{guid}"}}}}}}"#
        )
    };
    let space = |guid: &str| resource("spaces", guid, "organization", "o");
    let page = |resources: &[String], included: &str| {
        format!(
            r#"{{"pagination": {{"total_results": {}, "next": null}}, "resources": [{}]{included}}}"#,
            resources.len(),
            resources.join(", ")
        )
    };
    let dir = WorkDir::new();
    let included = format!(
        r#", "included": {{"spaces": [{}, {}]}}"#,
        space("s2"),
        space("s1")
    );
    let apps = [
        resource("apps", "a2", "space", "s2"),
        resource("apps", "a1", "space", "s1"),
    ];
    dir.write("apps.json", page(&apps, &included));
    dir.write("spaces.json", page(&[space("s1"), space("s2")], ""));
    let seeded = seed(&dir, &["apps.json", "spaces.json"]);
    assert_eq!(seeded.status, 0, "{}", seeded.stderr);
    let spaces = dir.run_ok(&["get", "/v3/spaces", "--api", "current", "--no-auth"]);
    let spaces: serde_json::Value = serde_json::from_str(&spaces).expect("JSON");
    let guids: Vec<_> = spaces["resources"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|one| &one["guid"])
        .collect();
    assert_eq!(guids, ["s1", "s2"]);
}

#[test]
fn packages_alone_are_enough() {
    let dir = WorkDir::new();
    dir.write("packages.json", PACKAGES);
    let output = seed(&dir, &["packages.json"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let made_up = "1 organization, 1 space, 1 app made up, because the answers refer to them and do not hold them";
    assert!(output.stderr.contains(made_up), "{}", output.stderr);
    let export = dir.run_ok(&["export"]);
    for text in [
        r#""name":"recorded","#,
        r#"{"guid":"b6f1a2c4-0002","name":"b6f1a2c4-0002","#,
        r#""lifecycle":"buildpack""#,
    ] {
        assert!(export.contains(text), "{export}");
    }
    // The same again, and then with what was missing.
    let again = seed(&dir, &["packages.json"]);
    assert_eq!((again.status, again.stderr.as_str()), (0, ""));
    assert_eq!(dir.run_ok(&["export"]), export);
    save_all(&dir);
    let output = seed(&dir, &ALL);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    assert!(
        dir.run_ok(&["export"])
            .contains(r#"{"guid":"b6f1a2c4-0002","name":"shop","space":"9a2e-0006""#)
    );
}

#[test]
fn pages_that_are_missing_are_counted() {
    let dir = WorkDir::new();
    dir.write("packages.json", OF_2015);
    let output = seed(&dir, &["packages.json"]);
    assert_eq!(output.status, 0);
    let said = "the answers hold 2 of 3 packages; save the other pages too";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    dir.write("package.json", PACKAGE);
    let output = seed(&dir, &["packages.json", "package.json"]);
    assert_eq!(output.status, 0);
    assert!(!output.stderr.contains("other pages"), "{}", output.stderr);
}

#[test]
fn app_without_its_space_gets_one_that_is_named_by_its_guid() {
    let dir = WorkDir::new();
    dir.write("apps.json", APPS);
    let output = seed(&dir, &["apps.json"]);
    assert!(
        output.stderr.contains("1 organization, 1 space made up"),
        "{}",
        output.stderr
    );
    let export = dir.run_ok(&["export"]);
    assert!(
        export.contains(r#"{"guid":"9a2e-0006","name":"9a2e-0006","#),
        "{export}"
    );
    assert!(
        export.contains(r#""name":"shop","space":"9a2e-0006""#),
        "{export}"
    );
}

#[test]
fn seeds_before_and_after_answers_are_applied_in_order() {
    let dir = WorkDir::new();
    dir.write(
        "before.json",
        r#"{"organizations": [{"guid": "71c3-0007", "name": "before"}],
            "spaces": [{"guid": "9a2e-0006", "name": "dev", "organization": "before"}]}"#,
    );
    dir.write("apps.json", APPS);
    dir.write("packages.json", PACKAGES);
    dir.write(
        "after.jsonl",
        r#"{"package": {"guid": "mine", "app": "shop", "type": "bits"}}"#,
    );
    let output = seed(
        &dir,
        &["before.json", "packages.json", "apps.json", "after.jsonl"],
    );
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    let server = dir.serve(&["--api", "current", "--no-auth"]);
    let body = server.get("/v3/packages", "").body;
    let at = |guid: &str| {
        body.find(&format!("{{\"guid\":\"{guid}\""))
            .expect("a package")
    };
    assert!(at("3fbd0b5e-0001") < at("3fbd0b5e-0003") && at("3fbd0b5e-0003") < at("mine"));
}

#[test]
fn server_takes_answers_as_its_seed() {
    let dir = WorkDir::new();
    dir.write("packages.json", OF_2015);
    let server = dir.serve(&["--ephemeral", "--seed", "packages.json", "--no-auth"]);
    let body: serde_json::Value =
        serde_json::from_str(&server.get("/v3/packages", "").body).expect("JSON");
    let saved: serde_json::Value = serde_json::from_str(OF_2015).expect("JSON");
    assert_eq!(body["resources"], saved["resources"]);
}

/// Returns the bodies of all pages of two packages.
fn pages_of_2015(server: &Server, token: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    for page in 1.. {
        let body = server
            .get(&format!("/v3/packages?page={page}&per_page=2"), token)
            .body;
        let is_last = body.contains("\"next\": null");
        bodies.push(body);
        if is_last {
            break;
        }
    }
    bodies
}

#[test]
fn saved_answers_of_2015_make_the_same_answers() {
    let dir = WorkDir::new();
    dir.write("the-seed", super::recording::HARD);
    dir.run_ok(&["seed", "the-seed"]);
    let server = dir.serve(&[]);
    let token = dir.admin_token();
    let pages = pages_of_2015(&server, &token);
    let other_dir = WorkDir::new();
    let mut arguments = vec!["seed".to_owned()];
    for (number, body) in pages.iter().enumerate() {
        other_dir.write(&format!("packages-{number}.json"), body);
        arguments.push(format!("packages-{number}.json"));
    }
    for app in ["a1", "a2"] {
        let name = format!("app-{app}.json");
        other_dir.write(&name, server.get(&format!("/v3/apps/{app}"), &token).body);
        arguments.push(name);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = other_dir.run(&arguments);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("2 spaces made up"),
        "{}",
        output.stderr
    );
    let other = other_dir.serve(&[]);
    assert_eq!(pages_of_2015(&other, &other_dir.admin_token()), pages);
}

#[test]
fn wrong_answers_are_faults_with_their_places() {
    let dir = WorkDir::new();
    save_all(&dir);
    let mut error = String::from("{\"errors\": [{\"detail\": \"Invalid Auth Token\", ");
    write!(
        error,
        "\"title\": \"CF-InvalidAuthToken\", \"code\": 1000}}]}}"
    )
    .expect("text");
    for (name, text, said) in [
        (
            "state.json",
            PACKAGES.replace("AWAITING_UPLOAD", "Ready"),
            "`state.json` line 10 column 15: `resources[0].state`: `Ready` is not a state",
        ),
        (
            "image.json",
            PACKAGES.replace("\"registry/image:latest\"", "7"),
            "`resources[1].data.image`: expected a string, found the number `7`",
        ),
        (
            "checksum.json",
            PACKAGES.replace("\"value\": null", "\"value\": \"abc\""),
            "`resources[0].data.checksum`: `abc` is not a checksum",
        ),
        (
            "app.json",
            PACKAGE.replace("\"app\"", "\"other\""),
            "`relationships.app.data.guid`: the answer names no guid here",
        ),
        ("cut.json", PACKAGES[..700].to_owned(), "ends in the middle"),
        (
            "error.json",
            error,
            "is the error `CF-InvalidAuthToken: Invalid Auth Token`",
        ),
        (
            "droplets.json",
            PACKAGES.replace("/v3/packages", "/v3/droplets"),
            "`droplets` are not part of a seed",
        ),
        (
            "name.json",
            ORGANIZATIONS.replace("71c3-0007", "other"),
            "the organization name `acme` is used twice",
        ),
    ] {
        dir.write(name, text);
        let output = seed(&dir, &["organizations.json", name]);
        assert_eq!((output.status, output.stdout.as_str()), (1, ""), "{name}");
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(output.stderr.contains(said), "{}", output.stderr);
        assert!(output.stderr.contains(name), "{}", output.stderr);
        assert!(!dir.file_names().contains(&"packages.db".to_owned()));
    }
}

#[test]
fn answers_of_the_documentation_whose_kinds_share_guids_are_taken_together() {
    let page = |list: &str, resources: &str| {
        format!(
            r#"{{"pagination": {{"total_results": 2, "total_pages": 1,
                 "first": {{"href": "https://api.example.org/v3/{list}?page=1&per_page=2"}}, "next": null}},
                "resources": [{resources}]}}"#
        )
    };
    let organization = |guid: &str, name: &str| {
        format!(
            r#"{{"guid": "{guid}", "name": "{name}", "created_at": "2017-02-01T01:33:58Z", "suspended": false,
                "links": {{"self": {{"href": "https://api.example.org/v3/organizations/{guid}"}}}}}}"#
        )
    };
    let space = |guid: &str, name: &str, parent: &str| {
        format!(
            r#"{{"guid": "{guid}", "name": "{name}", "created_at": "2017-02-01T01:33:58Z",
                "relationships": {{"organization": {{"data": {{"guid": "{parent}"}}}}}},
                "links": {{"self": {{"href": "https://api.example.org/v3/spaces/{guid}"}}}}}}"#
        )
    };
    let (one, two) = (
        "885735b5-aea4-4cf5-8e44-961af0e41920",
        "d4c91047-7b29-4fda-b7f9-04033e5c9c9f",
    );
    let organizations = [organization(one, "org1"), organization(two, "org2")].join(", ");
    // One space is in an organization of the answers, and one in an organization that is made up.
    let spaces = [
        space(one, "space1", "e00705b9-7b42-4561-ae97-2520399d2133"),
        space(two, "space2", two),
    ]
    .join(", ");
    let dir = WorkDir::new();
    dir.write("orgs.json", page("organizations", &organizations));
    dir.write("space.json", page("spaces", &spaces));
    let output = seed(&dir, &["orgs.json", "space.json"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let export = dir.run_ok(&["export", "--jsonl"]);
    for line in [
        format!(r#"{{"organization":{{"guid":"{one}","name":"org1""#),
        format!(
            r#"{{"space":{{"guid":"{one}","name":"space1","organization":"e00705b9-7b42-4561-ae97-2520399d2133""#
        ),
        format!(r#"{{"space":{{"guid":"{two}","name":"space2","organization":"{two}""#),
    ] {
        assert!(export.contains(&line), "{export}");
    }
}
