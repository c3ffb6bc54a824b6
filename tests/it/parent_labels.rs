//! Labels and annotations of organizations, spaces and apps.

use serde_json::{Value, json};

use crate::support::{Server, WorkDir};

const SEED: &str = r#"{
    "organizations": [
        {"name": "acme", "labels": {"env": "prod"}, "annotations": {"note": "a & b"}},
        {"name": "other"}
    ],
    "spaces": [
        {"name": "dev", "organization": "acme", "labels": {"env": "prod", "example.com/tier": ""}},
        {"name": "qa", "organization": "acme", "labels": {"env": "test"}}
    ],
    "apps": [
        {"name": "shop", "space": "dev", "labels": {"env": "prod"}, "annotations": {"contact": "shop@example.com"}},
        {"name": "cart", "space": "dev", "labels": {"env": "test"}},
        {"name": "mail", "space": "qa"}
    ],
    "users": [{"name": "alice", "guid": "alice", "roles": [{"role": "space_developer", "space": "qa"}]}]
}"#;

fn seeded() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("seed.json", SEED);
    dir.run_ok(&["seed", "seed.json"]);
    dir
}

fn get(server: &Server, target: &str) -> Value {
    let response = server.get(target, "");
    assert_eq!(response.status, 200, "{target}: {}", response.body);
    serde_json::from_str(&response.body).expect("JSON")
}

/// Returns the names of the resources of a list.
fn names(list: &Value) -> Vec<&str> {
    let resources = list["resources"].as_array().expect("an array");
    resources
        .iter()
        .map(|resource| resource["name"].as_str().expect("a name"))
        .collect()
}

/// Returns the metadata of the resource with that name.
fn metadata_of<'l>(resources: &'l Value, name: &str) -> &'l Value {
    let mut resources = resources.as_array().expect("an array").iter();
    let found = resources.find(|resource| resource["name"] == name);
    &found.expect("a resource of that name")["metadata"]
}

#[test]
fn labels_and_annotations_of_a_seed_are_answered() {
    let dir = seeded();
    let server = dir.serve(&["--no-auth", "--api", "current"]);
    let apps = get(&server, "/v3/apps?include=space.organization");
    let shop = &apps["resources"][0];
    let metadata =
        json!({"labels": {"env": "prod"}, "annotations": {"contact": "shop@example.com"}});
    assert_eq!(shop["metadata"], metadata);
    assert_eq!(
        apps["resources"][2]["metadata"],
        json!({"labels": {}, "annotations": {}})
    );
    let dev = json!({"labels": {"env": "prod", "example.com/tier": ""}, "annotations": {}});
    let acme = json!({"labels": {"env": "prod"}, "annotations": {"note": "a & b"}});
    assert_eq!(*metadata_of(&apps["included"]["spaces"], "dev"), dev);
    assert_eq!(
        *metadata_of(&apps["included"]["organizations"], "acme"),
        acme
    );
    assert_eq!(get(&server, "/v3/spaces")["resources"][0]["metadata"], dev);
    assert_eq!(
        get(&server, "/v3/organizations")["resources"][0]["metadata"],
        acme
    );
    let guid = shop["guid"].as_str().expect("a guid");
    assert_eq!(
        get(&server, &format!("/v3/apps/{guid}"))["metadata"],
        metadata
    );
}

#[test]
fn label_selector_finds_parents() {
    let dir = seeded();
    let server = dir.serve(&["--no-auth", "--api", "current"]);
    for (target, expected) in [
        ("/v3/organizations?label_selector=env%3Dprod", &["acme"][..]),
        ("/v3/organizations?label_selector=!env", &["other"]),
        ("/v3/spaces?label_selector=env", &["dev", "qa"]),
        ("/v3/spaces?label_selector=env,example.com/tier", &["dev"]),
        ("/v3/spaces?label_selector=env+in+(test,none)", &["qa"]),
        (
            "/v3/apps?label_selector=env+notin+(prod)",
            &["cart", "mail"],
        ),
        (
            "/v3/apps?label_selector=env!%3Dtest&order_by=-name",
            &["shop", "mail"],
        ),
        ("/v3/apps?label_selector=env%3Dprod,env%3Dtest", &[]),
        // The label of the space, not of the app.
        ("/v3/apps?label_selector=example.com/tier", &[]),
    ] {
        // Both from the index and from the list cache.
        for _ in 0..4 {
            let list = get(&server, target);
            assert_eq!(names(&list), expected, "{target}");
            assert_eq!(
                list["pagination"]["total_results"],
                expected.len(),
                "{target}"
            );
        }
    }
}

/// The requests of `cf` 8: the lists that its commands read, with the parameters that it sends.
#[test]
fn requests_of_cf_for_labels_are_answered() {
    let dir = seeded();
    let server = dir.serve(&["--no-auth", "--api", "current"]);
    let guid = |list: &Value| {
        list["resources"][0]["guid"]
            .as_str()
            .expect("a guid")
            .to_owned()
    };
    let organization = guid(&get(&server, "/v3/organizations?names=acme"));
    let space = guid(&get(&server, "/v3/spaces?names=dev"));
    // cf labels app shop
    let target = format!("/v3/apps?names=shop&space_guids={space}&per_page=1&page=1");
    assert_eq!(
        get(&server, &target)["resources"][0]["metadata"]["labels"],
        json!({"env": "prod"})
    );
    // cf apps --labels env=prod
    let target = format!(
        "/v3/apps?label_selector=env%3Dprod&order_by=name&per_page=5000&space_guids={space}"
    );
    assert_eq!(names(&get(&server, &target)), ["shop"]);
    // cf spaces --labels env=prod
    let target = format!(
        "/v3/spaces?label_selector=env%3Dprod&order_by=name&organization_guids={organization}"
    );
    assert_eq!(names(&get(&server, &target)), ["dev"]);
}

#[test]
fn label_selector_shows_only_visible_parents() {
    let dir = seeded();
    let server = dir.serve(&["--api", "current"]);
    let token = dir.token("alice");
    let list = |target| {
        let response = server.get(target, &token);
        serde_json::from_str::<Value>(&response.body).expect("JSON")
    };
    assert_eq!(names(&list("/v3/spaces?label_selector=env")), ["qa"]);
    assert_eq!(
        names(&list("/v3/organizations?label_selector=env")),
        ["acme"]
    );
    assert_eq!(names(&list("/v3/apps?label_selector=env")), [""; 0]);
}

#[test]
fn changed_labels_are_seen_by_every_later_request() {
    let dir = seeded();
    let server = dir.serve(&["--no-auth", "--api", "current"]);
    let targets = [
        "/v3/apps?label_selector=env%3Dprod",
        "/v3/spaces?label_selector=env%3Dprod",
        "/v3/organizations?label_selector=env%3Dprod",
    ];
    for target in targets {
        for _ in 0..4 {
            assert_eq!(names(&get(&server, target)).len(), 1, "{target}");
        }
    }
    dir.write(
        "seed.json",
        SEED.replace("\"env\": \"prod\"", "\"env\": \"gone\""),
    );
    let report = dir.run_ok(&["seed", "seed.json"]);
    assert!(
        report.contains("organizations: 0 added, 1 changed, 1 unchanged"),
        "{report}"
    );
    assert!(
        report.contains("apps: 0 added, 1 changed, 2 unchanged"),
        "{report}"
    );
    for target in targets {
        assert_eq!(names(&get(&server, target)).len(), 0, "{target}");
        let gone = target.replace("prod", "gone");
        assert_eq!(names(&get(&server, &gone)).len(), 1, "{gone}");
    }
    // An entry without labels has none.
    let plain = "{\"organizations\": [{\"name\": \"acme\"}]}";
    dir.write("seed.json", plain);
    dir.run_ok(&["seed", "seed.json"]);
    assert_eq!(
        names(&get(&server, "/v3/organizations?label_selector=!env")),
        ["acme", "other"]
    );
}

#[test]
fn export_of_labels_seeds_the_same_data() {
    let dir = seeded();
    let exported = dir.run_ok(&["export"]);
    assert!(
        exported.contains("\"labels\":{\"env\":\"prod\",\"example.com/tier\":\"\"}"),
        "{exported}"
    );
    assert!(
        exported.contains("\"annotations\":{\"note\":\"a & b\"}"),
        "{exported}"
    );
    dir.write("export.json", &exported);
    dir.run_ok(&["seed", "export.json", "--db", "copy.db"]);
    assert_eq!(dir.run_ok(&["export", "--db", "copy.db"]), exported);
}

#[test]
fn labels_that_no_controller_accepts_are_refused() {
    let dir = WorkDir::new();
    let many: Vec<String> = (0..51).map(|n| format!("\"k{n}\":\"v\"")).collect();
    for (labels, fault) in [
        ("{\"-a\":\"b\"}", "starts or ends with invalid characters"),
        ("{\"cloudfoundry.org/a\":\"b\"}", "is reserved"),
        ("{\"a\":\"b c\"}", "contains invalid characters"),
        (&*format!("{{{}}}", many.join(",")), "50"),
    ] {
        for entry in [
            format!("{{\"organizations\":[{{\"name\":\"a\",\"labels\":{labels}}}]}}"),
            format!(
                "{{\"spaces\":[{{\"name\":\"a\",\"organization\":\"o\",\"labels\":{labels}}}]}}"
            ),
            format!("{{\"apps\":[{{\"name\":\"a\",\"space\":\"s\",\"labels\":{labels}}}]}}"),
        ] {
            dir.write("seed.json", &entry);
            let output = dir.run(&["seed", "seed.json"]);
            assert_eq!(output.status, 1, "{entry}");
            assert!(output.stderr.contains("[0].labels"), "{}", output.stderr);
            assert!(output.stderr.contains(fault), "{}", output.stderr);
        }
    }
}

#[test]
fn check_compares_labels_with_their_index() {
    for (kind, table) in [
        ("organization", "organizations"),
        ("space", "spaces"),
        ("app", "apps"),
    ] {
        let dir = seeded();
        let sql = format!(
            "update {kind}_labels set key = 'other' where key = 'env' and {kind}_id = (select min(id) from {table})"
        );
        assert_eq!(dir.change(&[&sql]), 1);
        let output = dir.run(&["check"]);
        assert_eq!(output.status, 1, "{kind}");
        for fault in [
            "has labels that selectors do not find",
            "is found by labels that it does not have",
        ] {
            let named = |line: &str| line.contains(&format!(" {kind} `")) && line.contains(fault);
            assert!(
                output.stderr.lines().any(named),
                "{kind}: {}",
                output.stderr
            );
        }
    }
}
